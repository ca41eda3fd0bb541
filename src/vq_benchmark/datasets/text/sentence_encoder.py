"""Models of the sentence-transformers library, an optional dependency: the extra `text`."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from vq_benchmark.arrays import FloatArray
from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.datasets.text.encoding import Kind
from vq_benchmark.errors import InputError

DISTANCE_OF_SIMILARITY: dict[str, Distance] = {"cosine": "cosine", "dot": "ip", "euclidean": "l2"}
HUB_FILES = ("modules.json", "config.json")
"""Every model on the Hugging Face Hub has one of these files."""
READ_BYTES = 2**20


class SentenceEncoder:
    """A model from a folder or from the Hugging Face Hub."""

    def __init__(
        self,
        model: str,
        *,
        revision: str | None = None,
        device: str | None = None,
        threads: int | None = None,
        prompt: str | None = None,
        query_prompt: str | None = None,
    ) -> None:
        """Load the model.

        Args:
            model: a folder, or a name on the Hub, which is downloaded unless it is in the Hub's cache.
            revision: a branch, tag or commit on the Hub.
            device: such as cpu, cuda or cuda:1; by default the best available one.
            threads: threads of torch on the CPU; by default torch's own choice.
            prompt, query_prompt: prefix of each passage or query; by default that of the model.

        Raises:
            InputError: the library is not installed, or the model cannot be loaded on the device.
        """
        try:
            import sentence_transformers
            import torch
            import transformers
        except ImportError as error:
            raise InputError(
                f"embedding text needs {error.name}, which is not installed; run pip install 'vq-benchmark[text]'."
            ) from error
        transformers.utils.logging.disable_progress_bar()
        if threads is not None:
            torch.set_num_threads(threads)
        try:
            self._model: Any = sentence_transformers.SentenceTransformer(model, revision=revision, device=device)
        except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
            reason = str(error).strip().split("\n")[0].rstrip(".")
            raise InputError(f"cannot load the model {model!r}: {reason}.") from error
        self._out_of_memory = torch.OutOfMemoryError
        self.name = model
        self.revision = _revision(model, revision)
        self.prompts: Mapping[Kind, str] = {
            "passage": _first(prompt, self._model.prompts, "document", "passage", "corpus"),
            "query": _first(query_prompt, self._model.prompts, "query"),
        }

    @property
    def d(self) -> int:
        """The dimension of the vectors."""
        return int(self._model.get_embedding_dimension())

    @property
    def distance(self) -> Distance:
        """The metric for comparing the model's vectors, as the model states it."""
        return DISTANCE_OF_SIMILARITY.get(str(self._model.similarity_fn_name), "cosine")

    def encode(self, texts: Sequence[str], kind: Kind) -> FloatArray:
        """One batch as (len(texts), d) float32."""
        encode = self._model.encode_document if kind == "passage" else self._model.encode_query
        try:
            vectors = encode(list(texts), prompt=self.prompts[kind], batch_size=len(texts), show_progress_bar=False)
        except self._out_of_memory as error:
            raise InputError(
                f"out of memory while embedding a batch of {len(texts)} texts; lower --batch-size."
            ) from error
        return np.asarray(vectors, dtype=np.float32)


def _first(given: str | None, stated: Mapping[str, str | None], *names: str) -> str:
    if given is not None:
        return given
    return next((found for name in names if (found := stated.get(name))), "")


def _revision(model: str, revision: str | None) -> str:
    """The commit of a model of the Hub, or a hash of the files of a folder."""
    if Path(model).is_dir():
        return _hash_of_files(Path(model))
    from huggingface_hub import try_to_load_from_cache

    folder = os.environ.get(
        "SENTENCE_TRANSFORMERS_HOME"
    )  # where the library keeps models, instead of the Hub's cache
    owners = ("",) if "/" in model else ("sentence-transformers/", "")
    for owner, name in product(owners, HUB_FILES):
        found = try_to_load_from_cache(f"{owner}{model}", name, cache_dir=folder, revision=revision)
        if isinstance(found, str):
            return Path(found).parent.name  # snapshots/COMMIT/modules.json
    raise InputError(f"the revision of the model {model!r} is unknown; download it to a folder and give its path.")


def _hash_of_files(folder: Path) -> str:
    """BLAKE2b, 32 hex digits, over the names and contents of all files except hidden ones and Markdown."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or name.endswith(".md") or any(part.startswith(".") for part in Path(name).parts):
            continue
        digest.update(f"{name} {path.stat().st_size} ".encode())
        with path.open("rb") as file:
            while block := file.read(READ_BYTES):
                digest.update(block)
    return digest.hexdigest()
