"""Which file or array is which part of a data set."""
