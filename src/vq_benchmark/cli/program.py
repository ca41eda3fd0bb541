"""How commands look in `--help`: what a value is in a word, nothing for a flag, and `--help` last."""

from pathlib import Path
from typing import Any, get_args

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

METAVARS = {int: "N", float: "X", str: "TEXT", Path: "PATH"}
OTHER = "Other"
"""The panel of options that every command has."""


def _simplified(params: list[Any]) -> list[Any]:
    for option in params:
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
    """What stands below the options: commands to copy."""
    return "\n\n".join(["Examples:", *(f"`{command}`" for command in commands)])


class Command(TyperCommand):
    """A command."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its options and arguments, as help shows them."""
        return _simplified(super().get_params(ctx))


class Group(TyperGroup):
    """The program, or a command that has commands."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its options, as help shows them."""
        return _simplified(super().get_params(ctx))


class Commands(typer.Typer):
    """Commands under one name; those that are added look as the others do."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(cls=Group, rich_markup_mode="markdown", **settings)

    def command(self, name: str | None = None, **settings: Any) -> Any:
        """As of typer."""
        return super().command(name, cls=Command, **settings)
