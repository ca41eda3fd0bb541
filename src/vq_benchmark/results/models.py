"""Fitted quantizers on disk: one atomic .npz archive each, checked against its own hash when it is read."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vq_benchmark.errors import InputError
from vq_benchmark.machine.archive import ArchiveFormat
from vq_benchmark.machine.atomic_files import atomic_write
from vq_benchmark.machine.damage import MISSHAPEN, reading
from vq_benchmark.machine.memory import require_memory
from vq_benchmark.quantizers.base import Quantizer, State
from vq_benchmark.quantizers.registry import plugin_of, quantizer_class, use_plugins

FORMAT = ArchiveFormat("a model", version=1)


def model_hash(quantizer: Quantizer) -> str:
    """SHA-256 of the method, its parameters, d and the model's arrays, as 64 hex digits."""
    return _hash(quantizer.name, quantizer.config, quantizer.d, quantizer.state())


def save_model(quantizer: Quantizer, path: Path, *, metadata: dict[str, Any]) -> str:
    """Write a fitted quantizer together with metadata (JSON values); returns its content hash."""
    state = quantizer.state()
    content_hash = model_hash(quantizer)
    header = {
        "method": quantizer.name,
        "config": quantizer.config,
        "d": quantizer.d,
        "content_hash": content_hash,
        "metadata": metadata,
    }
    plugin = plugin_of(quantizer.name)
    if plugin is not None:
        header["plugin"] = plugin.hash
    with atomic_write(path) as file:
        file.write(FORMAT.pack(header, state))
    return content_hash


def load_model(path: Path | str, plugins: Iterable[str] = ()) -> tuple[Quantizer, dict[str, Any]]:
    """The fitted quantizer in a file, and its metadata with `content_hash` added.

    Args:
        plugins: files or modules that define your own quantizers; needed to load a model of one of them.

    Raises:
        InputError: the file is missing, damaged or of another format version, or its content or the code of its
            plugin has changed.
    """
    path = Path(path)
    use_plugins(plugins)
    with reading(path, *MISSHAPEN, what="a readable model", remedy="; delete it to fit it again"):
        require_memory(path.stat().st_size, f"the model {str(path)!r}")
        header, state = FORMAT.unpack(path.read_bytes())
        config, d = dict(header["config"]), header["d"]
        metadata = {**header["metadata"], "content_hash": header["content_hash"]}
        cls = quantizer_class(str(header["method"]))
        plugin, written_by = plugin_of(cls.name), header.get("plugin")
    if written_by is not None and (plugin is None or plugin.hash != written_by):
        raise InputError(
            f"{str(path)!r} was fitted with different code for {cls.name}; load it with that code, or fit it again."
        )
    if _hash(cls.name, config, d, state) != metadata["content_hash"]:
        raise InputError(f"the content of {str(path)!r} does not match its hash; delete it to fit it again.")
    return cls.from_state(cls.parameters_type.parse(cls.name, config), state, d), metadata


def _hash(method: str, config: dict[str, Any], d: int, state: State) -> str:
    digest = hashlib.sha256(json.dumps([method, config, d], sort_keys=True).encode())
    for name, array in sorted(state.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
