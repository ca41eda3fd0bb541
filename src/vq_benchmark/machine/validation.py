"""User input as frozen models: an invalid value gives one sentence, the same wherever the value comes from."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from vq_benchmark.errors import InputError
from vq_benchmark.machine.suggestions import did_you_mean

MOST_SHOWN = 80
"""Maximum number of characters shown of an invalid value."""

M = TypeVar("M", bound=BaseModel)
S = TypeVar("S", bound="Spec")

RIGHT = {
    "greater_than_equal": "it must be at least {ge}",
    "greater_than": "it must be greater than {gt}",
    "less_than_equal": "it must be at most {le}",
    "less_than": "it must be less than {lt}",
    "literal_error": "it must be {expected}",
    "finite_number": "it must be a finite number",
    "too_short": "it must hold at least {min_length}",
} | {
    f"{kind}_{error}": f"it must be {noun}"
    for kind, noun in {
        "int": "a whole number", "float": "a number", "bool": "true or false", "string": "text", "path": "a path",
        "list": "a list", "dict": "a mapping of names to values",
    }.items()
    for error in ("type", "parsing", "from_float")
}  # fmt: skip
"""What would be right, by pydantic's error type; other types use pydantic's own words."""


class Spec(BaseModel):
    """A frozen model of values with types, bounds, defaults and descriptions; unknown names are refused.

    The command line, study files and the Python API are all derived from the fields.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def parse(cls, values: Mapping[str, Any], origin: str = "", spelled: Callable[[str], str] = str) -> Self:
        """The values as a model; see `parsed`."""
        return parsed(cls, values, origin, spelled)

    def part(self, kind: type[S]) -> S:
        """The values of one of the models that this one inherits from."""
        return kind(**{name: getattr(self, name) for name in kind.model_fields})


def parsed(
    kind: type[M],
    values: Mapping[str, Any],
    origin: str = "",
    spelled: Callable[[str], str] = str,
    noun: str = "key",
) -> M:
    """The values as a model.

    Args:
        origin: where the values come from, such as the name of a file; the message begins with it.
        spelled: gives the spelling of a field's name there, such as `option_name`.
        noun: what a field is called there.

    Raises:
        InputError: a name is unknown (the message gives the nearest valid one), or a value is invalid.
    """
    for name in values:
        if name not in kind.model_fields:
            known = ", ".join(kind.model_fields) or "none"
            hint = did_you_mean(name, kind.model_fields)
            raise InputError(f"{origin} has no {noun} {name!r}; {hint}its {noun}s are: {known}.")
    try:
        return kind(**values)
    except ValidationError as error:
        raise InputError(f"{origin + ': ' if origin else ''}{problem(error, spelled)}.") from None


def problem(error: ValidationError, spelled: Callable[[str], str] = str) -> str:
    """The first error as a sentence without a full stop: the name, the value, and what would be right.

    A validator of a field or of the whole model writes its own sentence, which includes the value.
    """
    first = error.errors()[0]
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return message
    field, *inside = first["loc"]
    place = ".".join([spelled(str(field)), *map(str, inside)])
    if first["type"] == "missing":
        return f"{place} is missing"
    if first["type"] == "value_error":
        return f"{place}: {message}"
    right = RIGHT.get(first["type"])
    said = message.replace("Input ", "it ", 1)
    what = said[0].lower() + said[1:] if right is None else right.format(**first.get("ctx", {}))
    return f"{place} is {_shown(first['input'])}; {what}"


def option_name(field: str) -> str:
    """The option of the command line that sets a field, such as --mem-per-cpu."""
    return f"--{field.replace('_', '-')}"


def option_words(kind: type[Spec], values: Mapping[str, Any]) -> list[str]:
    """The words of a command line that set those fields of a model to values other than their defaults."""
    words: list[str] = []
    for name, info in kind.model_fields.items():
        value = values.get(name, info.default)
        if value == info.default:
            continue
        if isinstance(value, bool):
            words.append(option_name(name if value else f"no_{name}"))
        else:
            words += [option_name(name), str(value)]
    return words


def _shown(value: object) -> str:
    text = repr(str(value) if isinstance(value, Path) else value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
