from vq_benchmark.evaluation.sample_summary import SAMPLE_KEY, SampleSummary
from vq_benchmark.reports.comparison import comparisons
from vq_benchmark.reports.html.data_card import data_card, spectrum_points

SUMMARY = SampleSummary(
    1, 500, [0.5, 0.6, 0.8, 1.0, 1.2, 1.4, 2.0], 3, [1, 2, 8], [0.25, 0.5, 1.0], 5.25,
).as_json()  # fmt: skip


def card(*runs):
    (comparison,) = comparisons(runs)
    return dict(data_card(comparison)), spectrum_points(comparison)


def test_the_training_sample_is_described_by_norms_repeats_and_spectrum(make_run):
    facts, spectrum = card(make_run("pq", 2.0, metric="l2", environment={SAMPLE_KEY: SUMMARY}))
    assert facts["norms of 500 training vectors"].startswith("smallest 0.5, 5 % 0.6, 25 % 0.8, median 1,")
    assert facts["repeated vectors of 500 training vectors"] == "3"
    assert facts["effective dimension of 500 training vectors"] == "5.2"
    assert facts["float32 size"] == "153.6 MB"
    assert spectrum == [[1, 0.25], [2, 0.5], [8, 1.0]]


def test_under_cosine_the_norm_is_one(make_run):
    facts, _ = card(make_run("pq", 2.0, environment={SAMPLE_KEY: SUMMARY}))
    assert facts["norms of 500 training vectors"].startswith("1, as cosine")


def test_rows_of_earlier_releases_show_what_they_have(make_run):
    damaged = make_run("sq", 2.0, environment={SAMPLE_KEY: {"version": 2}})
    facts, spectrum = card(make_run("pq", 2.0), damaged)
    assert facts["base vectors"] == "100,000" and spectrum == []
    assert not any("training vectors" in name for name in facts)


def test_the_licence_is_that_of_a_hosted_data_set_and_not_of_a_file_with_its_name(make_run):
    hosted = {"dataset_revision": "sha256:1"}
    facts, _ = card(make_run("pq", 2.0, dataset="glove-100-angular", environment=hosted))
    assert facts["licence"] == "PDDL 1.0"
    assert "licence" not in card(make_run("pq", 2.0, dataset="glove-100-angular"))[0]
    assert "data card" in card(make_run("pq", 2.0, dataset="sample"))[0]["licence"]
