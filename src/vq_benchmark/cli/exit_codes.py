"""The exit codes of the program; 128 + N is the signal N that stopped it."""

SOME_FAILED = 1
"""The command did its work, but some of it failed; the output names what."""
BAD_INPUT = 2
"""Bad usage or bad input; nothing was done."""
