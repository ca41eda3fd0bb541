"""The measurement of one configuration on some rows: mergeable, serialisable, and all that its metrics need."""

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

import numpy as np

from vq_benchmark.arrays import Array, DoubleArray, IdArray
from vq_benchmark.evaluation.accumulators import Accumulators
from vq_benchmark.evaluation.content import ContentDigest, require_same_content
from vq_benchmark.evaluation.ground_truths.ground_truth import GroundTruth
from vq_benchmark.evaluation.spans import Span, gaps
from vq_benchmark.evaluation.streaming import Timings
from vq_benchmark.evaluation.tiling import TILE_ROWS
from vq_benchmark.evaluation.topk_coding import coded, decoded
from vq_benchmark.machine.archive import ArchiveFormat
from vq_benchmark.machine.damage import taking_apart

FORMAT = ArchiveFormat("a measurement", version=3)
"""Of version 1 are scores that were added in an order of the processor's own, and no digests of the rows; of version
2 are all neighbours in the base, also those in rows that were not measured."""
TRUTHS = ("truth", "judged_truth")


@dataclass(frozen=True)
class MeasurementKey:
    """What is measured; equal for all parts that can be merged."""

    n: int
    d: int
    code_bytes: int
    model_bytes: int
    model_hash: str
    metric: str
    queries: int
    """Number of queries for recall; they come first among the scored queries."""
    judged_first: int
    """Index of the first judged query among the scored queries; 0 if the queries themselves are judged."""
    k: int
    """Depth of the ground truth."""
    seed: int
    """Seed of the pairs and of the bootstrap."""
    candidates: int
    num_pairs: int
    with_pairwise: bool
    with_rank: bool = True
    trained_rows: int | None = None
    """Base rows that the quantizer was trained on; None if unknown."""
    trained_hash: str = ""
    """Hash of which rows these are; empty if unknown."""
    query_bits: str = "float"
    """How queries were coded. Measurements from before there was a choice lack this and the fields below."""
    rerank: str = "exact"
    target_recall: float = 0.95


