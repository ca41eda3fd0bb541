"""Commands of tasks as any shell reads them."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from vq_benchmark.studies import task_command
from vq_benchmark.studies.stages import Task
from vq_benchmark.studies.task_command import task_line

NAMES = [
    "plain", "a b", "it's \"q\"", "x;echo $HOME `id`", "*?[x]", "50% %A %b", "hash#", "ünï", "-n", "a&b|c>(d)", "~",
    "back\\slash \\012", "line\nbreak", "bell\a it's $HOME", "\x1b[31m", "non\u00a0breaking", "no \udcff", "{}",
]  # fmt: skip


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("name", NAMES)
def test_any_folder_reaches_the_program_as_it_is(monkeypatch, tmp_path, name, shell):
    monkeypatch.setattr(task_command, "PROGRAM", ("printf", "<%s>"))
    manifest = SimpleNamespace(folder=tmp_path / name)
    line = task_line(manifest, Task("fit", 3), ["--cache-dir=" + name])
    assert line.isprintable()
    line.encode()  # no part of a character
    done = subprocess.run([shell, "-c", line], capture_output=True, check=True, cwd=tmp_path)
    folder = str(tmp_path / name)
    words = ["study", "task", "--cache-dir=" + name, folder, "fit", "3"]
    assert done.stdout == "".join(f"<{word}>" for word in words).encode(errors="surrogateescape")


def test_a_line_break_at_the_end_of_a_folder_is_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(task_command, "PROGRAM", ("printf", "%s\\0"))
    folder = tmp_path / "odd\n"
    line = task_line(SimpleNamespace(folder=folder), Task("merge", 0), [])
    said = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout
    assert Path(said.split("\0")[2]) == folder
