"""Relevance judgements by identifier, in the layouts of TREC and BEIR."""

import re
from pathlib import Path

from vq_benchmark.datasets.text.lines import numbered_lines
from vq_benchmark.errors import InputError

Relevances = dict[tuple[str, str], int]
"""The relevance of each judged pair of a query and a passage, in the order of the file."""
RELEVANCE = re.compile(r"[+-]?\d{1,9}", re.ASCII)
TREC_FIELDS, BEIR_FIELDS = 4, 3


def read_judged_pairs(path: Path) -> Relevances:
    """Lines `query 0 passage relevance` (TREC), or `query passage relevance` after a header (BEIR); any white space.

    Raises:
        InputError: there are no judgements, a line has another layout than the first, or a pair has two different
            relevances; the sentence gives the number of the line.
    """
    judged: Relevances = {}
    expected = None
    for number, line in numbered_lines(path):
        fields = line.split()
        if not fields:
            continue
        if expected is None:
            expected = len(fields)
            if expected == BEIR_FIELDS and not _is_integer(fields[-1]):
                continue
        if len(fields) != expected or expected not in (TREC_FIELDS, BEIR_FIELDS) or not _is_integer(fields[-1]):
            raise InputError(
                f"{str(path)!r}, line {number}: {line[:80]!r} is not a judgement; it must be `query 0 passage "
                "relevance`, or `query passage relevance` after a header."
            )
        pair, relevance = (fields[0], fields[-2]), int(fields[-1])
        if judged.setdefault(pair, relevance) != relevance:
            raise InputError(
                f"{str(path)!r}, line {number}: passage {pair[1]} has relevance {relevance} for query {pair[0]}, "
                f"but {judged[pair]} in an earlier line."
            )
    if not judged:
        raise InputError(f"{str(path)!r} holds no judgements.")
    return judged


def _is_integer(text: str) -> bool:
    return bool(RELEVANCE.fullmatch(text))
