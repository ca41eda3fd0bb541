"""sqlite-vec's int8 and bit vectors, and its distances, against `unit-int8` and `binary`."""

import numpy as np
import pytest
from engine_answers import K, assert_same_answers, scores_of

from vq_benchmark.quantizers.registry import get_quantizer


@pytest.fixture
def database(engine):
    connection = engine("apsw").Connection(":memory:")
    connection.enable_load_extension(True)
    connection.load_extension(engine("sqlite_vec").loadable_path())
    return connection


def stored(database, base: np.ndarray, quantize: str) -> np.ndarray:
    """The blobs of all rows, in a table `rows`."""
    database.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, code BLOB)")
    statement = f"INSERT INTO rows VALUES (?, {quantize})"
    database.executemany(statement, [(i, row.tobytes()) for i, row in enumerate(base)])
    blobs = [blob for (blob,) in database.execute("SELECT code FROM rows ORDER BY id")]
    return np.frombuffer(b"".join(blobs), np.uint8).reshape(len(base), -1)


def answers(database, queries: np.ndarray, distance: str) -> np.ndarray:
    statement = f"SELECT id FROM rows ORDER BY {distance}, id LIMIT {K}"
    return np.array([[i for (i,) in database.execute(statement, (row.tobytes(),))] for row in queries])


@pytest.mark.parametrize("product", ["cosine", "l2"])
def test_int8(database, sample, product) -> None:
    base, queries = sample[0][:1000], sample[1]
    codes = stored(database, base, "vec_quantize_int8(?, 'unit')")
    ours = get_quantizer("unit-int8", grid="sqlite-vec", product=product).fit(base)
    np.testing.assert_array_equal(codes.view(np.int8), ours.encode(base).astype(np.int16) - 128)
    distance = f"vec_distance_{product}(vec_int8(code), vec_quantize_int8(?, 'unit'))"
    found = answers(database, queries, distance)
    assert_same_answers(scores_of(ours, base, queries, l2=product == "l2"), found)


def test_bits(database, sample) -> None:
    base, queries = sample[0][:1000], sample[1]
    codes = stored(database, base, "vec_quantize_binary(?)")
    ours = get_quantizer("binary").fit(base)
    bits = np.unpackbits(codes, axis=1, bitorder="little")
    np.testing.assert_array_equal(np.packbits(bits, axis=1), ours.encode(base))
    found = answers(database, queries, "vec_distance_hamming(vec_bit(code), vec_quantize_binary(?))")
    assert_same_answers(scores_of(ours, base, queries), found)
