"""Data sets that are downloaded: one row each in `registry`, and one class for each kind of hosting."""
