"""Rows with labels: read, checked, split, tokenised, batched."""
