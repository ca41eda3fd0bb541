import pytest
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.errors import InputError
from vq_benchmark.reports.comparison import comparisons
from vq_benchmark.reports.sizes import (
    MODEL_MARK,
    Sizes,
    bits_text,
    bytes_text,
    has_large_model,
    parsed_count,
    parsed_sizes,
    ratio_text,
    sized,
)
from vq_benchmark.reports.tables import results_text


@pytest.fixture
def opq(make_run):
    """48 bytes a code and a model of 983,040 bytes: at 384 dimensions and 10,000 vectors, 3.05 bits in all."""

    def made(**changes):
        sizes = {"code_bytes": 48, "model_bytes": 983_040, "bits_per_dim": 1.0, "total_bits_per_dim": 3.048}
        return make_run("opq", 1.0, n=10_000, extra=sizes, **changes)

    return made


def only(runs, sizes):
    (comparison,) = comparisons(sized(runs, sizes))
    (summary,) = comparison.summaries
    return summary


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("100M", 100_000_000), ("1e8", 100_000_000), ("8.8M", 8_800_000), ("1B", 10**9), ("1b", 10**9),
        ("8841823", 8_841_823), ("8,841,823", 8_841_823), (" 5k ", 5000), ("2G", 2 * 10**9), ("1", 1), ("1T", 10**12),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(text, count):
    assert parsed_count(text) == count


@pytest.mark.parametrize(
    "text", ["", "M", "0", "-5", "1.5", "8.8415M1", "1e99", "1e999999999", "nan", "inf", "10 MB", "1e-3"]
)
def test_what_is_no_number_of_vectors_is_refused(text):
    with pytest.raises(InputError, match=r"--vectors is .*; it must be a whole number of vectors, such as 100M"):
        parsed_count(text)


@given(st.integers(1, 10**15))
def test_every_whole_number_is_itself(count):
    assert parsed_count(str(count)) == parsed_count(f"{count:,}") == count


def test_an_unknown_dtype_is_refused():
    with pytest.raises(InputError, match=r"--ratio-to is 'int4'; choose from float64, .*, file"):
        parsed_sizes(None, "int4")


def test_the_model_is_shared_by_the_vectors_of_the_base_or_by_those_that_are_asked_for(opq):
    small, large = only([opq()], Sizes()), only([opq()], Sizes(vectors=100_000_000))
    assert (bits_text(small), bytes_text(small), ratio_text(small, "float32")) == (
        f"3.05{MODEL_MARK}",
        "146.3",
        "10.5x",
    )
    assert (bits_text(large), bytes_text(large), ratio_text(large, "float32")) == ("1", "48", "32x")
    assert large.bits == pytest.approx(8 * (48 + 983_040 / 1e8) / 384, rel=1e-12)
    metrics = large.runs[0].metrics
    assert metrics["total_bits_per_dim"] == metrics["bits_per_dim"] + metrics["model_bits_per_dim"]
    assert metrics["total_compression_ratio"] == 32 / metrics["total_bits_per_dim"]
    assert metrics["compression_ratio"] == 32, "the stored ratio of the code alone stays"


def test_few_vectors_show_that_the_data_become_larger(opq):
    summary = only([opq()], Sizes(vectors=270))
    assert ratio_text(summary, "float32") == "0.4x"


@pytest.mark.parametrize(("model", "large"), [(0, False), (24_000 - 240, False), (24_000 + 240, True)])
def test_a_model_above_a_twentieth_of_the_codes_is_marked(make_run, model, large):
    run = make_run("pq", 1.0, extra={"code_bytes": 48, "model_bytes": model})
    assert has_large_model(only([run], Sizes(vectors=10_000))) == large


def test_the_ratio_says_against_what(opq):
    half = opq(environment={"base_dtype": "float16"})
    summary = only([half], Sizes(vectors=10**9))
    assert [ratio_text(summary, name) for name in ("float32", "float16", "int8", "file")] == [
        "32x",
        "16x",
        "8x",
        "16x",
    ]
    text = " ".join(results_text([half], sizes=Sizes(vectors=10**9)).split())
    assert "shared by 1,000,000,000 vectors; ratio to float32, the file holds float16" in text
    text = " ".join(results_text([half], sizes=Sizes(ratio_to="file")).split())
    assert "shared by 10,000 vectors; ratio to the dtype of the file (float16)" in text


def test_rows_that_do_not_know_their_dtype_have_no_ratio_to_it(opq):
    assert ratio_text(only([opq()], Sizes()), "file") == "?"
    text = " ".join(results_text([opq()], sizes=Sizes(ratio_to="file")).split())
    assert "ratio to the dtype of the file (not known for all rows; rerun them with --force)" in text


def test_rows_are_in_order_of_all_their_bits(opq, make_run):
    runs = [opq(), make_run("rabitq", 1.125, n=10_000), make_run("sq", 4.0, n=10_000)]
    for sizes, order in ((Sizes(), ["rabitq", "opq", "sq"]), (Sizes(10**9), ["opq", "rabitq", "sq"])):
        assert [each.method for each in comparisons(sized(runs, sizes))[0].summaries] == order


def test_models_that_differ_by_a_hair_do_not_order_methods(make_run):
    """Of two codes of the same size, the one with the better recall is first, whatever its model."""
    sizes = {"pq": (393_216, 0.7), "opq": (983_040, 0.8)}
    runs = [
        make_run(name, 1.0, extra={"code_bytes": 48, "model_bytes": model, "recall_at_10": recall})
        for name, (model, recall) in sizes.items()
    ]
    assert [each.method for each in comparisons(sized(runs, Sizes(10**8)))[0].summaries] == ["opq", "pq"]


def test_rows_without_sizes_are_last_and_have_none(make_run):
    bare = {
        name: value for name, value in make_run("pq", 1.0).metrics.items() if not name.startswith(("code", "total"))
    }
    for sizes in (Sizes(), Sizes(10**6)):
        text = results_text([make_run("pq", 1.0, metrics=bare), make_run("sq", 4.0)], sizes=sizes)
        rows = [line.split() for line in text.splitlines() if line.startswith(("pq", "sq"))]
        assert [row[0] for row in rows] == ["sq", "pq"]
        assert rows[1].count("-") == 3
