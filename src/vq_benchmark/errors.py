"""Errors for users, one sentence each: what is wrong and what would be right; and `Stopped`."""


class InputError(Exception):
    """Bad usage or bad input. The command line prints the sentence and exits with code 2."""


class BadRows(InputError):
    """Vectors that cannot be measured with any method: not finite, too large, too small, zero under cosine."""


class ChangedData(InputError):
    """Vectors that differ from those that existing data was computed from, or that changed while they were read."""


class InfeasibleBudget(InputError):
    """A method without a configuration at or under the requested bits per dimension."""


class NotFitted(InputError, AttributeError):
    """A quantizer that was used before `fit`. For Python it also is an attribute that does not exist yet."""


class Stopped(Exception):
    """Raised when a signal asked to stop and the work ended between two blocks. The cell did not fail."""

    def __init__(self, signal: str, label: str, done: int, tasks: int | None = None) -> None:
        """`done` counts rows, or, if `tasks` is given, the finished ones among them."""
        if tasks is not None:
            how_far = f" with {done:,} of {tasks:,} tasks done"
        else:
            how_far = f" after {done:,} rows" if done else ""
        super().__init__(f"{signal} stopped {label}{how_far}; rerun the same command to resume.")
        self.signal = signal
        """Name of the signal, such as "SIGTERM"."""
        self.label = label
        """What was stopped: the method and its parameters, or the search for exact neighbours."""
        self.rows_done = done
        """Rows, or tasks, that need not be redone."""
