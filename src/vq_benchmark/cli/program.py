"""The look of commands in `--help`: a word for a value, none for a flag or argument."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

METAVARS = {int: "N", float: "X", str: "TEXT", Path: "PATH"}
OTHER = "Other"
"""The panel of options that every command has."""


def _simplified(params: list[Any]) -> list[Any]:
    for option in params:
        if isinstance(option, TyperArgument):
            option.metavar = option.metavar or (option.name or "").upper()
            option.display_type_rich = lambda ctx: None  # type: ignore[method-assign] # the name says what it is
        if not isinstance(option, TyperOption):
            continue
        kind = option.type_descriptor.annotation
        if option.is_flag:
            option.metavar = ""
        elif option.metavar is None and not option.type_descriptor.is_choice:
            option.metavar = METAVARS.get(get_args(kind)[0] if get_args(kind) else kind)
        if "--help" in option.opts:
            option.rich_help_panel = OTHER
    return params


def examples(*commands: str) -> str:
    """The text below the options: commands to copy."""
    return "\n\n".join(["Examples:", *(f"`{command}`" for command in commands)])


def _keep_colons() -> None:
    """Keep typer from showing an emoji for text between colons, such as the minutes of H:M:S."""
    from typer import rich_utils  # only help needs it, and it takes long to load

    setattr(rich_utils, "Emoji", SimpleNamespace(replace=str))  # noqa: B010 - typer exports no such name


class Command(TyperCommand):
    """A command."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help."""
        _keep_colons()
        super().format_help(ctx, formatter)

    def get_params(self, ctx: Any) -> list[Any]:
        """The options and arguments of the command, as shown in help."""
        return _simplified(super().get_params(ctx))


class Group(TyperGroup):
    """The program, or a command with subcommands."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help."""
        _keep_colons()
        super().format_help(ctx, formatter)

    def get_params(self, ctx: Any) -> list[Any]:
        """The options of the group, as shown in help."""
        return _simplified(super().get_params(ctx))


class Commands(typer.Typer):
    """Commands under one name, all with the same look in help."""

    def __init__(self, cls: type[Group] = Group, **settings: Any) -> None:
        super().__init__(cls=cls, rich_markup_mode="markdown", **settings)

    def command(self, name: str | None = None, **settings: Any) -> Any:
        """A decorator that adds a command, as in typer."""
        return super().command(name, cls=Command, **settings)
