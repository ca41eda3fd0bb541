"""Relevance judgements by identifier, in the layouts of TREC, BEIR, MTEB and MS MARCO."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from vq_benchmark.datasets.text.field_names import PASSAGE, QUERY, RELEVANCE, first_place, first_value
from vq_benchmark.datasets.text.lines import filled_lines
from vq_benchmark.datasets.text.parquet_rows import SUFFIX, parquet_rows
from vq_benchmark.datasets.text.records import checked_id
from vq_benchmark.errors import InputError
from vq_benchmark.machine.documents import parsed_json

Relevances = dict[tuple[str, str], int]
"""The relevance of each judged pair of a query and a passage, in the order of the file."""
NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d*)?|\.\d{1,30})([eE][+-]?\d{1,3})?", re.ASCII)
MOST_RELEVANT = 2**31 - 1
COLUMNS = {3: (0, 1, 2), 4: (0, 2, 3)}
"""Query, passage and relevance in lines of BEIR and of TREC without a header that names them, by number of fields."""


class Judgement(NamedTuple):
    """How relevant a passage is for a query; above 0 is relevant."""

    query: str
    passage: str
    relevance: int
    line: int = 0
    """In its file, from 1."""


def read_judgements(path: Path) -> Iterator[Judgement]:
    """The judgements of a file in order, one at a time; .gz may follow the extension. Blank lines are skipped.

    Lines of `query 0 passage relevance` (TREC) or `query passage relevance` (BEIR), with or without a header, between
    tabs or else any white space; only between tabs may an identifier hold spaces. Or JSON objects (MTEB). A relevance
    is a whole number, perhaps written as 1.0. Or parquet with columns of these names; a path with * stands for
    several files.

    Raises:
        InputError: a line has another layout than the first; the sentence gives its number.
    """
    if path.suffix.lower() == SUFFIX:
        yield from _from_parquet(path)
        return
    columns: tuple[int, ...] | None = None
    expected = 0
    for number, line in filled_lines(path):
        try:
            if line.lstrip().startswith("{"):
                yield _from_json(line, number)
                continue
            fields = _fields(line)
            if columns is None:
                named = _named_columns(fields)
                columns, expected = named or COLUMNS.get(len(fields), ()), len(fields)
                if named or _is_header(fields):
                    continue
            if len(fields) != expected or not columns:
                raise ValueError("is not a judgement")
            query, passage, relevance = (fields[place] for place in columns)
            yield _judgement(query, passage, relevance, number)
        except ValueError as error:
            raise InputError(
                f"{str(path)!r}, line {number}: {line[:80]!r} {error}; it must be `query 0 passage relevance` or "
                "`query passage relevance`, with a whole number at its end."
            ) from None


def unnamed_header(path: Path) -> str | None:
    """The first line that is not blank, where it is skipped as a header although it does not name its columns."""
    if path.suffix.lower() == SUFFIX:
        return None
    first = next((line for _, line in filled_lines(path)), "")
    fields = _fields(first)
    is_header = not first.lstrip().startswith("{") and not _named_columns(fields) and _is_header(fields)
    return first if is_header else None


def highest_relevances(judgements: Iterable[Judgement]) -> tuple[Relevances, int]:
    """The highest relevance of each pair, and how many judgements differ from an earlier one of the same pair."""
    judged: Relevances = {}
    differing = 0
    for query, passage, relevance, _ in judgements:
        earlier = judged.setdefault((query, passage), relevance)
        if earlier != relevance:
            differing += 1
            judged[query, passage] = max(earlier, relevance)
    return judged, differing


def whole_number(text: str) -> int | None:
    """The whole number that a text is, perhaps written as 1.0 or 1e0; None if it is another number, or none."""
    if not NUMBER.fullmatch(text):
        return None
    if text.lstrip("+-").isdigit():
        return int(text)
    value = float(text)
    return int(value) if value.is_integer() else None


def _judgement(query: str, passage: str, relevance: str, line: int) -> Judgement:
    grade = whole_number(relevance)
    if grade is None and NUMBER.fullmatch(relevance):
        raise ValueError(
            f"has the relevance {relevance}, which is not a whole number: round it, or scale all of them"
        )
    if grade is None:
        raise ValueError("is not a judgement")
    if abs(grade) > MOST_RELEVANT:
        raise ValueError(f"has a relevance above {MOST_RELEVANT}")
    return Judgement(checked_id(query), checked_id(passage), grade, line)


def _fields(line: str) -> list[str]:
    """What stands between tabs if these part three fields or more, else between any white space."""
    fields = [field.strip() for field in line.split("\t")]
    return fields if len(fields) >= min(COLUMNS) and all(fields) else line.split()


def _is_header(fields: list[str]) -> bool:
    return len(fields) in COLUMNS and not any(NUMBER.fullmatch(field) for field in fields)


def _named_columns(fields: list[str]) -> tuple[int, ...] | None:
    """Where query, passage and relevance stand, if the fields name all three."""
    names = [field.casefold() for field in fields]
    places = [first_place(names, known) for known in (QUERY, PASSAGE, RELEVANCE)]
    found = tuple(place for place in places if place is not None)
    return found if len(set(found)) == len(places) else None


def _from_parquet(path: Path) -> Iterator[Judgement]:
    for number, (place, fields) in enumerate(parquet_rows(path, {*QUERY, *PASSAGE, *RELEVANCE}), start=1):
        try:
            yield _from_fields(fields, number)
        except ValueError as error:
            raise InputError(f"{place}: {str(fields)[:80]} {error}.") from None


def _from_json(text: str, line: int) -> Judgement:
    try:
        fields = parsed_json(text)
    except ValueError:
        raise ValueError("is not JSON") from None
    return _from_fields(fields, line)


def _from_fields(fields: Mapping[str, object], line: int) -> Judgement:
    values = [first_value(fields, known) for known in (QUERY, PASSAGE, RELEVANCE)]
    if any(value is None or isinstance(value, bool | list | dict) for value in values):
        raise ValueError("is not an object with query-id, corpus-id and score")
    query, passage, relevance = map(str, values)
    return _judgement(query, passage, relevance, line)