@dataclass(repr=False)
class Measurement:
    """The accumulators of some rows, the ground truth to compare them with, and timings."""

    key: MeasurementKey
    accumulators: Accumulators
    timings: Timings
    query_norms: DoubleArray
    """(scored queries,) float64 ‖q‖², which turns the scores of L2 into distances."""
    truth: GroundTruth | None = None
    judged_truth: GroundTruth | None = None
    """Of judged queries of their own; None if the queries themselves are judged."""
    qrels: IdArray = field(default_factory=lambda: np.empty((0, 3), dtype=np.int64))
    """(judgements, 3) judged query, base row, relevance; empty without judgements. Row −1 is not in the base."""
    own_rows: IdArray | None = None
    """(judged queries,) base row that judged metrics leave out of the answer to a query, −1 for none; see
    `Judgements`. None: no query has one. Measurements from before there was a choice lack it."""

    def __repr__(self) -> str:
        measured = sum(stop - start for start, stop in self.accumulators.spans)
        return (
            f"<Measurement of {measured:,} of {self.key.n:,} vectors × {self.key.d} dimensions, "
            f"{self.key.queries:,} queries, {self.key.code_bytes:,} bytes per vector>"
        )

    @property
    def missing(self) -> list[Span]:
        """Row ranges of the base that are not measured yet."""
        return gaps(self.accumulators.spans, self.key.n)

    @property
    def depth(self) -> int:
        """How many true neighbours each query has: k, or as many as there are rows that can be measured."""
        return min(self.key.k, self.key.n - self.content.left_out.count)

    @property
    def content(self) -> ContentDigest:
        """Digest of the rows that were measured."""
        return self.accumulators.content

    def require_content_of_truth(self) -> None:
        """Raise ChangedData if the ground truth was computed from other values of the measured rows."""
        for truth in (self.truth, self.judged_truth):
            if truth is not None:
                require_same_content(self.content, self.accumulators.spans, truth.content, [truth.span], TILE_ROWS)

    def merge(self, other: Self) -> None:
        """Merge the measurement of other rows into this one.

        Raises:
            ValueError: keys or judgements differ, rows overlap, or the ground truths do not fit together.
            ChangedData: the ground truths were computed from different values of the same rows.
        """
        if self.key != other.key:
            differing = [f.name for f in fields(MeasurementKey) if _differs(self.key, other.key, f.name)]
            raise ValueError(f"they differ in {', '.join(differing)}")
        if not np.array_equal(self.qrels, other.qrels):
            raise ValueError("their judgements differ")
        if not _equal(self.own_rows, other.own_rows):
            raise ValueError("only some of them leave rows with the identifier of a query out of its answer")
        mine, theirs = self._truths_of_its_rows(), other._truths_of_its_rows()
        if mine.keys() != theirs.keys():
            raise ValueError("only some of them have a ground truth")
        joint = {name: truth.join(theirs[name]) for name, truth in mine.items()}
        self.accumulators.merge(other.accumulators)
        self.timings.merge(other.timings)
        for name, truth in joint.items():
            setattr(self, name, truth)

    def without_idle_scores(self) -> Self:
        """This measurement without the exact scores that no metric will need, however much is merged with it.

        See `TopCandidates.without_idle`. The metrics of the whole base have the same bits.
        """
        truth, top = self.truth, self.accumulators.top
        if truth is None or top is None or truth.listed:  # the last neighbours may be among those left out
            return self
        top = top.without_idle(truth.top.scores[:, : self.key.k])
        return replace(self, accumulators=replace(self.accumulators, top=top))

    def _truths_of_its_rows(self) -> dict[str, GroundTruth]:
        """The ground truths by name, with only the neighbours in the measured rows: other rows bring their own."""
        truths: dict[str, GroundTruth | None] = {name: getattr(self, name) for name in TRUTHS}
        rows = self.accumulators.spans
        return {name: truth.among(rows, self.key.k) for name, truth in truths.items() if truth is not None}

    def to_bytes(self) -> bytes:
        """An .npz archive (no pickle) that `from_bytes` reads; it keeps the true neighbours in the measured rows."""
        ground_truths = self._truths_of_its_rows()
        header = {
            "subject": asdict(self.key),
            "timings": asdict(self.timings),
            "truths": {name: [*truth.span, truth.listed] for name, truth in ground_truths.items()},
        }
        arrays: dict[str, Array] = {
            "accumulators": np.frombuffer(self.accumulators.to_bytes(), dtype=np.uint8),
            "query_norms": self.query_norms,
            "qrels": self.qrels,
        }
        if self.own_rows is not None:
            arrays["own_rows"] = self.own_rows
        for name, truth in ground_truths.items():
            parts = coded(truth.top) | truth.content.to_arrays()
            arrays |= {f"{name}.{part}": array for part, array in parts.items()}
        return FORMAT.pack(header, arrays)

    @classmethod
    @taking_apart(FORMAT.kind)
    def from_bytes(cls, data: bytes) -> Self:
        """The measurement that `to_bytes` wrote.

        Raises:
            ValueError: the bytes are damaged, or have another format version.
        """
        header, arrays = FORMAT.unpack(data)
        ground_truths = {}
        for name, (start, stop, listed) in header["truths"].items():
            parts = _of_truth(arrays, name)
            content = ContentDigest.from_arrays(parts)
            ground_truths[name] = GroundTruth(decoded(parts), (start, stop), content, listed)
        return cls(
            key=MeasurementKey(**header["subject"]),
            accumulators=Accumulators.from_bytes(arrays["accumulators"].tobytes()),
            timings=Timings(**header["timings"]),
            query_norms=arrays["query_norms"],
            qrels=arrays["qrels"],
            own_rows=arrays.get("own_rows"),
            **ground_truths,
        )


def _of_truth(arrays: dict[str, Array], truth: str) -> dict[str, Array]:
    return {name.removeprefix(f"{truth}."): array for name, array in arrays.items() if name.startswith(f"{truth}.")}


def _equal(a: IdArray | None, b: IdArray | None) -> bool:
    return a is b if a is None or b is None else np.array_equal(a, b)


def _differs(a: Any, b: Any, name: str) -> bool:
    return bool(getattr(a, name) != getattr(b, name))
