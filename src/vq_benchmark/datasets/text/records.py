"""Passages and queries: an identifier and a text each, in the layouts of MS MARCO, BEIR and MTEB."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from vq_benchmark.datasets.text.field_names import IDENTIFIER, TEXT, TITLE, first_place, first_value
from vq_benchmark.datasets.text.lines import filled_lines
from vq_benchmark.datasets.text.parquet_rows import SUFFIX, parquet_rows
from vq_benchmark.errors import InputError
from vq_benchmark.machine.documents import parsed_json

TABLES = (".tsv",)
OBJECTS = (".jsonl", ".json", "")
"""Without an extension, such as the `msmarco_passage_00.gz` of MS MARCO v2."""


class TextRecord(NamedTuple):
    """A passage or a query."""

    id: str
    text: str


Parse = Callable[[str], TextRecord]


def read_records(path: Path) -> Iterator[TextRecord]:
    """The records of a file in order, one at a time; .gz may follow the extension. Blank lines are skipped.

    .tsv: `id <tab> text`, no quoting; further tabs are part of the text (MS MARCO). A header may name the columns,
        and a title among them.
    .jsonl: objects with an identifier, a text and optionally a title, which is put before the text (BEIR, MTEB, MS
        MARCO v2); `field_names` has the names of these.
    .parquet: columns of the same names (newer MTEB); a path with * stands for several files.

    Raises:
        InputError: another extension, or a line with another layout; the sentence gives its number.
    """
    suffix = text_suffix(path)
    if suffix == SUFFIX:
        yield from _from_parquet(path)
        return
    if suffix not in TABLES + OBJECTS:
        raise InputError(
            f"{str(path)!r} has an unknown extension; text can be .tsv, .jsonl or .parquet, and the first "
            "two may end in .gz."
        )
    parse: Parse | None = _from_json if suffix in OBJECTS else None
    for number, line in filled_lines(path):
        if parse is None:
            by_header = _columns_of(line)
            parse = by_header or _from_tsv
            if by_header:
                continue
        try:
            yield parse(line)
        except ValueError as error:
            raise InputError(f"{str(path)!r}, line {number}: {_shortened(line)} {error}.") from None


def text_suffix(path: Path) -> str:
    """The extension in lower case, without a .gz after it."""
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def checked_id(name: str) -> str:
    """An identifier without spaces around it; ValueError if nothing is left, or it has a tab or a line end."""
    name = _encodable(name.strip())
    if not name:
        raise ValueError("has an empty identifier")
    if any(character in name for character in "\t\n\r"):
        raise ValueError("has an identifier with a tab or a line end")
    return name


def titled(title: str, text: str) -> str:
    """The text after its title, if it has one, as BEIR joins them."""
    return f"{title} {text}".strip() if title else text


def _columns_of(line: str) -> Parse | None:
    """How to parse the lines below a header; None if the line is not a header."""
    names = [name.strip().casefold() for name in line.split("\t")]
    id_at, text_at, title_at = (first_place(names, known) for known in (IDENTIFIER, TEXT, TITLE))
    if id_at is None or text_at is None:
        return None
    return partial(_from_columns, len(names), id_at, text_at, title_at)


def _from_columns(count: int, id_at: int, text_at: int, title_at: int | None, line: str) -> TextRecord:
    fields = line.split("\t", count - 1 if text_at == count - 1 else -1)
    if len(fields) != count:
        raise ValueError(f"has {len(fields)} columns, but the header has {count}")
    return TextRecord(
        checked_id(fields[id_at]), titled("" if title_at is None else fields[title_at], fields[text_at])
    )


def _from_tsv(line: str) -> TextRecord:
    name, tab, text = line.partition("\t")
    if not tab:
        raise ValueError("has no tab; it must be an identifier, a tab and the text")
    return TextRecord(checked_id(name), text)


def _from_parquet(path: Path) -> Iterator[TextRecord]:
    for place, fields in parquet_rows(path, {*IDENTIFIER, *TEXT, *TITLE}):
        try:
            yield _from_fields(fields)
        except ValueError as error:
            raise InputError(f"{place}: {_shortened(str(fields))} {error}.") from None


def _from_json(line: str) -> TextRecord:
    try:
        found = parsed_json(line)
    except ValueError:
        raise ValueError("is not JSON") from None
    return _from_fields(found if isinstance(found, dict) else {})


def _from_fields(fields: Mapping[str, object]) -> TextRecord:
    name, text = first_value(fields, IDENTIFIER), first_value(fields, TEXT)
    if isinstance(name, int) and not isinstance(name, bool):
        name = str(name)
    if not isinstance(name, str) or not isinstance(text, str):
        raise ValueError(
            "is not an object with the strings _id and text, or others of the same meaning, such as pid and passage"
        )
    title = first_value(fields, TITLE) or ""
    if not isinstance(title, str):
        raise ValueError("has a title that is not a string")
    return TextRecord(checked_id(name), _encodable(titled(title, text)))


def _encodable(text: str) -> str:
    """The text without halves of surrogate pairs, which JSON may contain and no encoder accepts."""
    return text.encode("utf-8", errors="replace").decode()


def _shortened(line: str) -> str:
    return repr(line if len(line) <= 60 else f"{line[:60]}…")
