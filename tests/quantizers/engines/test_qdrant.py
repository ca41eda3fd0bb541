"""Qdrant's own codes and answers, from its embedded engine, against `sq-global`, `binary` and `thermometer`."""

import json
from pathlib import Path

import numpy as np
import pytest
from engine_answers import K, assert_same_answers, scores_of

from vq_benchmark.quantizers.registry import get_quantizer


class Shard:
    """A shard of unit vectors with one quantization, and what Qdrant stored for it."""

    def __init__(self, qdrant, folder: Path, base: np.ndarray, config, distance: str) -> None:
        self.qdrant = qdrant
        vectors = qdrant.EdgeVectorParams(
            size=base.shape[1], distance=getattr(qdrant.Distance, distance), quantization_config=config
        )
        optimizers = qdrant.EdgeOptimizersConfig(indexing_threshold=1, default_segment_number=1)
        self.shard = qdrant.EdgeShard.create(str(folder), qdrant.EdgeConfig(vectors=vectors, optimizers=optimizers))
        for first in range(0, len(base), 500):
            points = [qdrant.Point(first + i, row.tolist()) for i, row in enumerate(base[first : first + 500])]
            self.shard.update(qdrant.UpdateOperation.upsert_points(points))
        self.shard.optimize()
        (data,) = folder.rglob("quantized.data")
        self.codes = np.fromfile(data, np.uint8).reshape(len(base), -1)
        self.meta = json.loads((data.parent / "quantized.meta.json").read_text())
        self.n = len(base)

    def search(self, queries: np.ndarray, **quantization) -> np.ndarray:
        """(q, K) ids by the codes alone; the graph visits every vector."""
        qdrant = self.qdrant
        params = qdrant.SearchParams(
            hnsw_ef=self.n, quantization=qdrant.QuantizationSearchParams(rescore=False, **quantization)
        )
        return np.array([
            [point.id for point in self.shard.query(
                qdrant.QueryRequest(limit=K, query=qdrant.Query.Nearest(row.tolist()), params=params)
            )]
            for row in queries
        ])  # fmt: skip


@pytest.fixture
def qdrant(engine):
    return engine("qdrant_edge")


@pytest.mark.parametrize("distance", ["Dot", "Euclid"])
@pytest.mark.parametrize("quantile", [None, 0.99, 0.9])
def test_int8(qdrant, sample, tmp_path, distance, quantile) -> None:
    base, queries = sample
    config = qdrant.ScalarQuantizationConfig(type=qdrant.ScalarType.Int8, quantile=quantile)
    shard = Shard(qdrant, tmp_path / "shard", base, config, distance)
    ours = get_quantizer("sq-global", bits=7, layout="qdrant", quantile=quantile).fit(base)
    codes = ours.encode(base)
    assert shard.codes.shape == codes.shape
    np.testing.assert_array_equal(shard.codes[:, 4:388], codes[:, 4:388])
    answers = shard.search(queries)
    assert_same_answers(scores_of(ours, base, queries, l2=distance == "Euclid"), answers)


@pytest.mark.parametrize("coding", ["Binary", "Scalar4Bits", "Scalar8Bits"])
@pytest.mark.parametrize("bits", [1, 1.5, 2])
@pytest.mark.parametrize("distance", ["Dot", "Euclid"])
def test_binary(qdrant, sample, tmp_path, distance, bits, coding) -> None:
    base, queries = sample
    encoding = {1: "OneBit", 1.5: "OneAndHalfBits", 2: "TwoBits"}[bits]
    config = qdrant.BinaryQuantizationConfig(
        encoding=getattr(qdrant.BinaryQuantizationEncoding, encoding),
        query_encoding=getattr(qdrant.BinaryQuantizationQueryEncoding, coding),
    )
    shard = Shard(qdrant, tmp_path / "shard", base, config, distance)
    names = {"Binary": "hamming", "Scalar4Bits": "scalar4", "Scalar8Bits": "scalar8"}
    method, given = ("binary", {}) if bits == 1 else ("thermometer", {"bits": bits})
    ours = get_quantizer(method, queries=names[coding], align=16, **given).fit(base)
    codes = ours.encode(base)
    assert shard.codes.shape == codes.shape
    width = int(np.ceil(bits * base.shape[1]))
    theirs = np.unpackbits(shard.codes, axis=1, count=width, bitorder="little")
    np.testing.assert_array_equal(theirs, np.unpackbits(codes, axis=1, count=width))
    assert_same_answers(scores_of(ours, base, queries, l2=distance == "Euclid"), shard.search(queries))
