"""The commands of studies, on this machine and on SLURM."""
