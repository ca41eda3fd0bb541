"""What vector databases and search libraries do to vectors: configurations of the methods, as rows of data."""
