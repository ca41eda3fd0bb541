"""Sets of chunks: complete ones become the row of the undivided run, others a sentence that says what is wrong."""

import random
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vq_benchmark.evaluation.measurement import Measurement
from vq_benchmark.results.database import Database, Run, write_database
from vq_benchmark.results.merging import quality, unite
from vq_benchmark.studies.aggregate import Finishing, finish_partial_rows, measurement_differences

CONFIGURATIONS = 25
CHUNKS = 8


@pytest.fixture(scope="module")
def study(make_study):
    return make_study("sq,none")


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "runs.db")


def finished(database: Database, runs: Iterable[Run], **options: Any) -> Finishing:
    database.put_all(runs)
    return finish_partial_rows(database, **options)


def qualities(runs: Iterable[Run]) -> dict[str, dict[str, Any]]:
    return {run.run_id: quality(run.metrics) for run in runs if run.status == "done"}


def edited(run: Run, change: Callable[[Measurement], object]) -> Run:
    measurement = Measurement.from_bytes(run.accumulators or b"")
    change(measurement)
    return replace(run, accumulators=measurement.to_bytes())


def only(runs: Sequence[Run], method: str) -> list[Run]:
    return sorted((run for run in runs if run.method == method), key=lambda run: run.chunk_start)


def test_chunks_become_the_row_of_the_undivided_run(study, database: Database) -> None:
    result = finished(database, study.parts)
    assert result.incomplete == []
    assert qualities(database.runs()) == qualities(study.whole)
    assert all(run.accumulators is None for run in database.runs())
    row = database.get(only(study.whole, "sq")[0].run_id)
    for name in ("bound_mse", "above_bound_db"):
        assert row.metrics[name] == only(study.whole, "sq")[0].metrics[name]
    chunks = only(study.parts, "sq")
    assert row.environment["merged_from"] == [run.run_id for run in chunks]
    assert row.metrics["fit_seconds"] == max(run.metrics["fit_seconds"] for run in chunks)
    assert row.per_query == only(study.whole, "sq")[0].per_query is not None
    before = database.path.read_bytes()
    assert finish_partial_rows(database) == Finishing()
    assert database.path.read_bytes() == before


def test_a_finished_row_replaces_a_failed_one_and_not_a_done_one(study, database: Database) -> None:
    sq, none = only(study.whole, "sq")[0], only(study.whole, "none")[0]
    database.put_all([replace(sq, status="failed", error="killed", metrics={}), none])
    (row,) = finished(database, study.parts).finished
    assert row.run_id == sq.run_id
    assert database.get(sq.run_id).status == "done"
    assert database.get(none.run_id) == none
    assert not list(database.runs("accumulators IS NOT NULL"))


def test_missing_chunks_are_named_with_their_failures(study, database: Database) -> None:
    first, middle, last = only(study.parts, "sq")
    (sentence,) = finished(database, [first, last]).incomplete
    assert sentence == "sq bits=8 seed 0 on made: rows 300 to 600 of 900 are missing."
    failed = replace(middle, status="failed", error="ValueError: no luck.", accumulators=None)
    (sentence,) = finished(database, [failed]).incomplete
    assert sentence.endswith("rows 300 to 600 of 900 are missing; rows 300 to 600 failed: ValueError: no luck.")
    assert finished(database, [middle]).incomplete == []


def test_many_missing_chunks_stay_readable(study, database: Database) -> None:
    one = only(study.parts, "sq")[0]
    runs = [
        replace(one, run_id=f"r{start}", chunk_start=start, chunk_stop=start + 10, n=10_000)
        for start in range(0, 10_000, 20)
    ]
    (sentence,) = finished(database, runs).incomplete
    assert sentence == (
        "sq bits=8 seed 0 on made: rows 10 to 20, 30 to 40, 50 to 60, 70 to 80, 90 to 100 and 495 more (5000 rows) "
        "of 10000 are missing."
    )


def test_overlapping_chunks_are_named(study, make_study, database: Database) -> None:
    others = only(make_study("sq", chunks=2).parts, "sq")
    (sentence,) = finished(database, [*only(study.parts, "sq"), *others]).incomplete
    assert "rows 0 to 300 occur twice, in the chunks 0 to 300 and 0 to 450" in sentence
    assert "rows 300 to 450 occur twice, in the chunks 0 to 450 and 300 to 600" in sentence
    assert sentence.endswith("merge those of one division only.")
    assert not qualities(database.runs())
    assert len(list(database.runs("accumulators IS NOT NULL"))) == 5


def test_chunks_of_different_models_are_named(study, database: Database) -> None:
    first, middle, last = only(study.parts, "sq")
    other = replace(middle, environment=middle.environment | {"model_hash": "beef" * 16})
    (sentence,) = finished(database, [first, other, last]).incomplete
    mine = first.environment["model_hash"][:12]
    assert f"2 different models: rows 0 to 300, 600 to 900 with the model {mine}, rows 300 to 600" in sentence
    assert "with the model beefbeefbeef." in sentence
    assert not qualities(database.runs())


