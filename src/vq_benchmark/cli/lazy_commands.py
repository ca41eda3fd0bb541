"""Commands that are imported on demand; help and completion show stand-ins, from the table of commands."""

import inspect
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any

import typer

from vq_benchmark.cli.command_table import table
from vq_benchmark.cli.program import Commands, Group


class _Modules(Mapping[str, Any]):
    """Commands by name, each imported on demand."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        self.modules = modules

    def __getitem__(self, name: str) -> Any:
        commands = Commands()
        import_module(self.modules[name]).register(commands)
        return typer.main.get_group(commands).commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.modules)

    def __len__(self) -> int:
        return len(self.modules)


def lazy_group(modules: Mapping[str, str]) -> type[Group]:
    """A group of the commands that the given modules `register`, by name.

    The libraries of a command take a second to load; help of the group, completion and `--version` need none of them.
    """

    class Lazy(Group):
        showing = False
        """Whether help is being printed, which needs only what the table of commands says."""

        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            self.commands = _Modules(modules)  # type: ignore[assignment]

        def list_commands(self, ctx: Any) -> list[str]:
            return list(modules)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            """The command of that name, or for help and completion one that looks like it; None if there is none."""
            if cmd_name in modules and (self.showing or ctx.resilient_parsing):
                return stand_in(cmd_name, table()[cmd_name])
            return self.commands.get(cmd_name)

        def format_help(self, ctx: Any, formatter: Any) -> None:
            self.showing = True
            super().format_help(ctx, formatter)

    return Lazy


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
