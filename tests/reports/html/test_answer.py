from dataclasses import replace

from vq_benchmark.reports.html.answer import Candidate, answer, fixed, size_text

SMALL = Candidate("small", 1.0, 48, 1000, 0.80, 0.78, 0.82)
MIDDLE = Candidate("middle", 2.0, 96, 1000, 0.95, 0.94, 0.96)
LARGE = Candidate("large", 4.0, 192, 1000, 0.99, 0.985, 0.995)
ALL = [LARGE, SMALL, MIDDLE]


def test_the_smallest_whose_whole_interval_reaches_the_target_is_chosen_and_smaller_undecided_ones_are_named():
    found = answer(ALL, 0.95, 10, 1_000_000, 384)
    assert found.chosen == "large"
    assert found.sentence == (
        "large is the smallest configuration with a recall@10 of at least 0.950: 0.990 (95 % interval 0.985 to "
        "0.995) at 4.00 bits per dimension. 1,000,000 vectors take 192.0 MB with the model, 8.0 times less than "
        "float32. middle is smaller but undecided: its interval is 0.940 to 0.960."
    )


def test_the_depth_of_re_ranking_and_its_reads_are_stated():
    found = answer(ALL, 0.94, 50, 1_000_000, 384)
    assert found.chosen == "middle"
    assert "recall@10 after re-ranking 50 candidates" in found.sentence
    assert "Each query reads 50 exact vectors, 76.8 kB of float32." in found.sentence


def test_where_nothing_reaches_the_target_the_best_is_named():
    found = answer(ALL, 0.999, 10, 1_000_000, 384)
    assert found.chosen is None
    assert "No configuration has a recall@10 of at least 0.999. The best is large with 0.990" in found.sentence
    assert answer([], 0.9, 10, 1, 384).sentence == "No row has recall@10."


def test_a_large_model_counts_where_few_vectors_share_it():
    heavy = replace(MIDDLE, label="heavy", code_bytes=90, model_bytes=10**6)
    assert answer([heavy, MIDDLE], 0.9, 10, 1_000, 384).chosen == "middle"
    assert answer([heavy, MIDDLE], 0.9, 10, 10**9, 384).chosen == "heavy"


def test_a_model_that_takes_most_of_the_bytes_is_named_and_more_than_float32_is_not_called_less():
    heavy = replace(MIDDLE, label="heavy", model_bytes=10**6)
    few = answer([heavy], 0.9, 10, 500, 384).sentence
    assert "500 vectors take 1.0 MB with the model, 1.4 times more than float32." in few
    assert "Most of that is the model, 1.0 MB, which further vectors share: each adds only 96 bytes." in few
    many = answer([heavy], 0.9, 10, 10**6, 384).sentence
    assert "times less than float32." in many and "Most of that" not in many


def test_halves_are_rounded_up_as_in_the_page():
    assert (fixed(0.0625, 3), fixed(0.5, 0), fixed(2.5, 0)) == ("0.063", "1", "3")
    assert [size_text(size) for size in (999, 1000, 1.92e10)] == ["999 bytes", "1.0 kB", "19.2 GB"]