def other_model(measurement: Measurement) -> None:
    measurement.key = replace(measurement.key, model_hash="beef")


def without_truth(measurement: Measurement) -> None:
    measurement.truth = None


def other_rows(measurement: Measurement) -> None:
    measurement.accumulators.spans = [(0, 300)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (other_model, "rows 300 to 600 (run {id}) and those before: they differ in model_hash."),
        (without_truth, "rows 300 to 600 (run {id}) and those before: only some of them have a ground truth."),
        (other_rows, "the row of rows 300 to 600 (run {id}) holds a measurement of different rows, rows 0 to 300."),
    ],
)
def test_measurements_that_do_not_fit_are_named(study, database: Database, change, words: str) -> None:
    first, middle, last = only(study.parts, "sq")
    (sentence,) = finished(database, [first, edited(middle, change), last]).incomplete
    assert sentence.endswith(words.format(id=middle.run_id))
    assert not qualities(database.runs())
    assert all(run.accumulators for run in database.runs())


def test_a_damaged_measurement_is_named_and_the_other_sets_finish(study, database: Database) -> None:
    (_, middle, _), none = only(study.parts, "sq"), only(study.parts, "none")
    damaged = replace(middle, accumulators=(middle.accumulators or b"")[:-100])
    result = finished(database, [*study.parts, damaged])
    assert (
        f"the measurement of rows 300 to 600 (run {middle.run_id}) is damaged: it does not hold a measurement: not a "
        "readable archive" in result.incomplete[0]
    )
    assert [run.run_id for run in result.finished] == [none[0].whole_run_id]


def test_disputed_sets_are_not_finished(study, database: Database) -> None:
    sq = only(study.parts, "sq")[0].whole_run_id
    result = finished(database, study.parts, disputed={sq})
    assert [run.method for run in result.finished] == ["none"]
    assert result.incomplete == [
        "sq bits=8 seed 0 on made: it is not merged, because the inputs disagree about its chunks."
    ]


def lifted_truth(measurement: Measurement) -> None:
    """As if the ground truth of a chunk were that of other, nearer vectors."""
    top = measurement.truth.top
    measurement.truth.top = replace(top, scores=top.scores + 1.0)


def test_an_impossible_control_becomes_a_failed_row(study, database: Database) -> None:
    (first, middle, last), sq = only(study.parts, "none"), only(study.parts, "sq")
    result = finished(database, [first, edited(middle, lifted_truth), last, *sq])
    assert [run.method for run in result.finished] == ["sq"]
    (sentence,) = result.incomplete
    row = database.get(first.whole_run_id)
    assert (row.status, row.metrics, row.chunk_start, row.chunk_stop) == ("failed", {}, 0, 900)
    assert "of the uncompressed vectors is 0." in row.error
    assert "but it must be 1" in row.error
    assert sentence == f"none  seed 0 on made: {row.error}"
    before = database.path.read_bytes()
    assert finish_partial_rows(database) == Finishing()
    assert database.path.read_bytes() == before


def test_two_measurements_are_in_memory_at_most(make_study, database: Database, monkeypatch) -> None:
    database.put_all(make_study("sq,none", chunks=6).parts)
    alive: weakref.WeakSet[Measurement] = weakref.WeakSet()
    most = 0
    read = Measurement.from_bytes.__func__

    class Tracked(Measurement):
        __hash__ = object.__hash__

    def watched(cls: type[Measurement], data: bytes) -> Measurement:
        nonlocal most
        measurement = read(Tracked, data)
        alive.add(measurement)
        most = max(most, len(alive))
        return measurement

    monkeypatch.setattr(Measurement, "from_bytes", classmethod(watched))
    assert len(finish_partial_rows(database).finished) == 2
    assert most == 2


def test_the_file_shrinks_when_accumulators_were_dropped(study, database: Database) -> None:
    padded = [replace(run, accumulators=(run.accumulators or b"")) for run in study.parts]
    bulk = replace(padded[0], run_id="bulk", whole_run_id="bulk", status="done", accumulators=bytes(3_000_000))
    database.put_all([*padded, bulk])
    database.put_all([], spent=["bulk"])
    assert database.path.stat().st_size > 3_000_000
    assert len(finish_partial_rows(database).finished) == 2
    assert database.path.stat().st_size < 200_000
    assert qualities(run for run in database.runs() if run.run_id != "bulk") == qualities(study.whole)


