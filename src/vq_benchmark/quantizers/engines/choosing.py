"""From what a user writes, such as `qdrant:int8,pgvector`, to rows of the table of engines."""

from collections.abc import Iterable

from vq_benchmark.errors import InputError
from vq_benchmark.machine.suggestions import did_you_mean
from vq_benchmark.quantizers.engines.setting import EngineSetting
from vq_benchmark.quantizers.engines.table import SETTINGS

ALL_ENGINES = "all"
BY_NAME = {setting.name: setting for setting in SETTINGS}


def engine_names() -> list[str]:
    """The names of the engines, in alphabetical order."""
    return sorted({setting.engine for setting in SETTINGS})


def chosen_engines(names: Iterable[str]) -> list[str]:
    """The settings that are meant, each once: `ENGINE:SETTING`, or all of an `ENGINE`.

    `all` means what vendors turn on by default or recommend.

    Raises:
        InputError: there is no such engine or setting; the nearest is named.
    """
    found = [setting.name for name in names for setting in _meant(name)]
    return list(dict.fromkeys(found))


def _meant(name: str) -> list[EngineSetting]:
    if name == ALL_ENGINES:
        return [setting for setting in SETTINGS if setting.role != "other"]
    if name in BY_NAME:
        return [BY_NAME[name]]
    engine, colon, setting = name.partition(":")
    own = [each for each in SETTINGS if each.engine == engine]
    if own and not colon:
        return own
    if own:
        settings = [each.setting for each in own]
        raise InputError(
            f"{engine} has no setting {setting!r}; {did_you_mean(setting, settings)}it has: {', '.join(settings)}."
        )
    engines = engine_names()
    raise InputError(
        f"there is no engine {engine!r}; {did_you_mean(engine, engines)}the engines are: {', '.join(engines)}."
    )
