"""Damaged files: what a library raises for their bytes becomes one sentence.

Every reader names the exceptions that its library raises for damaged bytes; any other exception is a bug.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vq_benchmark.errors import InputError

SHOWN_CHARACTERS = 200
MISSHAPEN = (KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError)
"""Exceptions from using a decoded value of unexpected structure: a key is missing, a list is a number."""


@contextmanager
def reading(path: Path, *raised: type[Exception], what: str = "", remedy: str = "") -> Iterator[None]:
    """Turn OSError and the given errors of a library into an InputError that names the file.

    The sentence can say `what` the file is not, such as "a readable model", and end with a `remedy`.
    """
    handled: tuple[type[Exception], ...] = (OSError, *raised)
    try:
        yield
    except handled as error:
        fault = f"is not {what}" if what else "cannot be read"
        raise InputError(f"{str(path)!r} {fault}: {reason_of(error)}{remedy}.") from error


@contextmanager
def taking_apart(what: str) -> Iterator[None]:
    """Turn what misshapen values raise into a ValueError that says what was expected; also a decorator."""
    try:
        yield
    except MISSHAPEN as error:
        raise ValueError(f"it does not hold {what}: {reason_of(error)}") from error


def reason_of(error: Exception) -> str:
    """The reason for an error, on one line, as the end of a sentence without its full stop."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, KeyError) and error.args:
        said = str(error.args[0])
        reason = said if " " in said else f"{said!r} is missing"
    else:
        reason = str(error) or type(error).__name__
    line = " ".join(reason.split()).rstrip(".")
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[:SHOWN_CHARACTERS]}…"
