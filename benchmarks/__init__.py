"""Benchmarks: ftlab against what a user would pick instead, and its parts against their limits."""
