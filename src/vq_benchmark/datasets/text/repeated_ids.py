"""Identifiers that occur more than once: found in bounded memory, and passed on once."""

from array import array
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from tempfile import SpooledTemporaryFile

import numpy as np

from vq_benchmark.arrays import Array
from vq_benchmark.datasets.text.records import TextRecord
from vq_benchmark.errors import InputError
from vq_benchmark.machine.wording import number_of

BUCKET_BITS = 6
"""The hashes are sorted in 2⁶ parts, one at a time."""
SPOOLED_BYTES = 2**20
"""Of a part in memory; larger ones are temporary files."""
PENDING = 2**16
KEEP_FIRST = "--keep-first"


def repeated_hashes(names: Iterable[str]) -> frozenset[int]:
    """`hash` of every name that occurs more than once, and rarely of one that does not.

    Memory is bounded: 8 bytes for each name are written to temporary files, except for small collections.
    """
    with ExitStack() as opened:
        parts = [opened.enter_context(SpooledTemporaryFile(max_size=SPOOLED_BYTES)) for _ in range(2**BUCKET_BITS)]
        for hashes in _blocks(names):
            bucket = hashes >> np.uint64(64 - BUCKET_BITS)
            for number in np.unique(bucket).tolist():
                parts[number].write(hashes[bucket == number].tobytes())
        found: set[int] = set()
        for part in parts:
            part.seek(0)
            values, counts = np.unique(np.frombuffer(part.read(), dtype=np.int64), return_counts=True)
            found.update(values[counts > 1].tolist())
        return frozenset(found)


def _blocks(names: Iterable[str]) -> Iterator[Array]:
    """The hashes of the names as uint64, in blocks."""
    pending = array("q")
    for name in names:
        pending.append(hash(name))
        if len(pending) == PENDING:
            yield np.array(pending).view(np.uint64)
            del pending[:]
    yield np.array(pending, dtype=np.int64).view(np.uint64)


@dataclass
class Distinct:
    """Passes on the first record of each identifier and counts the others."""

    what: str
    """"passage" or "query", for messages."""
    origin: str
    """Where the records come from, for messages."""
    keep_first: bool = False
    """Whether a record may have the identifier of an earlier one and another text."""
    repeated: frozenset[int] | None = None
    """`hash` of the identifiers that may occur twice; only these are remembered. None: all may."""
    same: int = 0
    """Records dropped whose text is that of the first."""
    different: int = 0

    def of(self, records: Iterable[TextRecord]) -> Iterator[TextRecord]:
        """The records in order, the first of each identifier.

        Raises:
            InputError: an identifier stands for two texts, and that is not allowed.
        """
        self.same = self.different = 0
        firsts: dict[str, tuple[int, bytes]] = {}
        for number, record in enumerate(records):
            if self.repeated is None or hash(record.id) in self.repeated:
                text = blake2b(record.text.encode(), digest_size=16).digest()
                first, text_of_first = firsts.setdefault(record.id, (number, text))
                if first != number:
                    self._drop(record.id, first, number, same=text == text_of_first)
                    continue
            yield record

    def notes(self) -> Iterator[str]:
        """What was dropped, in words."""
        plural = "passages" if self.what == "passage" else "queries"
        if self.same:
            yield f"dropped {number_of(self.same, self.what, plural)} whose identifier and text occur earlier."
        if self.different:
            dropped = number_of(self.different, self.what, plural)
            yield f"dropped {dropped} whose identifier occurs earlier, with another text."

    def _drop(self, name: str, first: int, number: int, *, same: bool) -> None:
        if same:
            self.same += 1
        elif self.keep_first:
            self.different += 1
        else:
            raise InputError(
                f"{self.origin} has the {self.what} {name!r} twice, with different texts, as records {first} and "
                f"{number}, counted from 0; give each its own identifier, or keep the first with {KEEP_FIRST}."
            )
