"""Floor 2, results on disk: the database, merging, fitted models, checkpoints."""
