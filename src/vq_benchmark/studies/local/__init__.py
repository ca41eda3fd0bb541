"""Run a study on this machine, in one process or several."""
