"""Archives: what goes in comes out, and damage is said to be damage."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vq_benchmark.machine.archive import HEADER, pack, unpack

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)
headers = st.dictionaries(st.text(st.characters(codec="utf-8")), json_values, max_size=4)
arrays = st.dictionaries(
    st.sampled_from(["codebooks", "truth.ids", "x", "norms", "a/b"]),
    hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.int64, np.uint8, np.bool_]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    ),
    max_size=3,
)


@settings(deadline=None)
@given(headers, arrays)
def test_round_trip(header: dict, content: dict) -> None:
    data = pack(header, content)
    found_header, found = unpack(data)
    assert found_header == header
    assert found.keys() == content.keys()
    for name, array in content.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()
    assert pack(header, content) == data


def test_pickles_are_neither_written_nor_read() -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        pack({}, {"x": np.array([{}, None], dtype=object)})
    buffer = io.BytesIO()
    np.savez(buffer, x=np.array([{}], dtype=object), **{HEADER: np.frombuffer(b"{}", dtype=np.uint8)})
    with pytest.raises(ValueError, match="archive"):
        unpack(buffer.getvalue())


GOOD = pack({"version": 1, "name": "é"}, {"x": np.arange(60.0), "y": np.zeros(3, dtype=np.uint8)})


def same_or_refused(data: bytes) -> None:
    try:
        header, content = unpack(data)
    except ValueError as error:
        assert "archive" in str(error)
        return
    # A bit that says nothing of the content, such as a date, may change.
    assert header == {"version": 1, "name": "é"}
    np.testing.assert_array_equal(content["x"], np.arange(60.0))


@pytest.mark.parametrize("bit", range(8))
def test_every_flipped_bit_is_noticed_or_harmless(bit: int) -> None:
    for place in range(0, len(GOOD), 2):
        damaged = bytearray(GOOD)
        damaged[place] ^= 1 << bit
        same_or_refused(bytes(damaged))


def test_truncated_archives_are_refused() -> None:
    for length in range(len(GOOD)):
        with pytest.raises(ValueError, match="archive"):
            unpack(GOOD[:length])


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npz(**content: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no archive",
        npy(np.arange(5)),
        npz(x=np.arange(5)),
        npz(header=np.frombuffer(b"[1]", dtype=np.uint8)),
        npz(header=np.frombuffer(b"\xff{", dtype=np.uint8)),
        npz(header=np.frombuffer(b"", dtype=np.uint8)),
        npz(header=np.frombuffer(b'{"header": 1, "arrays": []}', dtype=np.uint8)),
        npz(header=np.frombuffer(b'{"header": {}, "arrays": ["x"]}', dtype=np.uint8)),
    ],
)
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="archive"):
        unpack(data)
