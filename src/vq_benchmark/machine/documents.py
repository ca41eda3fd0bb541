"""JSON and YAML written by people or other programs: any text gives a value of bounded size or a ValueError."""

import json
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from vq_benchmark.machine.validation import problem

T = TypeVar("T")

MAX_DEPTH = 50
MAX_YAML_BYTES = 1 << 20
"""A study or profiles file is about a page long; PyYAML takes seconds for a megabyte."""
MAX_YAML_VALUES = 100_000
"""Maximum number of values, including repetitions by aliases: a few lines of aliases can expand to billions."""
MAX_DIGITS = 100
YAML_DAMAGE = (yaml.YAMLError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)
"""What PyYAML raises for damaged text; the last five come from values that do not fit their tag."""


def parsed_json(text: bytes | str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: it is not JSON, not UTF-8, nested too deeply, or contains a number of more than 100 digits.
    """
    try:
        value = json.loads(text, parse_int=_bounded_int)
    except RecursionError:
        raise _too_deep() from None
    _require_bounded(value, None)
    return value


class _ShallowScanner(yaml.scanner.Scanner):
    """A scanner that limits the depth of brackets, because PyYAML's own takes time quadratic in it."""

    def fetch_flow_collection_start(self, token: Any) -> None:
        if self.flow_level >= MAX_DEPTH:
            raise _too_deep()
        super().fetch_flow_collection_start(token)


class TextYaml(_ShallowScanner, yaml.BaseLoader):
    """A YAML loader that keeps every value as text, exactly as written."""


class SafeYaml(_ShallowScanner, yaml.SafeLoader):
    """A YAML loader that refuses what would take forever: long numbers, and merge keys that repeat each other."""

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        _require_short(node)
        return super().construct_yaml_int(node)

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        _require_short(node)
        return super().construct_yaml_float(node)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > MAX_YAML_VALUES:
            raise yaml.YAMLError("its merge keys repeat too many values")


SafeYaml.add_constructor("tag:yaml.org,2002:int", SafeYaml.construct_yaml_int)
SafeYaml.add_constructor("tag:yaml.org,2002:float", SafeYaml.construct_yaml_float)


def parsed_yaml(text: bytes, loader: type[SafeYaml] | type[TextYaml] = SafeYaml) -> Any:
    """The value of a YAML text.

    Raises:
        ValueError: it is not YAML, not UTF-8, longer than 1 MiB, nested too deeply or infinitely, or contains a
            number of more than 100 digits.
    """
    if len(text) > MAX_YAML_BYTES:
        raise ValueError(f"it has {len(text):,} bytes, more than {MAX_YAML_BYTES:,}")
    try:
        value = yaml.load(text.decode("utf-8"), Loader=loader)
        _require_bounded(value, MAX_YAML_VALUES)
    except RecursionError:
        raise _too_deep() from None
    except YAML_DAMAGE as error:
        raise ValueError(" ".join(str(error).split())) from error
    return value


def validated(kind: type[T], value: Any) -> T:
    """The value as an object of the dataclass or model `kind`, with the types of all fields checked.

    Raises:
        ValueError: the value does not fit; the message names the first wrong field.
    """
    if is_dataclass(kind) and isinstance(value, dict):
        unknown = value.keys() - {each.name for each in fields(kind)}
        if unknown:
            raise ValueError(f"it has no field {min(map(str, unknown))!r}")
    try:
        return _adapter(kind).validate_python(value)  # type: ignore[arg-type, no-any-return]
    except ValidationError as error:
        raise ValueError(problem(error)) from None


@cache
def _adapter(kind: Any) -> Any:
    return TypeAdapter(kind)


def _require_bounded(value: Any, most_values: int | None) -> None:
    """Raise ValueError for a value that is nested too deeply, contains itself, or expands to too many values."""
    values = 0
    level = [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                below += each.values()
            elif isinstance(each, list | tuple | set):
                below += each
            if most_values is not None and values + len(below) > most_values:
                raise ValueError(f"it expands to more than {most_values:,} values")
        values += len(below)
        level = below
        if not level:
            return
    raise _too_deep()


def _too_deep() -> ValueError:
    return ValueError(f"it is nested more than {MAX_DEPTH} levels deep")


def _bounded_int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"it holds a number of {len(text):,} digits")
    return int(text)


def _require_short(node: yaml.ScalarNode) -> None:
    if len(node.value) > MAX_DIGITS:
        raise ValueError(f"it holds a number of {len(node.value):,} characters, {node.value[:8]}…")
