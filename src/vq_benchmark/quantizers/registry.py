"""Every quantizer there is: those of this package, of installed packages, and of the plugins in use."""

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from functools import cache
from types import MappingProxyType
from typing import Any

import vq_benchmark.quantizers.methods as package
from vq_benchmark.errors import InputError
from vq_benchmark.machine.suggestions import did_you_mean
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.plugins import Plugin, installed_plugins, load_plugin, quantizers_in

_in_use: ContextVar[Mapping[str, Plugin]] = ContextVar("plugins in use", default=MappingProxyType({}))
"""By source. A command runs in a context of its own, so its plugins end with it."""


@cache
def built_in() -> dict[str, type[Quantizer]]:
    """The quantizers of this package by name."""
    found: dict[str, type[Quantizer]] = {}
    for module_info in pkgutil.iter_modules(package.__path__):
        for method in quantizers_in(importlib.import_module(f"{package.__name__}.{module_info.name}")):
            if method.name in found:
                raise RuntimeError(f"two quantizers are named {method.name!r}: {found[method.name]}, {method}")
            found[method.name] = method
    return found


def use_plugins(names: Iterable[str]) -> None:
    """Register the quantizers of plugins, each a file or a module as `load_plugin` takes it.

    A plugin that is in use already is read again; if its file changed, the new code replaces the old.

    Raises:
        InputError: a plugin cannot be loaded, or the name of one of its quantizers is taken.
    """
    for name in names:
        plugin = load_plugin(name)
        others = {source: each for source, each in _in_use.get().items() if source != plugin.source}
        _by_name([*installed_plugins(), *others.values(), plugin])
        _in_use.set(others | {plugin.source: plugin})


def registered() -> dict[str, type[Quantizer]]:
    """Quantizer classes by name, in alphabetical order.

    Raises:
        InputError: an installed package has an entry point that cannot be used.
    """
    outside = {name: plugin.methods[name] for name, plugin in _from_outside().items()}
    return dict(sorted((built_in() | outside).items()))


def plugin_of(method: str) -> Plugin | None:
    """The plugin that a method comes from; None for methods of this package, and where there is no such method."""
    return None if method in built_in() else _from_outside().get(method)


def list_quantizers() -> list[str]:
    """Names of all quantizers, in alphabetical order."""
    return list(registered())


def quantizer_class(name: str) -> type[Quantizer]:
    """The class of that name, or an InputError that names the nearest."""
    methods = registered()
    if name not in methods:
        raise InputError(
            f"there is no method {name!r}; {did_you_mean(name, methods)}the methods are: {', '.join(methods)}. If it "
            "is your own, name its file with --plugin."
        )
    return methods[name]


def get_quantizer(name: str, **parameters: Any) -> Quantizer:
    """An unfitted quantizer, such as `get_quantizer("pq", m=96, nbits=8)`.

    Raises:
        InputError: there is no such method or parameter, a value is out of bounds, or the method cannot run here.
    """
    cls = quantizer_class(name)
    reason = cls.unavailable()
    if reason:
        raise InputError(f"{name} cannot run here: {reason}")
    return cls(cls.parameters_type.parse(name, parameters))


def _from_outside() -> dict[str, Plugin]:
    return _by_name([*installed_plugins(), *_in_use.get().values()])


def _by_name(plugins: Iterable[Plugin]) -> dict[str, Plugin]:
    """The plugins by the names of their quantizers; InputError if a name is taken."""
    found: dict[str, Plugin] = {}
    for plugin in plugins:
        for name in plugin.methods:
            if name in built_in() or name in found:
                owner = "vq-benchmark" if name in built_in() else found[name].label
                raise InputError(
                    f"{plugin.label} defines a quantizer named {name!r}, but {owner} has one of that name; rename it."
                )
            found[name] = plugin
    return found
