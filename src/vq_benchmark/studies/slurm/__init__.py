"""A study on a SLURM cluster: job scripts, submission, status, resuming, cancelling."""
