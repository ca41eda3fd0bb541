"""Printed tables as Markdown and as HTML, cell by cell the same. What names hold is text in both."""

import re
from collections.abc import Iterable, Sequence
from html import escape

from rich.table import Table
from rich.text import Text

from vq_benchmark.reports.formatting import one_line

STYLE = "text-align: right; padding: 0 .6em; white-space: nowrap"
"""Of cells with numbers; the sheet of a notebook must not be relied on."""


def markdown(tables: Iterable[Table]) -> str:
    """The tables in the Markdown of GitHub, each with its title above and its legend below."""
    return "\n".join(_markdown(table) for table in tables)


def html(tables: Iterable[Table], most_rows: int | None = None) -> str:
    """The tables as HTML elements, without scripts or style sheets.

    Args:
        most_rows: rows of a table to show; what is left out is counted below.
    """
    return "\n".join(_html(table, most_rows) for table in tables)


def _markdown(table: Table) -> str:
    headers, rows = _cells(table)
    marks = [":---" if column.justify == "left" else "---:" for column in table.columns]
    lines = [[_in_markdown(cell) for cell in line] for line in [headers, *rows]]
    lines.insert(1, marks)
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
    title, caption = _words(table.title), _words(table.caption)
    above = f"**{_in_markdown(title)}**\n\n" if title else ""
    return above + text + (f"\n{_in_markdown(caption)}\n" if caption else "")


def _html(table: Table, most_rows: int | None) -> str:
    headers, rows = _cells(table)
    shown = rows if most_rows is None else rows[:most_rows]
    styles = ["text-align: left" if column.justify == "left" else STYLE for column in table.columns]

    def line(kind: str, cells: Sequence[str]) -> str:
        texts = (
            f'<{kind} style="{style}">{escape(cell)}</{kind}>' for style, cell in zip(styles, cells, strict=True)
        )
        return f"<tr>{''.join(texts)}</tr>"

    title, caption = _words(table.title), _words(table.caption)
    left_out = len(rows) - len(shown)
    parts = [
        f"<p><strong>{escape(title)}</strong></p>" if title else "",
        f"<table><thead>{line('th', headers)}</thead>",
        f"<tbody>{''.join(line('td', row) for row in shown)}</tbody></table>",
        f"<p>{left_out:,} more rows</p>" if left_out else "",
        f"<p><small>{escape(caption)}</small></p>" if caption else "",
    ]
    return "\n".join(filter(None, parts))


def _cells(table: Table) -> tuple[list[str], list[list[str]]]:
    headers = [one_line(_words(column.header)) for column in table.columns]
    columns = [[_words(cell) for cell in column.cells] for column in table.columns]
    return headers, [list(row) for row in zip(*columns, strict=True)]


def _words(text: object) -> str:
    """A text of one line."""
    return " ".join((text.plain if isinstance(text, Text) else str(text or "")).split())


def _in_markdown(text: str) -> str:
    """The text with a backslash before everything that Markdown reads as markup."""
    return re.sub(r"([\\`*_{}\[\]<>|~#$])", r"\\\1", text)
