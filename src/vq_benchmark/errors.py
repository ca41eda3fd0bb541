"""The errors that are meant for people: one sentence, what is wrong, what would be right."""


class InputError(Exception):
    """Bad usage or bad input. The command line prints the sentence and exits with code 2."""


class BadRows(InputError):
    """Vectors that cannot be measured, whatever the method: not finite, too large, or zero under cosine."""


class InfeasibleBudget(InputError):
    """A method has no configuration at or under the bits per dimension that were asked for."""
