"""Compiled loops over rows. Each row is computed alone: its result depends on no other row, and on no thread."""
