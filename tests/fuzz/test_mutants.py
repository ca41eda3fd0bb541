"""Mutants of every file that is read: each is refused in one sentence, or read. VQ_FUZZ_MUTANTS says how many."""

import faulthandler
import os
import traceback
import zlib
from pathlib import Path

import pytest
from document_files import DOCUMENTS
from mutations import mutants
from result_files import RESULT_FILES
from target import Target
from vector_files import VECTOR_FILES

from vq_benchmark.errors import InputError
from vq_benchmark.machine.memory import MIB, peak_bytes, reset_peak, resident_bytes

ASKED_FOR = os.environ.get("VQ_FUZZ_MUTANTS")
MUTANTS = int(ASKED_FOR or 100)
HANG_SECONDS = 900
"""After which a target of a long run counts as hanging: its stack is printed, and the process ends."""
MEMORY_BYTES = 256 * MIB
"""More than anything that these small files may make a reader allocate."""


@pytest.mark.parametrize("target", [*VECTOR_FILES, *RESULT_FILES, *DOCUMENTS], ids=lambda target: target.name)
def test_mutants(target: Target, tmp_path: Path) -> None:
    path = tmp_path / target.file
    path.parent.mkdir(exist_ok=True)
    target.make(path)
    original, expected = path.read_bytes(), target.read(path)
    if ASKED_FOR:
        faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
    measures_peak, before = reset_peak(), resident_bytes()
    wrong = []
    for number, mutant in enumerate(mutants(original, zlib.crc32(target.name.encode()), MUTANTS, text=target.text)):
        path.write_bytes(mutant)
        fault = _fault(target, path, expected)
        if fault is not None:
            wrong.append(f"mutant {number}: {fault}")
    faulthandler.cancel_dump_traceback_later()
    assert not wrong, f"{len(wrong)} of {MUTANTS} mutants of {target.name}:\n" + "\n".join(wrong[:20])
    assert not measures_peak or peak_bytes() - before < MEMORY_BYTES


def _fault(target: Target, path: Path, expected: object) -> str | None:
    """What is wrong with how a mutant is read; None if nothing is."""
    try:
        found = target.read(path)
    except InputError as error:
        sentence = str(error)
        return None if sentence.strip() and "\n" not in sentence else f"no sentence: {sentence!r}"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what this test looks for
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {str(error)[:200]} ({place.filename}:{place.lineno})"
    if target.checked and found != expected:
        return "other content, although there are sums over it"
    return None
