"""What help and completion say of commands, from a file, so that neither loads the libraries of any command.

The file is made from the commands; a test compares the two. After a change to a command or an option:

    python -m vq_benchmark.cli.command_table
"""

import inspect
import json
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer

from vq_benchmark.cli.program import Commands

FILE = Path(__file__).with_name("command_table.json")


@cache
def table() -> dict[str, Any]:
    """By command: its help, its parameters or its subcommands."""
    return dict(json.loads(FILE.read_bytes()))


def described(command: Any) -> dict[str, Any]:
    """The entry of a command."""
    entry: dict[str, Any] = {"help": inspect.cleandoc(command.help or "")}
    if hasattr(command, "commands"):
        entry["commands"] = {name: described(each) for name, each in command.commands.items()}
        return entry
    context = command.make_context(command.name, [], resilient_parsing=True)
    entry["parameters"] = [_parameter(each, context) for each in command.params]
    return entry


def stand_in(name: str, entry: dict[str, Any]) -> Any:
    """A command that looks like the real one to help and to completion, and does nothing."""
    commands = Commands(help=entry["help"])
    if "commands" not in entry:
        commands.command(name, help=entry["help"])(_function(entry["parameters"]))
        return typer.main.get_group(commands).commands[name]
    group = typer.main.get_group(commands)
    group.name = name
    group.commands = {each: stand_in(each, inner) for each, inner in entry["commands"].items()}
    return group


def _parameter(declared: Any, context: Any) -> dict[str, Any]:
    is_option = declared.param_type_name == "option"
    values = [each.value for each in declared.shell_complete(context, "") if each.type == "plain"]
    return {
        "name": declared.name,
        "option": [*declared.opts, *declared.secondary_opts] if is_option else None,
        "help": getattr(declared, "help", None),
        "flag": is_option and bool(declared.is_flag),
        "multiple": is_option and bool(declared.multiple),
        "values": values,
    }


def _function(parameters: list[dict[str, Any]]) -> Any:
    """A function that does nothing, with these parameters, for typer to read."""

    def nothing(**_: Any) -> None:
        pass

    signature = [_as_parameter(each) for each in parameters]
    nothing.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    nothing.__annotations__ = {each.name: each.annotation for each in signature}
    return nothing


def _as_parameter(entry: dict[str, Any]) -> inspect.Parameter:
    values, names = entry["values"], entry["option"]
    more = {"help": entry["help"], "autocompletion": (lambda: values) if values else None}
    if names is None:
        declared: Any = typer.Argument(**more)
    elif entry["flag"] and names[1:]:
        declared = typer.Option("/".join(names), **more)
    else:
        declared = typer.Option(*names, **more)
    kind: Any = bool if entry["flag"] else (list[str] if entry["multiple"] else str) | None
    default = False if entry["flag"] else None
    annotation: Any = Annotated[kind, declared]
    return inspect.Parameter(entry["name"], inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def renewed() -> str:
    """The content of the file, from the commands as they are now."""
    from vq_benchmark.cli.main import COMMANDS, app

    commands = typer.main.get_group(app).commands
    return json.dumps({name: described(commands[name]) for name in COMMANDS}, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(renewed())
