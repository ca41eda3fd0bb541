"""Make the file of `command_table` from the commands, after a change to a command or an option:

python -m vq_benchmark.cli.renew_command_table
"""

import inspect
import json
from typing import Any

import typer

from vq_benchmark.cli.command_table import FILE
from vq_benchmark.cli.main import COMMANDS, app


def described(command: Any) -> dict[str, Any]:
    """The entry of a command."""
    entry: dict[str, Any] = {"help": inspect.cleandoc(command.help or "")}
    if hasattr(command, "commands"):
        entry["commands"] = {name: described(each) for name, each in command.commands.items()}
        return entry
    context = command.make_context(command.name, [], resilient_parsing=True)
    entry["parameters"] = [_parameter(each, context) for each in command.params]
    return entry


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


def renewed() -> str:
    """The content of the file, from the commands as they are now."""
    commands = typer.main.get_group(app).commands
    return json.dumps({name: described(commands[name]) for name in COMMANDS}, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(renewed())
