"""Errors for people, in one sentence each: what is wrong and what would be right; and being stopped."""


class InputError(Exception):
    """Bad usage or bad input. The command line prints the sentence and exits with code 2."""


class BadRows(InputError):
    """Vectors that cannot be measured, whatever the method: not finite, too large, too small, zero under cosine."""


class ChangedData(InputError):
    """Vectors are not those that something at hand was computed from, or changed while they were read."""


class InfeasibleBudget(InputError):
    """A method has no configuration at or under the bits per dimension that were asked for."""


class Stopped(Exception):
    """A signal asked to stop, and the work ended between two blocks. The cell did not fail."""

    def __init__(self, signal: str, label: str, done: int, tasks: int | None = None) -> None:
        """`done` counts rows, or, where there are `tasks`, those of them that are done."""
        if tasks is not None:
            how_far = f" with {done:,} of {tasks:,} tasks done"
        else:
            how_far = f" after {done:,} rows" if done else ""
        super().__init__(f"{signal} stopped {label}{how_far}; rerun the same command to resume.")
        self.signal = signal
        """Name of the signal, such as "SIGTERM"."""
        self.label = label
        """What was stopped: the method and its parameters, or the search of exact neighbours."""
        self.rows_done = done
        """Rows, or tasks, that need not be done again."""
