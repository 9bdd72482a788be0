"""Rows in, rows out, a chunk at a time: files of any length, and outputs that survive being killed."""
