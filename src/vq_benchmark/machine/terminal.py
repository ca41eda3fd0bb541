"""Safe output to a terminal: names of files, columns and data sets may contain terminal control sequences.

All output of the program goes through `echo` or a `Terminal`.
"""

import sys
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment


def printable(text: str, kept: str = "\n") -> str:
    """The text with non-printable characters, except those in `kept`, escaped as in Python: \\x1b."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in kept else repr(character)[1:-1] for character in text
    )


def echo(text: object, *, err: bool = False) -> None:
    """Write a line, or several, to stdout or stderr."""
    stream = sys.stderr if err else sys.stdout
    stream.write(f"{printable(str(text))}\n")
    stream.flush()


class Terminal(Console):
    """A console that escapes non-printable characters in its tables, lines and bars."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments to show, escaped except for our own control sequences."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)
