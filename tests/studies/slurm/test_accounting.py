"""What `sacct` prints, as it was printed by Slurm 22.05."""

import pytest

from vq_benchmark.studies.slurm.accounting import parsed_rows, reported_bytes, seconds_of_duration

ANSWER = """\
12_3|COMPLETED|0:0|3|10|6|00:00.555|billing=2,cpu=2,mem=400M,node=1|
12_3.batch|COMPLETED|0:0|3||6|00:00.555|cpu=2,mem=400M,node=1|55816K
12_3.extern|COMPLETED|0:0|3||6|00:00:00|billing=2,cpu=2,mem=400M,node=1|100K
12_[4-5%2]|CANCELLED by 0|0:0|0|10|0|00:00:00||
8|FAILED|0:53|0|UNLIMITED|0|00:00:00|billing=1,cpu=1,mem=1.5G,node=1|
"""


def test_steps_give_their_memory_to_their_task_and_arrays_are_expanded():
    plain, third, fourth, fifth = parsed_rows(ANSWER)
    assert (third.job, third.index, third.state) == (12, 3, "COMPLETED")
    assert (third.peak_bytes, third.bytes_requested) == (55816 << 10, 400 << 20)
    assert (third.cpu_seconds, third.cpu_seconds_requested) == (0.555, 6)
    assert (third.seconds, third.seconds_limit) == (3, 600)
    assert [(each.index, each.state, each.peak_bytes) for each in (fourth, fifth)] == [
        (4, "CANCELLED", 0), (5, "CANCELLED", 0),
    ]  # fmt: skip
    assert (plain.job, plain.index, plain.exit_code) == (8, 0, "0:53")
    assert (plain.seconds_limit, plain.bytes_requested) == (0, 1536 << 20)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:00.555", 0.555), ("01:02", 62), ("01:02:03", 3723), ("2-01:02:03", 176523), ("", 0), ("INVALID", 0)],
)
def test_durations(text, seconds):
    assert seconds_of_duration(text) == seconds


@pytest.mark.parametrize(("text", "size"), [("0", 0), ("12K", 12288), ("1.5G", 1536 << 20), ("", 0), ("x", 0)])
def test_sizes(text, size):
    assert reported_bytes(text) == size
