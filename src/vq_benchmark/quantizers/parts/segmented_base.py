"""The conditioner of SAQ and segmented EDEN: principal axes, cut into segments that get bits by their variance."""

import math
from abc import abstractmethod
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from vq_benchmark.arrays import Array, CodeArray, DoubleArray, FloatArray
from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.base import Parameters, Quantizer, State
from vq_benchmark.quantizers.budget import budget_bytes, too_small
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.rows import row_dots, row_norms, squared_length
from vq_benchmark.quantizers.kernels.tiles import in_tiles
from vq_benchmark.quantizers.parts.bit_allocation import Costs, Segment, allocate, plan_bytes
from vq_benchmark.quantizers.parts.packing import packed_bytes
from vq_benchmark.quantizers.parts.principal_axes import PrincipalAxes, axes_bytes, principal_axes
from vq_benchmark.quantizers.parts.query_axes import QueryAxes, query_axes
from vq_benchmark.quantizers.parts.rotations import DenseRotation, seeded_rotation
from vq_benchmark.quantizers.parts.scales import (
    HALF_BYTES,
    power_of_two_near,
    read_halves,
    write_halves,
)
from vq_benchmark.quantizers.parts.segment_distortions import SegmentErrors
from vq_benchmark.quantizers.parts.shrinkage import held_out_variances

_FACTOR_BYTES = 2 * HALF_BYTES
"""Bytes of the two factors that each vector has beside the radii of its segments."""
_MOST_BITS = 8.0
_DEFAULT_BITS = 4.0


class SegmentedParameters(Parameters):
    """Parameters of methods that spread their bits over segments."""

    bits: float | None = Field(
        default=None,
        gt=0,
        le=_MOST_BITS,
        description=f"Bits per dimension, default {_DEFAULT_BITS:g}, side information included; may be fractional.",
    )
    total_bits: int | None = Field(
        default=None, ge=1, description="Bits per vector, side information included, instead of `bits`."
    )
    block: int = Field(default=8, ge=1, description="Segments begin at multiples of this many principal axes.")
    max_segments: int = Field(default=16, ge=1, description="Maximum number of segments.")

    def least_bits(self, d: int) -> float:
        """The fewest bits per dimension that give the first block one bit per axis, its radius and the factors."""
        return 8 * self.least_bytes(d) / d

    def least_bytes(self, d: int) -> int:
        """Bytes of a code of `least_bits`."""
        return packed_bytes(min(self.block, d), 1) + HALF_BYTES + _FACTOR_BYTES

    @model_validator(mode="before")
    @classmethod
    def _one_budget(cls, values: dict[str, Any]) -> dict[str, Any]:
        given = [name for name in ("bits", "total_bits") if values.get(name) is not None]
        if len(given) == 2:
            raise ValueError("give either bits or total_bits, not both")
        return values if given else {**values, "bits": _DEFAULT_BITS}

    def bits_per_vector(self, d: int) -> int:
        """The most bits that the code of a vector of dimension d may take."""
        if self.total_bits is not None:
            return self.total_bits
        assert self.bits is not None
        return math.floor(self.bits * d + 1e-9)

    def check_dimension(self, d: int) -> None:
        average, least = self.bits_per_vector(d) / d, self.least_bits(d)
        most = max(_MOST_BITS, least)
        if not least <= average <= most:
            raise InputError(
                f"{average:g} bits per dimension are out of range at dimension {d}; give {least:g} (one bit for each "
                f"of the first {min(self.block, d)} axes, and {8 * (HALF_BYTES + _FACTOR_BYTES)} bits of factors) to "
                f"{most:g}."
            )


