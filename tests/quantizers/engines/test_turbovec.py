"""turbovec's own search against `eden`, which differs in a mean and a rotation: both find as many neighbours."""

import numpy as np
import pytest
from engine_answers import K, scores_of

from vq_benchmark.quantizers.engines.choosing import BY_NAME
from vq_benchmark.quantizers.registry import get_quantizer

TOLERANCE = 0.03
"""Of recall@10 over 50 queries; a bit more or less changes it by .04 to .08."""


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_recall(engine, sample, bits) -> None:
    base, queries = sample
    row = BY_NAME[f"turbovec:{bits}bit"].at(base.shape[1], "cosine")
    ours = get_quantizer(row.method, **row.parameters).fit(base)
    index = engine("turbovec").TurboQuantIndex(base.shape[1], bits)
    index.add(base)
    found = np.asarray(index.search(queries, K)[1], np.int64)
    mine = np.argsort(-scores_of(ours, base, queries), axis=1)[:, :K]
    true = np.argsort(-(queries @ base.T), axis=1)[:, :K]
    recalls = [np.mean([np.isin(a, b).mean() for a, b in zip(true, each, strict=True)]) for each in (mine, found)]
    assert recalls[0] == pytest.approx(recalls[1], abs=TOLERANCE)
