"""The base classes of quantizers and of their parameters."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic_core import PydanticKnownError

from vq_benchmark.arrays import Array, CodeArray, DoubleArray, FloatArray
from vq_benchmark.errors import InputError, NotFitted
from vq_benchmark.machine.validation import parsed
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.rows import row_squares

if TYPE_CHECKING:
    from vq_benchmark.quantizers.scans.path_code import PathScan
    from vq_benchmark.quantizers.scans.scan_code import ScanCode

State = dict[str, Array]


class Parameters(BaseModel):
    """The parameters of one method: frozen, typed and bounded. Unknown names are refused.

    Give each field a description, bounds and a default: the command line and the docs are generated from them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def check_dimension(self, d: int) -> None:
        """Raise InputError with the valid values if these parameters cannot code vectors of dimension d."""

    def training_seconds(self, n: int, d: int) -> float | None:
        """Estimate the seconds of `fit` on n vectors of dimension d on one core; None if it is always fast."""
        return None

    @classmethod
    def parse(cls, method: str, values: dict[str, Any]) -> Self:
        """Return validated parameters, or raise InputError with one sentence that says what would be valid."""
        return parsed(cls, values, method, noun="parameter")


def one_of(*values: float) -> AfterValidator:
    """Return a pydantic validator for a number with a short list of valid values."""

    def check(value: float) -> float:
        if value not in values:
            raise PydanticKnownError("literal_error", {"expected": f"one of {', '.join(map(str, values))}"})
        return value

    return AfterValidator(check)


