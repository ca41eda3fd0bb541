"""A study on a SLURM cluster: job scripts, submission, what became of the tasks, and repair."""