class SegmentedQuantizer(Quantizer):
    """y = RV(x − c): the rows of V are the first principal axes, R rotates each segment of them at random.

    A segment is coded alone, with one 16-bit radius ‖y‖/cos, and the estimates of the segments add up. The last
    axes, which the plan finds not worth a bit, are dropped. A row's ‖x − c‖ and ⟨x − c, c⟩ are stored too, in 16 bits
    each: norms are exact, and only Q − c meets the code, as in RaBitQ. All of it fits into `bits`·d bits. Scores are
    unbiased but for the dropped axes, which they take for zero.

    A model for queries with the mean h stores ‖x‖ and ⟨x − c, h⟩ instead, so that only Q − h meets the code. Its
    axes and those of its queries differ (`query_axes`), and its plan minimises the error on its axes.
    """

    parameters_type = SegmentedParameters
    power: ClassVar[float]
    """Which error the plan makes small, as in `bit_allocation.Costs`."""
    segments: list[Segment]
    """The plan, known after `fit`."""

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> Parameters:
        least = cls.parameters_type().least_bytes(d)
        if budget_bytes(bits_per_dim, d) < least:
            raise too_small(cls.name, least, bits_per_dim, d)
        few_dimensions = 8 * least > _MOST_BITS * d  # the least that a code may take is also the most
        budget = {"total_bits": 8 * least} if few_dimensions else {"bits": min(bits_per_dim, _MOST_BITS)}
        return cls.parameters_type.parse(cls.name, budget)

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        found = principal_axes(train)
        plan = self._plan(held_out_variances(found.variances, len(train)), self._costs())
        return self._become(plan, found, {"centre": found.mean.astype(np.float32), "seed": np.array(seed, np.int64)})

    def fit_for_queries(self, train: FloatArray, queries: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        principal = principal_axes(train)
        found = query_axes(principal, queries, self.power - 1)
        plan = self._plan(held_out_variances(found.variances, len(train)), replace(self._costs(), power=1.0))
        state: State = {
            "centre": principal.mean.astype(np.float32),
            "seed": np.array(seed, np.int64),
            "query_centre": found.mean.astype(np.float32),
            "query_axes": found.query_axes[: _kept(plan)].astype(np.float16),
        }
        return self._become(plan, found, state)

    def footprint(self, n: int, d: int) -> Footprint:
        budget = self.parameters.bits_per_vector(d) // 8
        fitting = axes_bytes(n, d) + plan_bytes(budget, d, self._costs(), self.parameters.max_segments)
        return replace(super().footprint(n, d), model=12 * d * d, fitting=fitting, row=0, row_in_flight=8 * d)

    def state(self) -> State:
        return dict(self._state)

    def restore(self, state: State, d: int) -> None:
        self.d = d
        self._state = state
        self._centre = state["centre"]
        self._query_centre = state.get("query_centre", self._centre)
        self._is_for_queries = "query_axes" in state
        self._product_of_centres = float(row_dots(self._centre[None], self._query_centre)[0])
        self.segments = [Segment(int(start), int(stop), float(bits)) for start, stop, bits in state["segments"]]
        centre_unit = power_of_two_near(math.sqrt(squared_length(self._query_centre)))
        self._units = np.append(state["units"], state["units"][-1] * centre_unit)
        squared_cosines = [1 - self.errors.at(s.size, s.bits) for s in self.segments]
        self._squared_cosines = np.array(squared_cosines, np.float32)
        self.code_bytes = HALF_BYTES * self._units.size + self._prepare_code()
        self._check_budget(d)
        self._e = state["axes"].shape[0]
        self._map = self._query_map = self._rotated(state["axes"], self._query_centre)
        if self._is_for_queries:
            self._query_map = self._rotated(state["query_axes"], self._centre)

    def encode(self, vectors: FloatArray) -> CodeArray:
        vectors = self._check_rows(vectors)
        codes = np.empty((vectors.shape[0], self.code_bytes), np.uint8)
        in_tiles(len(codes), lambda tile: self._encode_tile(vectors[tile], codes[tile]))
        return codes

    def decode(self, codes: CodeArray) -> FloatArray:
        decoded = np.empty((codes.shape[0], self.d), np.float32)

        def decode_tile(tile: slice) -> None:
            y = np.zeros((len(codes[tile]), self._e + 1), np.float32)
            radii = self._factors(codes[tile])[:, :-2] * self._squared_cosines
            self._decode_segments(self._codes_of_segments(codes[tile]), radii, y)
            decoded[tile] = self._query_map.inverse(y, self._centre)

        in_tiles(len(codes), decode_tile)
        return decoded

    def project_queries(self, queries: FloatArray) -> FloatArray:
        """[RV(Q − h), ⟨Q, c⟩, 1], (q, e + 2), with h = c unless the model is for queries."""
        projected = self._query_map.forward(np.ascontiguousarray(queries, np.float32), self._query_centre)
        projected[:, self._e] += np.float32(self._product_of_centres)
        return np.column_stack([projected, np.ones(projected.shape[0], np.float32)])

    def query_parts(self, columns: int) -> tuple[int, ...]:
        return (self._e,)

    def decode_for_scores(self, codes: CodeArray) -> FloatArray:
        """[ŷ, 1, ⟨x − c, h⟩] with the unbiased scale in every segment, (n, e + 2)."""
        out = np.empty((codes.shape[0], self._e + 2), np.float32)

        def decode_tile(tile: slice) -> None:
            factors = self._factors(codes[tile])
            self._decode_segments(self._codes_of_segments(codes[tile]), factors[:, :-2], out[tile])
            out[tile, self._e] = 1
            out[tile, self._e + 1] = factors[:, -1]

        in_tiles(len(codes), decode_tile)
        return out

    def squared_norms(self, codes: CodeArray) -> DoubleArray:
        """‖x − c‖² + 2⟨x − c, c⟩ + ‖c‖², or ‖x‖², all from stored factors."""
        factors = self._factors(codes).astype(np.float64)
        squares = np.asarray(factors[:, -2] ** 2)
        return squares if self._is_for_queries else squares + 2 * factors[:, -1] + self._product_of_centres

    @property
    @abstractmethod
    def errors(self) -> SegmentErrors:
        """The errors of the method's code."""

    @abstractmethod
    def _prepare_code(self) -> int:
        """Prepare to code `segments`; return the bytes of their codes."""

    @abstractmethod
    def _encode_segments(self, y: FloatArray, codes: CodeArray) -> FloatArray:
        """Fill codes (n, bytes) from y (n, ≥ e), which holds the segments; return ‖z‖/cos of each, (n, segments)."""

    @abstractmethod
    def _decode_segments(self, codes: CodeArray, radii: FloatArray, out: FloatArray) -> None:
        """out[:, :e] = radius/‖q‖·q in each segment, for the levels q of codes (n, bytes) and radii (n, segments)."""

    def _plan(self, variances: DoubleArray, costs: Costs) -> list[Segment]:
        budget = self.parameters.bits_per_vector(variances.size) // 8 - _FACTOR_BYTES
        return allocate(variances, budget, costs, self.parameters.max_segments)

    def _become(self, plan: list[Segment], found: PrincipalAxes | QueryAxes, state: State) -> Self:
        """Become the quantizer of a plan for the axes that were found; `state` holds what else is stored."""
        units = [power_of_two_near(math.sqrt(found.variances[s.start : s.stop].sum())) for s in plan]
        state |= {
            "axes": found.axes[: _kept(plan)].astype(np.float16),
            "segments": np.array([[s.start, s.stop, s.bits] for s in plan], np.float32).reshape(-1, 3),
            "units": np.array([*units, power_of_two_near(math.sqrt(found.variances.sum()))], np.float32),
        }
        self.restore(state, found.variances.size)
        return self

    def _costs(self) -> Costs:
        return Costs(self.errors, self.power, self.parameters.block, HALF_BYTES)

    def _check_budget(self, d: int) -> None:
        """Refuse models of earlier versions, whose plans left side information out of the budget."""
        budget = self.parameters.bits_per_vector(d)
        if 8 * self.code_bytes > budget:
            raise InputError(
                f"this model of {self.name} takes {8 * self.code_bytes} bits per vector, but its parameters allow "
                f"{budget}; an earlier version planned it, so fit it again."
            )

    def _rotated(self, halves: Array, last: FloatArray) -> DenseRotation:
        """The map to axes (e, d) float16, rotated in each segment, and to one row more, (d,)."""
        return DenseRotation(
            np.vstack([self._rotate_segments(halves.astype(np.float32), int(self._state["seed"])), last])
        )

    def _rotate_segments(self, axes: FloatArray, seed: int) -> FloatArray:
        rotated = np.empty_like(axes)
        for index, s in enumerate(self.segments):
            size = s.size
            rotation = seeded_rotation("hadamard", size, seed + index)
            columns = np.ascontiguousarray(axes[s.start : s.stop].T)
            rotated[s.start : s.stop] = rotation.forward(columns, np.zeros(size, np.float32)).T
        return rotated

    def _encode_tile(self, vectors: FloatArray, codes: CodeArray) -> None:
        y = self._map.forward(vectors, self._centre)
        factors = np.empty((y.shape[0], self._units.size), np.float32)
        factors[:, :-2] = self._encode_segments(y, self._codes_of_segments(codes))
        factors[:, -2] = row_norms(vectors, np.zeros_like(self._centre) if self._is_for_queries else self._centre)
        factors[:, -1] = y[:, self._e]
        write_halves(factors, self._units, codes)

    def _factors(self, codes: CodeArray) -> FloatArray:
        return read_halves(codes, self._units)

    def _codes_of_segments(self, codes: CodeArray) -> CodeArray:
        return codes[:, HALF_BYTES * self._units.size :]


def _kept(plan: list[Segment]) -> int:
    """How many axes a plan keeps."""
    return plan[-1].stop if plan else 0
