"""Integers of 1 to 16 bits packed into one row of bytes per vector."""

import numpy as np

from vq_benchmark.arrays import Array, CodeArray
from vq_benchmark.quantizers.kernels.compile import row_kernel, tile_kernel


def packed_bytes(count: int, bits: int) -> int:
    """Bytes that `count` integers of `bits` bits take; the last byte is padded with zeros."""
    return (count * bits + 7) // 8


def aligned_bytes(width: int, align: int) -> int:
    """The bytes `width`, rounded up to a multiple of `align`."""
    return -(-width // align) * align


def padded(codes: CodeArray, width: int) -> CodeArray:
    """(n, m ≤ width) uint8 -> (n, width) uint8 with zeros behind; codes of that width as they are, not copied."""
    if codes.shape[1] == width:
        return codes
    out = np.zeros((len(codes), width), np.uint8)
    out[:, : codes.shape[1]] = codes
    return out


def pack(values: Array, bits: int) -> CodeArray:
    """(n, m) unsigned integers below 2^bits, bits 1 to 16 -> (n, packed_bytes(m, bits)) uint8."""
    out = np.empty((values.shape[0], packed_bytes(values.shape[1], bits)), np.uint8)
    _pack(np.ascontiguousarray(values, np.uint16), bits, out)
    return out


def unpack(packed: CodeArray, count: int, bits: int) -> Array:
    """The inverse of `pack`: (n, packed_bytes(count, bits)) uint8 -> (n, count) uint16."""
    out = np.empty((packed.shape[0], count), np.uint16)
    _unpack(packed, bits, out)
    return out


@row_kernel
def pack_row(values: Array, bits: int, out: CodeArray) -> None:
    """Pack the integers of one row into out, packed_bytes(values.size, bits) long, low bits first.

    Integers of more than 8 bits are split: all low bytes first, then the high bits, packed.
    """
    if bits <= 8:
        _pack_bits(values, 0, bits, out)
    else:
        for i in range(values.size):
            out[i] = values[i] & 255
        _pack_bits(values, 8, bits - 8, out[values.size :])


@row_kernel
def unpack_row(packed: CodeArray, bits: int, values: Array) -> None:
    """The inverse of `pack_row`."""
    if bits <= 8:
        _unpack_bits(packed, bits, values)
    else:
        _unpack_bits(packed[values.size :], bits - 8, values)
        for i in range(values.size):
            values[i] = (values[i] << 8) | packed[i]


@row_kernel
def _pack_bits(values: Array, shift: int, bits: int, out: CodeArray) -> None:
    """Bits [shift, shift + bits) of each value, bits ≤ 8: eight values fill `bits` whole bytes."""
    mask = np.uint64((1 << bits) - 1)
    whole = values.size // 8
    for group in range(whole):
        word = np.uint64(0)
        for k in range(8):
            word |= ((np.uint64(values[8 * group + k]) >> np.uint64(shift)) & mask) << np.uint64(k * bits)
        for k in range(bits):
            out[group * bits + k] = (word >> np.uint64(8 * k)) & np.uint64(255)
    word = np.uint64(0)
    for k in range(values.size - 8 * whole):
        word |= ((np.uint64(values[8 * whole + k]) >> np.uint64(shift)) & mask) << np.uint64(k * bits)
    for k in range(out.size - whole * bits):
        out[whole * bits + k] = (word >> np.uint64(8 * k)) & np.uint64(255)


@row_kernel
def _unpack_bits(packed: CodeArray, bits: int, values: Array) -> None:
    mask = np.uint64((1 << bits) - 1)
    whole = values.size // 8
    for group in range(whole):
        word = np.uint64(0)
        for k in range(bits):
            word |= np.uint64(packed[group * bits + k]) << np.uint64(8 * k)
        for k in range(8):
            values[8 * group + k] = (word >> np.uint64(k * bits)) & mask
    word = np.uint64(0)
    for k in range(packed.size - whole * bits):
        word |= np.uint64(packed[whole * bits + k]) << np.uint64(8 * k)
    for k in range(values.size - 8 * whole):
        values[8 * whole + k] = (word >> np.uint64(k * bits)) & mask


@tile_kernel
def _pack(values: Array, bits: int, out: CodeArray) -> None:
    n = values.shape[0]
    for i in range(n):
        pack_row(values[i], bits, out[i])


@tile_kernel
def _unpack(packed: CodeArray, bits: int, out: Array) -> None:
    n = out.shape[0]
    for i in range(n):
        unpack_row(packed[i], bits, out[i])
