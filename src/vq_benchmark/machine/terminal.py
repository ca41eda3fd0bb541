"""Text on its way to a terminal: names of files, columns and data sets come from elsewhere and may hold its commands.

Everything that the program shows goes through `echo` or a `Terminal`.
"""

import sys
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment


def printable(text: str, kept: str = "\n") -> str:
    """The text with all characters that do not print, but those `kept`, written as Python writes them: \\x1b."""
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
    """A console whose tables, lines and bars show characters that do not print, instead of obeying them."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The pieces of what is shown; those that are commands of ours stay as they are."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)
