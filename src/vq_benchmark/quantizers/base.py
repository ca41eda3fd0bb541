"""What every quantizer is: parameters, a fit, and packed codes that hold all a decoder needs."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic_core import PydanticKnownError

from vq_benchmark.arrays import Array, CodeArray, DoubleArray, FloatArray
from vq_benchmark.errors import InputError
from vq_benchmark.machine.validation import parsed
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.rows import row_squares

State = dict[str, Array]


class Parameters(BaseModel):
    """The parameters of one method: frozen, typed and bounded; unknown names are refused.

    Each field has a description, bounds and a default, from which the command line and the docs are made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def check_dimension(self, d: int) -> None:
        """Raise InputError, naming the valid values, if vectors of dimension d cannot be coded."""

    def training_seconds(self, n: int, d: int) -> float | None:
        """About how long `fit` takes on n vectors of dimension d on one core; None where that is always short."""
        return None

    @classmethod
    def parse(cls, method: str, values: dict[str, Any]) -> Self:
        """Validated parameters, or an InputError of one sentence that names what would be right."""
        return parsed(cls, values, method, noun="parameter")


def one_of(*values: int) -> AfterValidator:
    """A pydantic validator for an integer with a short list of valid values."""

    def check(value: int) -> int:
        if value not in values:
            raise PydanticKnownError("literal_error", {"expected": f"one of {', '.join(map(str, values))}"})
        return value

    return AfterValidator(check)


class Quantizer(ABC):
    """A lossy code for float32 vectors of dimension d.

    A subclass sets the class variables, implements the abstract methods, and is registered by being defined in
    a module of `vq_benchmark.quantizers`. `fit` is timed as training, `encode` and `decode` as rates; all three
    must be deterministic under the seed, and `encode` and `decode` must give each row the same result whatever
    other rows are in the call and however many threads there are.
    """

    name: ClassVar[str]
    """The name users type, such as `pq`."""
    title: ClassVar[str]
    """The name in words, such as `Product quantization`."""
    paper: ClassVar[str]
    """Authors, venue and year, arXiv number where there is one."""
    parameters_type: ClassVar[type[Parameters]] = Parameters
    """The class of this method's parameters."""
    unbiased_scores: ClassVar[bool] = False
    """Whether `decode_for_scores` is an unbiased estimator of inner products by design."""
    external: ClassVar[bool] = False
    """Whether the codes are those of another project's library, an optional package; its rows are marked."""
    slow: ClassVar[bool] = False
    """Whether training may take hours: then a study refuses what takes long, and leaves the method out of "all"."""

    d: int
    """Dimension of the vectors, known after `fit`."""
    code_bytes: int
    """Bytes per vector, side information and padding included, known after `fit`."""

    def __init__(self, parameters: Parameters | None = None) -> None:
        self.parameters: Any = self.parameters_type() if parameters is None else parameters

    @abstractmethod
    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        """Learn the model from train (n, d) float32; the seed determines it."""

    @abstractmethod
    def encode(self, vectors: FloatArray) -> CodeArray:
        """(n, d) float32 -> (n, code_bytes) uint8, C-contiguous."""

    @abstractmethod
    def decode(self, codes: CodeArray) -> FloatArray:
        """(n, code_bytes) uint8 -> (n, d) float32, the least-squares reconstruction."""

    def footprint(self, n: int, d: int) -> Footprint:
        """About how much memory this quantizer, not fitted yet, takes for n training vectors of dimension d.

        The default is that of a method that works on float32 vectors in a few steps. A method that takes much more
        or less says so, for it decides what a job may start.
        """
        return Footprint(64 * d, fitting=4 * n * d, row=8 * d, row_in_flight=0, score_columns=d + 2, code=d)

    def project_queries(self, queries: FloatArray) -> FloatArray:
        """(q, d) float32 -> (q, e) float32, the queries as `decode_for_scores` wants them."""
        return queries

    def decode_for_scores(self, codes: CodeArray) -> FloatArray:
        """(n, code_bytes) -> (n, e) float32, such that `project_queries(Q) @ decode_for_scores(C).T` is the
        method's own estimate of the inner products `Q @ X.T`."""
        return self.decode(codes)

    def squared_norms(self, codes: CodeArray) -> DoubleArray:
        """(n, code_bytes) -> (n,) float64, the method's own estimate of ‖x‖², which L2 scores use."""
        return row_squares(self.decode(codes))

    def search_index(self, distance: str) -> Any:
        """An empty, trained `faiss.Index` that searches under the metric (`l2`, `ip` or `cosine`), or None.

        It takes `index_codes` through `faiss_index.add_codes` and scores them as the method's own estimator does.
        None, the default: faiss has no index for these codes.
        """
        return None

    def index_codes(self, vectors: FloatArray, distance: str) -> CodeArray:
        """(n, d) float32 -> (n, code_bytes) uint8, what the search index under the metric holds: the codes of
        `encode`, unless faiss stores other factors beside the same bits for each metric."""
        return self.encode(vectors)

    @classmethod
    def has_search_index(cls) -> bool:
        """Whether this method has a search index, which is known before it is fitted."""
        return cls.search_index is not Quantizer.search_index

    @abstractmethod
    def state(self) -> State:
        """What a decoder must store besides the parameters and d. Its size is `model_bytes`."""

    @abstractmethod
    def restore(self, state: State, d: int) -> None:
        """Become the fitted quantizer that `state` came from; d is the dimension it was fitted to."""

    @property
    def model_bytes(self) -> int:
        """Size of the model in bytes."""
        return sum(array.nbytes for array in self.state().values())

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
        """Parameters with the most bits at or under the budget for vectors of dimension d.

        Raises:
            InfeasibleBudget: no configuration fits; the message names the nearest that exists.
        """
        raise InputError(f"{cls.name} cannot be chosen by a budget of bits; give its parameters instead.")

    @classmethod
    def unavailable(cls) -> str | None:
        """Why this method cannot run here (a missing package and how to install it), or None."""
        return None

    @classmethod
    def from_state(cls, parameters: Parameters, state: State, d: int) -> Self:
        """The fitted quantizer that `state` came from."""
        quantizer = cls(parameters)
        quantizer.restore(state, d)
        return quantizer

    def _check_train(self, train: FloatArray) -> None:
        """Refuse a training set that is not (n ≥ 1, d) float32, or a d that the parameters cannot code."""
        if train.ndim != 2 or train.shape[0] == 0 or train.shape[1] == 0:
            raise InputError(f"{self.name} needs training vectors of shape (n, d), not {train.shape}.")
        self.parameters.check_dimension(train.shape[1])

    def _check_rows(self, vectors: FloatArray) -> FloatArray:
        """vectors as C-contiguous float32; refused if they are not (n, d) with the d of the training vectors."""
        if vectors.ndim != 2 or vectors.shape[1] != self.d:
            raise InputError(f"{self.name} was fitted to dimension {self.d}; it cannot encode shape {vectors.shape}.")
        return np.ascontiguousarray(vectors, np.float32)
