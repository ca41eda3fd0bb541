"""ScaNN by Google's library: product quantization that minds the direction of the error."""

from pathlib import Path
from typing import Annotated, Any, Self

import numba
import numpy as np
from pydantic import Field

from vq_benchmark.arrays import CodeArray, FloatArray
from vq_benchmark.errors import InputError
from vq_benchmark.machine.atomic_files import temporary_folder
from vq_benchmark.quantizers.base import Parameters, Quantizer, State, one_of
from vq_benchmark.quantizers.budget import budget_bytes, too_small
from vq_benchmark.quantizers.parts.optional_dependency import missing_extra
from vq_benchmark.quantizers.parts.packing import pack, packed_bytes, unpack

TABLES = {4: "lut16", 8: "lut256"}
"""The library's names for codebooks of 2^nbits entries."""


class ScannLibraryParameters(Parameters):
    """Parameters of `scann-library`."""

    dims_per_block: int = Field(
        default=2, ge=1, description="Dimensions of each sub-vector; the last may be shorter."
    )
    nbits: Annotated[int, one_of(*TABLES)] = Field(
        default=4, description="Bits per sub-vector: 4, as the library's fast search needs, or 8."
    )
    threshold: float = Field(default=0.2, gt=0, lt=1, description="Score of unit vectors above which errors count.")

    def check_dimension(self, d: int) -> None:
        if self.dims_per_block > d:
            raise InputError(f"scann-library: dims_per_block={self.dims_per_block} must be at most d={d}.")


class ScannLibrary(Quantizer):
    """The codes of the library's asymmetric hashing without a tree, trained and encoded by the library.

    The Python package has no encoder, so vectors are added to a trained index and their codes are read from its
    files. The library stores 4-bit codes in a byte on disk and in half a byte in memory; the latter is counted.
    Vectors are divided by the root mean square length of the training vectors, because the threshold is meant for
    unit vectors. Scores are inner products with the decoded vectors, as in the library but without its rounding of
    lookup tables to 8 bits. The codebooks were not trained for least squares, and the errors reflect that.
    """

    name = "scann-library"
    title = "Anisotropic product quantization (Google's ScaNN)"
    paper = (
        "Guo et al.: Accelerating large-scale inference with anisotropic vector quantization, ICML 2020, "
        "arXiv 1908.10396; scann 1.4"
    )
    parameters_type = ScannLibraryParameters
    external = True

    @classmethod
    def unavailable(cls) -> str | None:
        return missing_extra("scann", "1.4")

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> ScannLibraryParameters:
        """4 bits per sub-vector, the library's default, unless there is room for 8 bits per dimension."""
        nbits = 8 if bits_per_dim >= 8 else 4
        for width in range(1, d + 1):
            if packed_bytes(-(-d // width), nbits) <= budget_bytes(bits_per_dim, d):
                return ScannLibraryParameters(dims_per_block=width, nbits=nbits)
        raise too_small(cls.name, 1, bits_per_dim, d)

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        if len(train) < 2**self.parameters.nbits:
            raise InputError(
                f"scann-library needs at least {2**self.parameters.nbits} training vectors for "
                f"nbits={self.parameters.nbits}, not {len(train)}."
            )
        from scann.proto.centers_pb2 import CentersForAllSubspaces
        from scann.scann_ops.py import scann_ops_pybind

        d = train.shape[1]
        rms = np.sqrt(np.einsum("ij,ij->", train, train, dtype=np.float64) / len(train))
        unit = np.float32(rms if rms > 0 else 1)
        builder = scann_ops_pybind.builder(train / unit, 1, "dot_product").set_n_training_threads(1)
        with temporary_folder() as folder:
            self._configured(builder).build().serialize(str(folder), relative_path=True)
            centers = CentersForAllSubspaces.FromString((folder / "ah_codebook.pb").read_bytes())
            config = np.frombuffer((folder / "scann_config.pb").read_bytes(), np.uint8)
        codebook = np.hstack(
            [
                np.array([entry.feature_value_float for entry in block.center], np.float32)
                for block in centers.subspace_centers
            ]
        )
        self.restore({"codebook": codebook, "config": config, "unit": np.array(unit)}, d)
        return self

    def state(self) -> State:
        return {"codebook": self._codebook, "config": self._config, "unit": np.array(self._unit)}

    def restore(self, state: State, d: int) -> None:
        self.d = d
        self._codebook, self._config, self._unit = state["codebook"], state["config"], np.float32(state["unit"])
        width = self.parameters.dims_per_block
        self._blocks = [slice(start, min(start + width, d)) for start in range(0, d, width)]
        self.code_bytes = packed_bytes(len(self._blocks), self.parameters.nbits)

    def encode(self, vectors: FloatArray) -> CodeArray:
        vectors = self._check_rows(vectors) / self._unit
        with temporary_folder() as folder:
            searcher = self._searcher_with_one_row(folder)
            searcher.set_num_threads(numba.get_num_threads())
            searcher.upsert([None] * len(vectors), list(vectors), max(len(vectors), 1))
            searcher.serialize(str(folder), True)
            entries = np.load(folder / "hashed_dataset.npy")[1:]
        return pack(entries, self.parameters.nbits)

    def decode(self, codes: CodeArray) -> FloatArray:
        entries = unpack(codes, len(self._blocks), self.parameters.nbits)
        decoded = np.empty((len(codes), self.d), np.float32)
        for place, block in enumerate(self._blocks):
            decoded[:, block] = self._codebook[entries[:, place], block]
        return decoded * self._unit

    def _configured(self, builder: Any) -> Any:
        return builder.score_ah(
            self.parameters.dims_per_block,
            anisotropic_quantization_threshold=self.parameters.threshold,
            hash_type=TABLES[self.parameters.nbits],
        )

    def _searcher_with_one_row(self, folder: Path) -> Any:
        """The library's searcher with this codebook and one row of zeros, since it takes no empty one."""
        from scann.proto.centers_pb2 import CentersForAllSubspaces
        from scann.scann_ops.py import scann_ops_pybind

        centers = CentersForAllSubspaces()
        for block in self._blocks:
            entries = centers.subspace_centers.add().center
            for entry in self._codebook[:, block]:
                entries.add(feature_type="FLOAT", feature_value_float=entry.tolist())
        (folder / "ah_codebook.pb").write_bytes(centers.SerializeToString())
        (folder / "scann_config.pb").write_bytes(self._config.tobytes())
        np.save(folder / "hashed_dataset.npy", np.zeros((1, len(self._blocks)), np.uint8))
        (folder / "scann_assets.pbtxt").write_text(
            'assets { asset_type: AH_CENTERS asset_path: "ah_codebook.pb" }\n'
            'assets { asset_type: AH_DATASET_NPY asset_path: "hashed_dataset.npy" }\n'
        )
        return scann_ops_pybind.load_searcher(str(folder)).searcher
