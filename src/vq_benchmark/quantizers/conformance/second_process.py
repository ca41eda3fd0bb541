"""Restore models in a second process, which knows nothing of the first but the saved state and the class."""

import atexit
import importlib
import inspect
import io
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import IO, Any

import numpy as np

from vq_benchmark.arrays import Array, FloatArray
from vq_benchmark.machine.archive import pack, unpack
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.conformance.subject import outputs
from vq_benchmark.quantizers.plugins import module_of_file

QUERIES = 5
COMMAND = "from vq_benchmark.quantizers.conformance.second_process import serve; serve()"


def reload_elsewhere(quantizer: Quantizer, rows: FloatArray) -> dict[str, Array]:
    """What the quantizer computes of rows after another process restored it from its state.

    A class that another process cannot import, for it is in a script, a notebook or a function, is restored here.

    Raises:
        AssertionError: the other process could not restore it.
    """
    cls = type(quantizer)
    module = sys.modules[cls.__module__]
    importable = module.__name__ != "__main__" and getattr(module, cls.__qualname__, None) is cls
    request = pack(
        {
            "module": cls.__module__,
            "file": inspect.getsourcefile(cls) if importable else None,
            "class": cls.__qualname__,
            "config": quantizer.config,
            "d": quantizer.d,
        },
        {f"state {name}": array for name, array in quantizer.state().items()} | {"rows": rows},
    )
    if not importable:
        return _restored(cls, *unpack(request))
    header, arrays = unpack(_process().ask(request))
    if "error" in header:
        raise AssertionError(f"another process could not restore the model: {header['error']}")
    return arrays


def serve() -> None:
    """The second process: requests come in on its standard input, answers go out on its standard output."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a class prints must not be taken for an answer
    while request := _received(requests):
        try:
            header, arrays = unpack(request)
            answer = pack({}, _restored(_class_of(header), header, arrays))
        except Exception as error:  # noqa: BLE001 - the first process raises it
            answer = pack({"error": f"{type(error).__name__}: {error}"}, {})
        _send(answers, answer)


class _Process:
    """A child that lives as long as this process: it loads the libraries once."""

    def __init__(self) -> None:
        path = os.pathsep.join(filter(None, sys.path))
        self._child = subprocess.Popen(
            [sys.executable, "-c", COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": path},
        )
        atexit.register(self.end)

    def ask(self, request: bytes) -> bytes:
        """Its answer to a request."""
        assert self._child.stdin is not None and self._child.stdout is not None
        _send(self._child.stdin, request)
        answer = _received(self._child.stdout)
        if not answer:
            _process.cache_clear()
            raise AssertionError(f"another process died when it restored the model (exit code {self._child.wait()}).")
        return answer

    def end(self) -> None:
        """Close its input, which ends it."""
        self._child.communicate()


@cache
def _process() -> _Process:
    return _Process()


def _class_of(header: dict[str, Any]) -> type[Quantizer]:
    try:
        module = importlib.import_module(header["module"])
        found = getattr(module, header["class"])
        if inspect.getsourcefile(found) != header["file"]:
            raise ImportError("a module of that name is another one here")
    except (ImportError, AttributeError):
        found = getattr(module_of_file(Path(header["file"]))[0], header["class"])
    return found  # type: ignore[no-any-return]


def _restored(cls: type[Quantizer], header: dict[str, Any], arrays: dict[str, Array]) -> dict[str, Array]:
    state = {name.removeprefix("state "): array for name, array in arrays.items() if name.startswith("state ")}
    quantizer = cls.from_state(cls.parameters_type.parse(cls.name, header["config"]), state, header["d"])
    found = outputs(quantizer, arrays["rows"])
    scores = quantizer.project_queries(arrays["rows"][:QUERIES]) @ found["decode_for_scores"].T
    return {"encode": found["encode"], "decode": found["decode"], "scores": np.asarray(scores)}


def _send(stream: IO[bytes], message: bytes) -> None:
    stream.write(len(message).to_bytes(8, "big") + message)
    stream.flush()


def _received(stream: IO[bytes] | io.BufferedReader) -> bytes:
    """The next message; empty at the end of the stream."""
    return stream.read(int.from_bytes(stream.read(8), "big"))
