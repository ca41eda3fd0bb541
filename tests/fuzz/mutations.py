"""Seeded damage to the bytes of a file: what disks, transfers, editors and attackers do to it."""

import re
from collections.abc import Callable

import numpy as np

Mutation = Callable[[np.random.Generator, bytearray], None]
ENDS_BYTES = 512
"""Headers stand at the beginning of a file, directories at its end: half of all places are chosen there."""
BRACKETS = rb"[()\[\]{}<>\"',:]"
HUGE_INTEGERS = (2**31 - 1, 2**32 - 1, 2**40, 2**62, 2**63 - 1, 2**64 - 1)
HUGE_NUMBERS = (b"9" * 12, b"9" * 40, b"9" * 5000, b"-1", b"1e999", b"0x" + b"f" * 60, b"1:" * 200 + b"1")
DEEP = (b"[" * 100, b"[" * 20_000, b'{"a":' * 3_000, b"- " * 2_000, b"(" * 300)
ODD_TEXTS = (
    b"\xff", b"\0", b"\xed\xa0\x80", b"null", b"[]", b"{}", b'""', b"NaN", b"&a [*a]", b"!!bool x", b"!!timestamp x",
)  # fmt: skip


def mutants(data: bytes, seed: int, count: int, *, text: bool) -> list[bytes]:
    """So many damaged versions of a file, the same for the same seed; `text` adds what only text can suffer from."""
    kinds = (*BINARY, *TEXT) if text else BINARY
    found = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        mutant = bytearray(data)
        for _ in range(1 + int(rng.integers(8) == 0)):  # some are damaged twice
            kinds[int(rng.integers(len(kinds)))](rng, mutant)
        found.append(bytes(mutant))
    return found


def _place(rng: np.random.Generator, data: bytearray) -> int:
    size = max(len(data), 1)
    near = int(rng.integers(min(size, ENDS_BYTES)))
    return (near, size - 1 - near, int(rng.integers(size)), int(rng.integers(size)))[int(rng.integers(4))]


def flip_bits(rng: np.random.Generator, data: bytearray) -> None:
    for _ in range(int(rng.integers(1, 4))):
        if data:
            data[_place(rng, data)] ^= 1 << int(rng.integers(8))


def overwrite(rng: np.random.Generator, data: bytearray) -> None:
    size, place = int(rng.integers(1, 33)), _place(rng, data)
    run = (bytes(size), b"\xff" * size, rng.bytes(size))[int(rng.integers(3))]
    data[place : place + size] = run[: len(data) - place]


def truncate(rng: np.random.Generator, data: bytearray) -> None:
    del data[_place(rng, data) :]


def insert(rng: np.random.Generator, data: bytearray) -> None:
    place = _place(rng, data)
    data[place:place] = rng.bytes(int(rng.integers(1, 17)))


def remove(rng: np.random.Generator, data: bytearray) -> None:
    place = _place(rng, data)
    del data[place : place + int(rng.integers(1, 33))]


def repeat(rng: np.random.Generator, data: bytearray) -> None:
    place = _place(rng, data)
    block = data[place : place + int(rng.integers(1, 600))]
    data[place:place] = block * int(rng.integers(1, 4))


def inflate_digits(rng: np.random.Generator, data: bytearray) -> None:
    """A number in text becomes huge; half of the time without changing the length, by the spaces after it."""
    found = list(re.finditer(rb"\d+", bytes(data)))
    if not found:
        return
    match = found[int(rng.integers(len(found)))]
    digits = HUGE_NUMBERS[int(rng.integers(len(HUGE_NUMBERS)))]
    if rng.integers(2):
        data[match.start() : match.end()] = digits
    else:
        data[match.start() : match.start() + 12] = digits[:12].ljust(12)


def inflate_integer(rng: np.random.Generator, data: bytearray) -> None:
    """A binary number, little-endian, becomes huge."""
    width = (2, 4, 8)[int(rng.integers(3))]
    place = _place(rng, data) // 2 * 2
    value = HUGE_INTEGERS[int(rng.integers(len(HUGE_INTEGERS)))] & (256**width - 1)
    data[place : place + width] = value.to_bytes(width, "little")[: max(len(data) - place, 0)]


def lose_bracket(rng: np.random.Generator, data: bytearray) -> None:
    found = list(re.finditer(BRACKETS, bytes(data)))
    if found:
        place = found[int(rng.integers(len(found)))].start()
        data[place : place + 1] = b" " if rng.integers(2) else b""


def nest(rng: np.random.Generator, data: bytearray) -> None:
    place = _place(rng, data)
    data[place:place] = DEEP[int(rng.integers(len(DEEP)))]


def replace_value(rng: np.random.Generator, data: bytearray) -> None:
    """A word or a number becomes a value of another kind."""
    found = list(re.finditer(rb'"[^"\n]*"|\w+', bytes(data)))
    if found:
        match = found[int(rng.integers(len(found)))]
        values = ODD_TEXTS + HUGE_NUMBERS
        data[match.start() : match.end()] = values[int(rng.integers(len(values)))]


BINARY: tuple[Mutation, ...] = (
    flip_bits, overwrite, truncate, insert, remove, repeat, inflate_digits, inflate_integer, lose_bracket,
)  # fmt: skip
TEXT: tuple[Mutation, ...] = (nest, replace_value, replace_value)
