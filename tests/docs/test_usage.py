"""The docs against the code: options exist, examples run, every command and every option is described."""

import re
from pathlib import Path

import pytest
import typer

from vq_benchmark.cli.main import app
from vq_benchmark.quantizers.registry import registered

DOCS = Path(__file__).parents[2] / "docs"
USAGE = (DOCS / "USAGE.md").read_text()
README = (DOCS.parent / "README.md").read_text()
MSMARCO = (DOCS / "MSMARCO.md").read_text()
TOP = typer.main.get_command(app).commands
GROUPS = {name: group.commands for name, group in TOP.items() if hasattr(group, "commands")}
COMMANDS = {name: command for name, command in TOP.items() if name not in GROUPS} | {
    f"{group} {name}": command for group, commands in GROUPS.items() for name, command in commands.items()
}
ANY_OPTIONS = {
    option for command in COMMANDS.values() for each in command.params for option in each.opts + each.secondary_opts
}


def examples(text: str) -> list[tuple[str, list[str]]]:
    lines = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    calls = [re.search(rf"vq-benchmark ((?:(?:{'|'.join(GROUPS)}) )?\S+)(.*)", line) for line in lines]
    return [(call[1], re.findall(r"--[a-z-]+", call[2])) for call in calls if call]


@pytest.mark.parametrize(("command", "options"), examples(USAGE) + examples(README) + examples(MSMARCO))
def test_examples_use_options_that_exist(command, options):
    if command not in COMMANDS:  # a group without one of its commands stands for its default
        group = command.split()[0]
        command = f"{group} {TOP[group].default}"
    known = {option for each in COMMANDS[command].params for option in each.opts + each.secondary_opts}
    assert set(options) <= known


@pytest.mark.parametrize("option", sorted(set(re.findall(r"`(--[a-z-]+)", USAGE))))
def test_options_in_the_text_exist(option):
    assert option in ANY_OPTIONS | {"--debug"}


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_and_its_options_are_described(command):
    assert f"`{command}`" in USAGE or f"## `{command}" in USAGE
    obvious = {"--help", "--seed", "--dim", "--dtype", "--output", "--num-vectors", "--max-rows"}
    shown = [each for each in COMMANDS[command].params if not getattr(each, "hidden", False)]
    for parameter in shown:
        assert any(option in USAGE for option in parameter.opts if option.startswith("--")) or (
            obvious & set(parameter.opts) or not parameter.opts[0].startswith("--")
        ), f"{parameter.opts} of {command} is not in USAGE.md"


def test_methods_with_a_faiss_index_are_named():
    (section,) = re.findall(r"^## `export`.*?(?=^## )", USAGE, re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"`([a-z-]+)`\s\(Index", section))
    assert named == {name for name, method in registered().items() if method.has_search_index()}


@pytest.fixture
def exported(tmp_path, monkeypatch):
    """What the export examples of USAGE leave, which the readers after them read."""
    monkeypatch.chdir(tmp_path)
    for line in re.findall(r"^vq-benchmark (export .*--method.*)$", USAGE, re.MULTILINE):
        options = ["--train-size", "2000", "--dataset-limit", "5000", "--threads", "1"]
        app([*line.split(), *options], standalone_mode=False)


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", USAGE + README, re.DOTALL))
def test_python_examples_run(code, exported, capsys):
    exec(compile(code, "example", "exec"), {})
    assert "0." in capsys.readouterr().out
