"""What help and completion say of commands, from a file, so that neither loads the libraries of any command.

`renew_command_table` makes the file from the commands; a test compares the two.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("command_table.json")


@cache
def table() -> dict[str, Any]:
    """By command: its help, its parameters or its subcommands."""
    return dict(json.loads(FILE.read_bytes()))
