"""Floor 6, beside the command line: sweeps and their results for Python programs and notebooks."""
