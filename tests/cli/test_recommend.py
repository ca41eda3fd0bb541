"""`recommend` as a person types it: an answer, its exit code, and refusals in one sentence."""

import json
import shlex

import pytest

from vq_benchmark.reports.recommendation import two_studies

SEARCH = ("--method", "sq,rabitq", "--bits", "4,6,8", "--train-size", 1000)


def recommended(program, *options):
    ran = program("recommend", *options, "--db-path", "r.db", "--json")
    return ran.code, json.loads(ran.out)


def test_a_search_ends_in_words_and_a_second_call_runs_nothing(program, vectors):
    first = program("recommend", "--dataset", vectors, "--target", "recall_at_10=0.7", *SEARCH, "--db-path", "r.db")
    assert first.code == 0, first.err
    assert "is the smallest configuration with a recall@10 of at least 0.700" in " ".join(first.out.split())
    assert "take this" in first.out and "results: r.db" in first.out

    code, again = recommended(program, "--dataset", vectors, "--target", "recall_at_10=0.7", *SEARCH)
    assert (code, again["search"]["new_passes"]) == (0, 0)
    assert again["sentence"] in " ".join(first.out.split())

    code, stored = recommended(program, "--target", "recall_at_10=0.7")
    assert (code, stored["sentence"]) == (0, again["sentence"])
    assert any("Not measured: trellis, segmented-eden" in note for note in stored["notes"])

    code, too_much = recommended(program, "--target", "recall_at_10=0.9999")
    assert (code, too_much["chosen"]) == (1, None)
    assert "No configuration has a recall@10 of at least 1.000. The best is" in too_much["sentence"]

    code, fitting = recommended(program, "--max-bytes", 9, "--vectors", "1M", "--price-per-gb", 2)
    assert code == 0
    assert fitting["chosen"]["bytes_per_vector"] <= 9 and fitting["target"] is None

    code, slow = recommended(program, "--target", "recall_at_10=0.7", "--min-encode-rate", 1e15)
    assert (code, slow["chosen"]) == (1, None)
    assert {each["method"] for each in slow["too_slow"]} == {"sq", "rabitq"}
    assert any("Encodes fewer than 1,000,000,000,000,000 vectors" in each for each in slow["paragraphs"])
    code, fast = recommended(program, "--target", "recall_at_10=0.7", "--max-encode-hours", 1000)
    assert (code, fast["sentence"], fast["too_slow"]) == (0, again["sentence"], [])

    code, deep = recommended(program, "--target", "recall_at_10=0.9", "--rerank", 50)
    assert code == 0
    assert "re-ranking 50 candidates" in deep["sentence"] and deep["rerank"] == 50