class Quantizer(ABC):
    """A lossy code for float32 vectors of dimension d.

    A subclass sets the class variables and implements the abstract methods. A class in a file of
    `vq_benchmark.quantizers.methods`, in a plugin or behind an entry point is found by its name.

    The seed determines what `fit` learns. `encode` and `decode` give each row the same result, whatever other rows
    are in the call and however many threads run. `check_quantizer` tests all of it.
    """

    name: ClassVar[str]
    """The name that users type, such as `pq`: lower-case letters, digits and single hyphens."""
    title: ClassVar[str]
    """The name in words, such as `Product quantization`."""
    paper: ClassVar[str]
    """Authors, title, venue and year, and the arXiv number if there is one."""
    parameters_type: ClassVar[type[Parameters]] = Parameters
    """The class of the method's parameters."""
    unbiased_scores: ClassVar[bool] = False
    """Whether `decode_for_scores` is an unbiased estimator of inner products by design."""
    external: ClassVar[bool] = False
    """Whether another project's library, an optional package, makes the codes. Tables mark such rows."""
    slow: ClassVar[bool] = False
    """Whether training may take hours. Studies then refuse long training, and `all` leaves the method out."""

    d: int
    """Dimension of the vectors; set by `fit` and `restore`."""
    code_bytes: int
    """Bytes per vector, side information and padding included; set by `fit` and `restore`."""

    def __init__(self, parameters: Parameters | None = None) -> None:
        self.parameters: Any = self.parameters_type() if parameters is None else parameters

    def __repr__(self) -> str:
        config = " ".join(f"{name}={value}" for name, value in self.config.items() if value is not None)
        fitted = "not fitted"
        if self._is_fitted:
            bits = f"{self.bits_per_dim:.4g} bits per dimension"
            fitted = f"fitted to dimension {self.d}, {self.code_bytes:,} bytes per vector ({bits})"
        return f"<{' '.join([self.name, *filter(None, [config])])}: {fitted}>"

    if not TYPE_CHECKING:  # checkers would take every name for an attribute

        def __getattr__(self, name: str) -> Any:
            """Say that a quantizer is not fitted, where something is asked for that only `fit` and `restore` set."""
            if name.startswith("__") or self._is_fitted:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
            method = getattr(type(self), "name", type(self).__name__)
            raise NotFitted(f"{method} is not fitted (it has no {name!r} yet); call fit(vectors) first.")

    @property
    def _is_fitted(self) -> bool:
        return "d" in vars(self)

    @abstractmethod
    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        """Learn the model from train (n, d) float32, determined by the seed; return self."""

    def fit_for_queries(self, train: FloatArray, queries: FloatArray, *, seed: int = 0) -> Self:
        """Learn the model from train (n, d) and for queries that are distributed like queries (t, d); return self.

        Override it only if the method trains on queries; `--train-queries` is refused for others.
        """
        raise InputError(f"{self.name} does not train on queries; leave out --train-queries.")

    @classmethod
    def trains_on_queries(cls) -> bool:
        """Tell whether the method has a use for training queries."""
        return cls.fit_for_queries is not Quantizer.fit_for_queries

    @abstractmethod
    def encode(self, vectors: FloatArray) -> CodeArray:
        """Encode vectors: (n, d) float32 -> (n, code_bytes) uint8, C-contiguous."""

    @abstractmethod
    def decode(self, codes: CodeArray) -> FloatArray:
        """Return the least-squares reconstruction: (n, code_bytes) uint8 -> (n, d) float32."""

    def footprint(self, n: int, d: int) -> Footprint:
        """Estimate the memory that this quantizer, not fitted yet, needs for n training vectors of dimension d.

        The default fits methods that work on float32 vectors in a few steps. Override it if a method needs much more
        or much less: jobs are refused by this estimate.
        """
        return Footprint(64 * d, fitting=4 * n * d, row=8 * d, row_in_flight=0, score_columns=d + 2, code=d)

    def project_queries(self, queries: FloatArray) -> FloatArray:
        """Prepare queries for scoring: (q, d) float32 -> (q, e) float32, with the columns of `decode_for_scores`."""
        return queries

    def query_parts(self, columns: int) -> tuple[int, ...]:
        """Widths of the parts of a projected query of `columns` numbers that are coded when queries are coded.

        Each part is coded by itself. Numbers after the last part, such as the 1 and the ⟨Q, c⟩ that `project_queries`
        may append, are kept as they are. The default is one part of all columns.
        """
        return (columns,)

    def decode_for_scores(self, codes: CodeArray) -> FloatArray:
        """Decode for scoring: (n, code_bytes) uint8 -> (n, e) float32.

        `project_queries(Q) @ decode_for_scores(C).T` is the method's own estimate of the inner products `Q @ X.T`.
        """
        return self.decode(codes)

    def squared_norms(self, codes: CodeArray) -> DoubleArray:
        """Estimate ‖x‖² for L2 scores: (n, code_bytes) uint8 -> (n,) float64."""
        return row_squares(self.decode(codes))

    def search_index(self, distance: str) -> Any:
        """Return an empty, trained `faiss.Index` for `l2`, `ip` or `cosine`, or None if faiss has none.

        It takes `index_codes` through `faiss_index.add_codes` and scores them like the method's own estimator.
        """
        return None

    def scan_code(self) -> "ScanCode | PathScan | None":
        """Say how this project's own scans read the codes of a fitted model; None if they cannot."""
        return None

    def index_codes(self, vectors: FloatArray, distance: str) -> CodeArray:
        """Encode vectors for the search index of a distance: (n, d) float32 -> (n, code_bytes) uint8.

        Override it if faiss stores different factors beside the same bits for each distance.
        """
        return self.encode(vectors)

    @classmethod
    def has_search_index(cls) -> bool:
        """Tell whether the method has a search index of faiss, without fitting it."""
        return cls.search_index is not Quantizer.search_index

    @classmethod
    def may_be_searched(cls) -> bool:
        """Tell whether searches of the method's codes may be timed: by faiss, or by a scan."""
        return cls.has_search_index() or cls.scan_code is not Quantizer.scan_code

    def index_copies(self) -> int:
        """Copies of all codes that a timed search holds at once: 2 where they are rearranged for it.

        Scans read integers of up to 4 bits, and keep the codes beside their blocks.
        """
        bits = getattr(self.parameters, "bits", 1)
        is_scanned = type(self).scan_code is not Quantizer.scan_code and not isinstance(bits, str)
        return 2 if is_scanned and (bits is None or bits <= 4) else 1

    @abstractmethod
    def state(self) -> State:
        """Return what a decoder must store besides the parameters and d. Its size is `model_bytes`."""

    @abstractmethod
    def restore(self, state: State, d: int) -> None:
        """Become the fitted quantizer that `state` came from; d is the dimension of its training vectors."""

    @property
    def model_bytes(self) -> int:
        """Size of the model in bytes."""
        return sum(array.nbytes for array in self.state().values())

    def least_model_bytes(self, d: int) -> int:
        """Return bytes that the model of vectors of dimension d has at least, whatever it is fitted to.

        Override it if the model is large and its size known: `recommend` then need not fit what is too large.
        """
        return 0

    @property
    def bits_per_dim(self) -> float:
        """Bits per dimension of a code, side information included."""
        return 8 * self.code_bytes / self.d

    @property
    def config(self) -> dict[str, Any]:
        """The parameters as JSON values, as `get_quantizer(name, **config)` takes them."""
        config: dict[str, Any] = self.parameters.model_dump(mode="json")
        return config

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> Parameters:
        """Choose the parameters with the most bits at or under the budget for vectors of dimension d.

        The whole code counts: 8·`code_bytes`/d is at most the budget. A larger budget never gets fewer bits.

        Raises:
            InfeasibleBudget: no configuration fits; the message names a budget that does.
        """
        raise InputError(f"{cls.name} does not support budgets of bits; give its parameters with --param.")

    @classmethod
    def for_budget_and_rows(cls, bits_per_dim: float, d: int, n: int) -> Parameters:
        """Choose as `for_budget` does, among the parameters that n training vectors are enough for.

        Override it only if `for_budget` may choose parameters that need thousands.
        """
        return cls.for_budget(bits_per_dim, d)

    @classmethod
    def for_nominal_budget(cls, bits_per_dim: float, d: int) -> Parameters:
        """Choose parameters as `--budget nominal` does: side information comes on top of the budget.

        Override it only if the method has side information that `for_budget` counts.

        Raises:
            InfeasibleBudget: no configuration fits; the message names a budget that does.
        """
        return cls.for_budget(bits_per_dim, d)

    @classmethod
    def unavailable(cls) -> str | None:
        """Say why the method cannot run here, such as a missing package and how to install it; None if it can."""
        return None

    @classmethod
    def from_state(cls, parameters: Parameters, state: State, d: int) -> Self:
        """Return the fitted quantizer that `state` came from."""
        quantizer = cls(parameters)
        quantizer.restore(state, d)
        return quantizer

    def _check_train(self, train: FloatArray) -> None:
        """Raise InputError if train is not (n ≥ 1, d), or if the parameters cannot code its dimension."""
        if train.ndim != 2 or train.shape[0] == 0 or train.shape[1] == 0:
            raise InputError(f"{self.name} needs training vectors of shape (n, d), not {train.shape}.")
        self.parameters.check_dimension(train.shape[1])

    def _check_rows(self, vectors: FloatArray) -> FloatArray:
        """Return vectors as C-contiguous float32; raise InputError if their dimension is not d."""
        if vectors.ndim != 2 or vectors.shape[1] != self.d:
            raise InputError(f"{self.name} was fitted to dimension {self.d}; it cannot encode shape {vectors.shape}.")
        return np.ascontiguousarray(vectors, np.float32)
