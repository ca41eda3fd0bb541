"""Paths inside the folder of a study, which move with it: the folder for which they were written is known."""

from pathlib import Path
from typing import Any


def relocated(value: Any, home: Path, now: Path) -> Any:
    """The value, of JSON, in which every text that is a path inside the folder `home` is that path inside `now`.

    Options such as --cache-dir=PATH are texts with a path behind the first equals sign.
    """
    if home == now:
        return value
    if isinstance(value, str):
        return _relocated_text(value, str(home), str(now))
    if isinstance(value, dict):
        return {key: relocated(each, home, now) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(relocated(each, home, now) for each in value)
    return value


def is_same(home: Path, now: Path) -> bool:
    """Whether both are one folder, perhaps reached through a link."""
    try:
        return home == now or home.samefile(now)
    except OSError:
        return False


def _relocated_text(text: str, home: str, now: str) -> str:
    name, equals, path = text.partition("=") if text.startswith("--") else ("", "", text)
    return f"{name}{equals}{now}{path.removeprefix(home)}" if path == home or path.startswith(f"{home}/") else text