def test_rows_of_several_data_sets_are_never_mixed(program, vectors):
    run = ("run", "--method", "sq", "--param", "bits=4", "--train-size", 1000, "--db-path", "r.db")
    for path in (vectors, vectors / "base.npy"):
        assert program(*run, "--dataset", path, "--metric", "l2").code == 0
    ran = program("recommend", "--target", "recall_at_10=0.5", "--db-path", "r.db")
    assert ran.code == 2
    assert "2 data sets: base.npy (l2, " in ran.err and "--dataset NAME --stored" in ran.err
    code, found = recommended(program, "--target", "recall_at_10=0.01", "--dataset", "base.npy", "--stored")
    assert (code, found["dataset"]) == (0, "base.npy")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "give a --target such as recall_at_10=0.95"),
        (("--target", "0.95"), "must be METRIC=NUMBER"),
        (("--target", "recall_at_10=0.9", "--rerank", 7), "it can be 20, 50, 100, 200"),
        (("--max-bytes", 5, "--max-memory", "1G"), "not both"),
        (("--max-bytes", -5), "--max-bytes is -5; it must be above 0"),
        (("--target", "recall_at_10=0.9", "--price-per-gb", 0), "--price-per-gb is 0"),
        (("--target", "recall_at_10=0.9", "--vectors", "many"), "whole number of vectors"),
        (("--max-memory", "much"), "invalid size 'much'"),
        (("--target", "recall_at_10=0.9"), "no results database"),
        (("--target", "recall_at_10=0.9", "--dataset", "sample", "--method", "none"), "nothing to search"),
        (("--target", "recall_at_10=0.9", "--dataset", "sample", "--method", "pqq"), "'pqq'"),
        (("--target", "recall_at_10=0.9", "--dataset", "sample", "--bits", "0"), "--bits is 0"),
        (("--target", "recall_at_10=0.9", "--engine", "qdrnt"), "did you mean 'qdrant'"),
        (("--target", "recall_at_10=0.9", "--engine", "qdrant", "--method", "pq"), "either --engine or --method"),
        (("--target", "recall_at_10=0.9", "--engine", "qdrant", "--rerank", 50), "re-ranks as its engine does"),
        (("--target", "mrr_at_10_loss=0.01", "--engine", "qdrant"), "measured before an engine re-ranks"),
        (("--target", "recall_at_10=0.9", "--engines", "absent.txt"), "cannot read --engines 'absent.txt'"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_runs(program, options, said):
    ran = program("recommend", *options, "--db-path", "absent.db")
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err and ran.err.count("\n") == 1


def test_a_setting_of_a_database_is_chosen_by_the_recall_of_its_answer(program, vectors, tmp_path):
    (tmp_path / "mine.txt").write_text("# what we run\npgvector:bit-rerank\nqdrant:int8  # default\nqdrant:binary\n")
    ask = ("--target", "recall_at_10=0.75", "--engines", tmp_path / "mine.txt")
    data = ("--dataset", vectors, "--metric", "ip", "--train-size", 1000)
    code, found = recommended(program, *data, *ask)
    assert (code, found["chosen"]["label"]) == (0, "qdrant:int8")
    assert (found["chosen"]["code_bytes"], found["chosen"]["second_stage_bytes"]) == (20, 0)
    missing = {each["label"]: each for each in found["ruled_out"]}
    assert set(missing) == {"pgvector:bit-rerank", "qdrant:binary"}
    assert missing["pgvector:bit-rerank"]["second_stage_bytes"] == 64
    assert missing["pgvector:bit-rerank"]["recall_at_10"] > missing["qdrant:binary"]["recall_at_10"]
    assert "is the smallest setting with a recall@10 of at least 0.750" in found["sentence"]
    assert found["search"]["passes_of_a_sweep"] == 3

    lower = ("--target", "recall_at_10=0.05", *ask[2:])
    ran = program("recommend", *lower, "--db-path", "r.db")
    assert ran.code == 0, ran.err
    said = " ".join(ran.out.split())
    assert "it also keeps the vectors: 64 bytes each" in said and "each query reads 40 of them" in said
    assert "The smallest that keeps no vectors is qdrant:int8" in said
    code, stored = recommended(program, "--target", "recall_at_10=0.75", "--engine", "qdrant:int8,qdrant:int8-q99")
    assert stored["chosen"]["label"] == "qdrant:int8" and stored["notes"] == []
    code, none = recommended(program, "--target", "recall_at_10=0.9999", "--engine", "pgvector")
    assert (code, none["chosen"]) == (1, None)
    assert any("Not measured: pgvector:bit, pgvector:halfvec." in note for note in none["notes"])
    assert any("--engine pgvector" in note for note in none["notes"])


def test_a_goal_that_needs_judgements_is_refused_where_there_are_none(program, vectors):
    ran = program("recommend", "--dataset", vectors, "--target", "mrr_at_10_loss=0.01", "--db-path", "r.db")
    assert ran.code == 2
    assert "mrr_at_10_loss needs relevance judgements" in ran.err


def printed(notes, start):
    """The words of the one command in the notes that begins so."""
    (found,) = [note.partition(start)[2] for note in notes if start in note]
    return shlex.split(start + found)


def test_two_studies_give_an_answer_by_the_commands_that_are_printed(program, vectors, monkeypatch):
    monkeypatch.setattr(two_studies, "LARGE", 4000)
    monkeypatch.setattr(two_studies, "FIRST_ROWS", 1500)
    target = ("--target", "recall_at_10=0.7")
    search = ("--method", "sq", "--bits", "4,6")
    ran = program("recommend", "--dataset", vectors, *target, *search, "--db-path", "searched.db")
    words = printed(ran.err.splitlines(), "vq-benchmark slurm submit")
    assert program(*words[1:], "--dry-run").code == 0
    as_sweep = ["sweep", *words[3 : words.index("--study-dir")], "--bits", "4,6"]  # the study, in this process
    assert program(*as_sweep, "--db-path", "first-study/results.db").code == 0
    ask = printed(ran.err.splitlines(), "vq-benchmark recommend --db-path")
    first = json.loads(program(*ask[1:], "--json").out)
    assert first["n"] == 1500
    words = printed(first["notes"], "vq-benchmark slurm submit")
    assert program(*words[1:], "--dry-run").code == 0
    as_sweep = ["sweep", *words[3 : words.index("--study-dir")]]
    assert program(*as_sweep, "--db-path", "second-study/results.db").code == 0
    second = json.loads(program(*printed(first["notes"], "vq-benchmark recommend --db-path")[1:], "--json").out)
    assert second["n"] == 5000 and second["chosen"] is not None
    assert not any("slurm submit" in note for note in second["notes"])
