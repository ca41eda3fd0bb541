"""Bit packing: exact size, exact inverse, and the layout that the documentation states."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vq_benchmark.quantizers.parts.packing import aligned_bytes, pack, packed_bytes, padded, unpack


@settings(deadline=None, max_examples=150)
@given(bits=st.integers(1, 16), count=st.integers(1, 70), seed=st.integers(0, 1000))
def test_unpack_undoes_pack(bits: int, count: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 2**bits, size=(3, count), dtype=np.uint16)
    packed = pack(values, bits)
    assert packed.shape == (3, packed_bytes(count, bits))
    assert packed.shape[1] == -(-count * bits // 8)
    np.testing.assert_array_equal(unpack(packed, count, bits), values)


@pytest.mark.parametrize("bits", range(1, 9))
def test_up_to_8_bits_are_one_stream_low_bits_first(bits: int) -> None:
    values = np.random.default_rng(0).integers(0, 2**bits, size=(2, 21), dtype=np.uint8)
    bit_of_value = (values[:, :, None] >> np.arange(bits)) & 1
    expected = np.packbits(bit_of_value.reshape(2, -1).astype(np.uint8), axis=1, bitorder="little")
    np.testing.assert_array_equal(pack(values, bits), expected)


def test_above_8_bits_the_low_bytes_come_first() -> None:
    values = np.array([[0x1AB, 0x0CD, 0x1EF]], np.uint16)
    np.testing.assert_array_equal(pack(values, 9), [[0xAB, 0xCD, 0xEF, 0b101]])


def test_no_rows_pack_to_no_rows() -> None:
    assert pack(np.empty((0, 10), np.uint8), 3).shape == (0, 4)


def test_padding_is_zeros_up_to_the_alignment() -> None:
    assert [aligned_bytes(width, 8) for width in (0, 1, 8, 9)] == [0, 8, 8, 16]
    codes = np.array([[1, 2], [3, 4]], np.uint8)
    np.testing.assert_array_equal(padded(codes, 3), [[1, 2, 0], [3, 4, 0]])
    assert padded(codes, 2) is codes
