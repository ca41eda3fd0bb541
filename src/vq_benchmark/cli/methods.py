"""`vq-benchmark methods`: the quantizers there are, or all about one."""

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("methods")(methods)
