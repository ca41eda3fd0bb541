"""The table of engines: every row is possible, names are found, and engines refuse what they refuse."""

import re
from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.second_stage import SecondStage
from vq_benchmark.quantizers.engines.choosing import BY_NAME, chosen_engines, engine_names
from vq_benchmark.quantizers.engines.description import code_bytes, described
from vq_benchmark.quantizers.engines.table import SETTINGS
from vq_benchmark.quantizers.registry import get_quantizer

BYTES = {
    "qdrant:int8": 388, "qdrant:binary": 48, "qdrant:binary-1.5bit": 80, "qdrant:binary-2bit": 96, "pgvector:bit": 48,
    "pgvector:halfvec": 768, "elasticsearch:bbq_hnsw": 64, "elasticsearch:int8_hnsw": 400, "pgvectorscale:sbq": 96,
    "lucene99:int8": 388, "weaviate:sq": 392, "opensearch:8x": 192, "faiss:SQ8": 384, "usearch:i8": 384,
}  # fmt: skip
"""Of one vector of 384 dimensions."""


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: each.name)
def test_rows_are_possible_and_complete(setting) -> None:
    assert BY_NAME[setting.name] is setting
    assert setting.version
    assert setting.truth == "exact" or setting.reason
    rows = np.random.default_rng(0).standard_normal((300, 64)).astype(np.float32)
    for distance in setting.distances:
        for d in (64, 384, 768, 1024):
            row = setting.at(d, distance)
            row.parsed().check_dimension(d)
            SecondStage.parse(row.rerank)
        row = setting.at(64, distance)
        fitted = get_quantizer(row.method, **row.parameters).fit(rows)
        assert fitted.code_bytes == code_bytes(row, 64)


@pytest.mark.parametrize(("name", "size"), BYTES.items())
def test_sizes_are_those_of_the_engines(name: str, size: int) -> None:
    assert described(BY_NAME[name], 384, "cosine")["bytes_per_vector"] == size


def test_engines_decide_by_distance_and_dimension() -> None:
    bbq = BY_NAME["elasticsearch:bbq_hnsw"]
    assert bbq.at(384, "cosine").parameters == {"bits": 1, "centre": "unit-mean"}
    assert bbq.at(384, "l2").parameters == {"bits": 1, "similarity": "l2"}
    assert BY_NAME["pgvectorscale:sbq"].at(899, "l2").method == "thermometer"
    assert BY_NAME["pgvectorscale:sbq"].at(900, "l2").parameters == {"centre": "mean", "align": 8}
    rules = [SecondStage.parse(BY_NAME["opensearch:16x"].at(d, "l2").rerank).os for d in (384, 768, 1000)]
    assert rules == [3, 2, 1]
    assert SecondStage.parse(BY_NAME["opensearch:16x"].at(384, "l2").rerank).last(10) == 100


@pytest.mark.parametrize(
    ("name", "d", "distance", "said"),
    [
        ("elasticsearch:bbq_hnsw", 63, "l2", "needs at least 64 dimensions, but the vectors have 63"),
        ("sqlite-vec:bit", 100, "l2", "a multiple of 8, but the vectors have 100"),
        ("sqlite-vec:int8", 100, "ip", "has no distance ip; it has l2, cosine"),
        ("faiss:PQ-x8", 99, "l2", "takes 2 dimensions together"),
    ],
)
def test_engines_refuse_what_they_refuse(name: str, d: int, distance: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        BY_NAME[name].at(d, distance)
    assert said in described(BY_NAME[name], d, distance)["refused"]


def test_names_stand_for_settings() -> None:
    assert chosen_engines(["qdrant:int8", "pgvector", "pgvector:bit"]) == [
        "qdrant:int8", "pgvector:bit", "pgvector:bit-rerank", "pgvector:halfvec",
    ]  # fmt: skip
    everything = chosen_engines(["all"])
    assert {name.partition(":")[0] for name in everything} == set(engine_names())
    assert "qdrant:binary-2bit-scalar8" not in everything


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("qdrnt", "no engine 'qdrnt'; did you mean 'qdrant'"),
        ("qdrant:int9", "qdrant has no setting 'int9'; did you mean 'int8'"),
        ("elastic:bbq", "did you mean 'elasticsearch'"),
    ],
)
def test_unknown_names_are_refused(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        chosen_engines([name])


def test_the_page_has_every_setting() -> None:
    page = (Path(__file__).parents[3] / "docs" / "ENGINES.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([^`]+)` \| `", page, re.MULTILINE) == list(BY_NAME)
