"""Results as files for other programs: one function for each format."""
