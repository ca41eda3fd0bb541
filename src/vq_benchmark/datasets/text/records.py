"""Passages and queries: an identifier and a text each, in the layouts of MS MARCO and BEIR."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from vq_benchmark.datasets.text.lines import numbered_lines
from vq_benchmark.errors import InputError
from vq_benchmark.machine.documents import parsed_json


class TextRecord(NamedTuple):
    """A passage or a query."""

    id: str
    text: str


def read_records(path: Path) -> Iterator[TextRecord]:
    """The records of a file in order, one at a time; .gz may follow the extension.

    .tsv: `id <tab> text`, no header, no quoting; further tabs are part of the text (MS MARCO).
    .jsonl: objects with `_id`, `text` and optionally `title`, which is put before the text (BEIR).

    Raises:
        InputError: another extension, or a line with another layout; the sentence gives its number.
    """
    parse = {".tsv": _from_tsv, ".jsonl": _from_json}.get(text_suffix(path))
    if parse is None:
        raise InputError(
            f"{str(path)!r} has an unknown extension; text can be .tsv or .jsonl, and either may end in .gz."
        )
    for number, line in numbered_lines(path):
        try:
            yield parse(line)
        except ValueError as error:
            raise InputError(f"{str(path)!r}, line {number}: {_shortened(line)} {error}.") from None


def text_suffix(path: Path) -> str:
    """The extension in lower case, without a .gz after it."""
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def _from_tsv(line: str) -> TextRecord:
    name, tab, text = line.partition("\t")
    if not tab:
        raise ValueError("has no tab; it must be an identifier, a tab and the text")
    return TextRecord(_checked(name), text)


def _from_json(line: str) -> TextRecord:
    try:
        found = parsed_json(line)
    except ValueError:
        raise ValueError("is not JSON") from None
    name, text = (found.get("_id"), found.get("text")) if isinstance(found, dict) else (None, None)
    if isinstance(name, int):
        name = str(name)
    if not isinstance(name, str) or not isinstance(text, str):
        raise ValueError("is not an object with the strings _id and text")
    title = found.get("title") or ""
    if not isinstance(title, str):
        raise ValueError("has a title that is not a string")
    joined = f"{title} {text}".strip() if title else text
    # JSON may contain half of a surrogate pair, which no encoder accepts.
    return TextRecord(_checked(name), joined.encode("utf-8", errors="replace").decode())


def _checked(name: str) -> str:
    if name.split() != [name]:
        raise ValueError("has an identifier that is empty or holds white space")
    return name


def _shortened(line: str) -> str:
    return repr(line if len(line) <= 60 else f"{line[:60]}…")
