from vq_benchmark.reports.comparison import comparisons
from vq_benchmark.reports.recommendation.advice import Advice, Question
from vq_benchmark.reports.recommendation.two_studies import first_study, second_study
from vq_benchmark.studies.recommending.goals import Goal
from vq_benchmark.studies.recommending.grid import Choices

QUESTION = ["--target", "recall_at_10=0.95"]


def row(make_run, method, bits, recall, **data):
    extra = {"recall_at_10": recall, "recall_at_10_ci": [recall - 0.01, recall + 0.01]}
    options = {"options": {"data": {"dataset": "/d/x.npy", **data}, "measure": {"k": 50}}}
    return make_run(method, bits, config={"bits": bits}, extra=extra, environment=options)


def advised(rows):
    (comparison,) = comparisons(rows)
    return Advice.of(comparison, Question((Goal("recall_at_10", 0.95),), 10**6))


def test_large_data_get_the_first_study_and_small_ones_do_not():
    asked = {"dataset": "/d/x.npy", "metric": "ip"}
    first, ask = first_study(10**8, asked, Choices(("sq", "pq")), QUESTION)
    assert first.startswith("100,000,000 vectors take long on one machine.")
    assert first.endswith(
        "vq-benchmark slurm submit --dataset /d/x.npy --dataset-limit 1000000 --metric ip --method sq,pq "
        "--bits 0.5,1,2,3,4,6 --study-dir first-study"
    )
    assert ask.endswith("vq-benchmark recommend --db-path first-study/results.db --target recall_at_10=0.95")
    assert first_study(10**6, asked, Choices(("sq",)), QUESTION) == []
    assert first_study(10**8, None, Choices(("sq",)), QUESTION) == []


def test_rows_of_the_first_vectors_call_for_a_study_of_what_they_leave_open(make_run):
    recalls = {"sq": (0.8, 0.97, 0.99), "pq": (0.9, 0.94, 0.99), "opq": (0.2, 0.3, 0.4)}
    rows = [
        row(make_run, method, bits, recall, dataset_limit=1000)
        for method, found in recalls.items()
        for bits, recall in zip((2.0, 3.0, 4.0), found, strict=True)
    ]
    study, ask = second_study(advised(rows), QUESTION)
    assert study.endswith(
        "vq-benchmark slurm submit --dataset /d/x.npy --k 50 --method sq,pq "
        "--bits 2.25,2.5,2.75,3,3.25,3.5,3.75,4,4.5,5,5.5,6 --study-dir second-study"
    )
    assert ask.endswith("vq-benchmark recommend --db-path second-study/results.db --target recall_at_10=0.95")


def test_rows_of_all_vectors_or_without_an_answer_call_for_none(make_run):
    assert second_study(advised([row(make_run, "sq", 4.0, 0.99)]), QUESTION) == []
    assert second_study(advised([row(make_run, "sq", 4.0, 0.9, dataset_limit=9)]), QUESTION) == []
