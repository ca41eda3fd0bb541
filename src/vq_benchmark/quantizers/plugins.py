"""Quantizers from outside the package: of a Python file, of a module, or of an installed package's entry point."""

import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.machinery import BYTECODE_SUFFIXES, all_suffixes
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from vq_benchmark.errors import InputError
from vq_benchmark.machine.locations import input_path
from vq_benchmark.quantizers.base import Parameters, Quantizer

ENTRY_POINT_GROUP = "vq_benchmark.quantizers"
METHOD_NAME = r"[a-z0-9]+(-[a-z0-9]+)*"
RESERVED = "all"
"""Stands for every method on the command line."""
CODE_SUFFIXES = tuple(suffix for suffix in all_suffixes() if suffix not in BYTECODE_SUFFIXES)


@dataclass(frozen=True)
class Plugin:
    """The quantizers of one source outside the package."""

    label: str
    """What it is in messages."""
    source: str
    """The absolute path of a file, the name of a module, or for an entry point the label."""
    hash: str
    """SHA-256 of its code, as 64 hex digits: a file's bytes, or all code files of the package that a module is in."""
    methods: Mapping[str, type[Quantizer]]


def absolute_source(name: str) -> str:
    """The name of a plugin as it is found from any folder: an absolute path, or a module's name as it is."""
    return str(input_path(name).absolute()) if _is_path(name) else name


def load_plugin(name: str) -> Plugin:
    """The quantizers of a file (`sphere.py`, `folder/sphere.py`) or of an importable module (`my_package.sphere`).

    A file is read each time, so that edits count; a module is imported once.

    Raises:
        InputError: it does not exist, raises when it is imported, or defines no complete quantizer.
    """
    source = absolute_source(name)
    return _file_plugin(Path(source)) if _is_path(name) else _module_plugin(source)


@cache
def installed_plugins() -> tuple[Plugin, ...]:
    """The quantizers of installed packages, one plugin for each entry point of the group `vq_benchmark.quantizers`.

    Raises:
        InputError: one of them cannot be imported or defines no complete quantizer.
    """
    found = sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda each: (each.name, each.value))
    return tuple(map(_entry_point_plugin, found))


def quantizers_in(module: ModuleType) -> Iterator[type[Quantizer]]:
    """The quantizers that a module, or a package in its modules, defines: named subclasses of `Quantizer`."""
    for value in vars(module).values():
        is_method = inspect.isclass(value) and issubclass(value, Quantizer) and "name" in vars(value)
        if is_method and f"{value.__module__}.".startswith(f"{module.__name__}."):
            yield value


def module_of_file(path: Path) -> tuple[ModuleType, str]:
    """A module made from a file outside of any package, and the SHA-256 of the very bytes that were run.

    No bytecode is cached: Python would take it for current if a file changes within a second and keeps its size.
    """
    code = path.read_bytes()
    hash_ = hashlib.sha256(code).hexdigest()
    spec = importlib.util.spec_from_file_location(f"vq_plugin_{hash_[:16]}", path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module  # where pydantic and pickle look for it
    exec(compile(code, str(path), "exec"), vars(module))
    return module, hash_


def _is_path(name: str) -> bool:
    return name.endswith(".py") or "/" in name


def _file_plugin(path: Path) -> Plugin:
    label = f"plugin {str(path)!r}"
    if not path.is_file():
        raise InputError(f"{label} is not a file; give the path of a .py file, or the name of an importable module.")
    with _importing(label):
        module, hash_ = module_of_file(path)
    return _plugin(label, str(path), hash_, quantizers_in(module))


@cache
def _module_plugin(name: str) -> Plugin:
    label = f"plugin {name!r}"
    with _importing(label):
        module = importlib.import_module(name)
    return _plugin(label, name, _code_hash(module), quantizers_in(module))


def _entry_point_plugin(entry_point: EntryPoint) -> Plugin:
    package = "an installed package" if entry_point.dist is None else f"the package {entry_point.dist.name!r}"
    label = f"entry point {entry_point.name!r} of {package}"
    with _importing(label):
        found = entry_point.load()
    if inspect.ismodule(found):
        return _plugin(label, label, _code_hash(found), quantizers_in(found))
    if inspect.isclass(found) and issubclass(found, Quantizer):
        return _plugin(label, label, _code_hash(sys.modules[found.__module__]), [found])
    raise InputError(f"{label} is {entry_point.value!r}; it must name a module or a subclass of Quantizer.")


@contextmanager
def _importing(label: str) -> Iterator[None]:
    """Make one sentence of whatever other people's code raises when it is imported."""
    try:
        yield
    except (Exception, SystemExit) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise InputError(f"cannot load {label}: {type(error).__name__}{reason and ': '}{reason}.") from error


def _plugin(label: str, source: str, hash_: str, methods: Iterable[type[Quantizer]]) -> Plugin:
    """The plugin, or an InputError if it defines no quantizer, an incomplete one, or two of one name."""
    by_name: dict[str, type[Quantizer]] = {}
    for method in methods:
        missing = [text for text in ("name", "title", "paper") if not isinstance(getattr(method, text, None), str)]
        missing += sorted(method.__abstractmethods__)
        if missing:
            raise InputError(f"{label}: {method.__name__} does not define {', '.join(missing)}.")
        if not re.fullmatch(METHOD_NAME, method.name) or method.name == RESERVED:
            raise InputError(
                f"{label}: {method.__name__} has the name {method.name!r}; use lower-case letters, digits and single "
                f"hyphens, such as 'my-method', and not {RESERVED!r}."
            )
        if not (inspect.isclass(method.parameters_type) and issubclass(method.parameters_type, Parameters)):
            raise InputError(f"{label}: {method.__name__}.parameters_type must be a subclass of Parameters.")
        if by_name.setdefault(method.name, method) is not method:
            raise InputError(f"{label} defines two quantizers named {method.name!r}; give each its own name.")
    if not by_name:
        raise InputError(f"{label} defines no quantizer; it needs a subclass of Quantizer with a name of its own.")
    return Plugin(label, source, hash_, by_name)


def _code_hash(module: ModuleType) -> str:
    """Hash of a module's file, or of all code files of its top-level package if it is in one: they may matter too."""
    package = sys.modules[module.__name__.partition(".")[0]]
    folders = [Path(each) for each in getattr(package, "__path__", ())]
    if not folders:
        return hashlib.sha256(Path(str(module.__file__)).read_bytes()).hexdigest()
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.name.endswith(CODE_SUFFIXES):
                content = path.read_bytes()
                digest.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()
