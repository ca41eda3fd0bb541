"""Data sets that are downloaded: one row each, one file for each kind of hosting."""
