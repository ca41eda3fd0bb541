"""Vectors in one parquet file or in many: which column holds them, where its rows are, and how they are read."""