def test_differences_of_measurements(study) -> None:
    run = only(study.parts, "sq")[0]
    data = run.accumulators or b""

    def differences(change: Callable[[Measurement], object]) -> list[Any]:
        return measurement_differences(data, edited(run, change).accumulators or b"")

    def slower(measurement: Measurement) -> None:
        measurement.timings.encode_seconds += 1

    def other_sum(measurement: Measurement) -> None:
        measurement.accumulators.sums["vector:y:1"].units *= 2

    def other_candidate(measurement: Measurement) -> None:
        measurement.accumulators.top.ids[3, 4] = 7_000_000

    assert differences(lambda measurement: None) == []
    assert differences(slower) == []
    assert differences(other_model) == [("model_hash", run.environment["model_hash"], "beef")]
    ((name, mine, theirs),) = differences(other_sum)
    assert (name, theirs) == ("the sum vector:y:1", 2 * mine)
    ((name, _, theirs),) = differences(other_candidate)
    assert (name, theirs) == ("ids of candidates [3, 4]", 7_000_000)
    assert differences(without_truth)[0][0] == "the shape of ids of neighbours"
    assert measurement_differences(data, data[:-9]) == [("its measurement", "readable", "unreadable")]


# Many databases


def logical(path: Path) -> list[Run]:
    """All that a database holds but when its finished rows were made."""
    return sorted((replace(run, created_at="") for run in Database(path).runs()), key=lambda run: run.run_id)


def merge(target: Path, sources: Sequence[Path]) -> Finishing:
    union = unite(Database(target), sources, measurement_differences)
    assert (union.unreadable, union.conflicts) == ([], [])
    return finish_partial_rows(Database(target))


@pytest.fixture(scope="module")
def many(make_study, tmp_path_factory):
    """The study of 25 configurations in 8 chunks, and the 200 databases of its array tasks."""
    study = make_study("sq,none,int8,fp8,minmax", seeds=5, chunks=CHUNKS, n=800)
    folder = tmp_path_factory.mktemp("tasks")
    files = [folder / f"evaluate-{number:05}.db" for number in range(len(study.parts))]
    for file, run in zip(files, study.parts, strict=True):
        write_database(file, [run])
    return study, files


def test_two_hundred_databases_merge_to_the_undivided_numbers(many, tmp_path: Path) -> None:
    study, files = many
    assert len(files) == 200
    shuffled = files.copy()
    random.Random(3).shuffle(shuffled)
    for name, order in (("forward", files), ("shuffled", shuffled)):
        assert len(merge(tmp_path / f"{name}.db", order).finished) == len(study.whole)
        assert qualities(Database(tmp_path / f"{name}.db").runs()) == qualities(study.whole)
    assert logical(tmp_path / "forward.db") == logical(tmp_path / "shuffled.db")
    before = (tmp_path / "forward.db").read_bytes()
    assert merge(tmp_path / "forward.db", shuffled) == Finishing()
    assert (tmp_path / "forward.db").read_bytes() == before


MERGE = """
import sys
from pathlib import Path
from vq_benchmark.results.database import Database
from vq_benchmark.results.merging import unite
from vq_benchmark.studies.aggregate import finish_partial_rows, measurement_differences
print("ready", flush=True)
database = Database(Path(sys.argv[1]))
unite(database, sorted(Path(sys.argv[2]).iterdir()), measurement_differences)
finish_partial_rows(database)
"""


def test_a_merge_that_is_killed_again_and_again_ends_the_same(many, tmp_path: Path) -> None:
    study, files = many
    rng = random.Random(5)
    target = tmp_path / "killed.db"
    seen = []
    for _ in range(5):
        process = subprocess.Popen([sys.executable, "-c", MERGE, target, files[0].parent], stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(rng.uniform(0.05, 0.5))
        process.kill()
        process.communicate()
        seen.append(sum(Database(target).counts().values()))
    assert seen == sorted(seen), "a row that was merged is gone"
    assert merge(target, files).incomplete == []
    merge(tmp_path / "calm.db", files)
    assert logical(target) == logical(tmp_path / "calm.db")
    assert qualities(Database(target).runs()) == qualities(study.whole)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_order_and_any_grouping_of_inputs_gives_the_same(many, tmp_path_factory, data: st.DataObject) -> None:
    """Three configurations, merged in several goes, some inputs twice, some goes by way of other merges."""
    study, files = many
    folder = tmp_path_factory.mktemp("orders")
    rows = [(run, file) for run, file in zip(study.parts, files, strict=True) if run.method == "sq" and run.seed < 3]
    order = data.draw(st.permutations([file for _, file in rows]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), max_size=3)))
    groups = [order[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    again = data.draw(st.lists(st.sampled_from(order), max_size=3))
    target = folder / "all.db"
    for number, group in enumerate(groups):
        if data.draw(st.booleans()):
            merge(target, [*group, *again])
        else:
            merge(folder / f"{number}.db", group or again or order[:1])
            merge(target, [folder / f"{number}.db"])
    expected = qualities(run for run in study.whole if run.method == "sq" and run.seed < 3)
    assert qualities(Database(target).runs()) == expected
    merge(folder / "straight.db", sorted(order))
    assert logical(target) == logical(folder / "straight.db")
