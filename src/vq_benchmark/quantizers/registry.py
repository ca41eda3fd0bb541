"""Every quantizer there is, found by importing the modules of this package."""

import importlib
import inspect
import pkgutil
from functools import cache
from typing import Any

import vq_benchmark.quantizers.methods as package
from vq_benchmark.errors import InputError
from vq_benchmark.machine.suggestions import did_you_mean
from vq_benchmark.quantizers.base import Quantizer


@cache
def registered() -> dict[str, type[Quantizer]]:
    """Quantizer classes by name, in alphabetical order."""
    found: dict[str, type[Quantizer]] = {}
    for module_info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{module_info.name}")
        for value in vars(module).values():
            is_method = inspect.isclass(value) and issubclass(value, Quantizer) and "name" in vars(value)
            if is_method and value.__module__ == module.__name__:
                if value.name in found:
                    raise RuntimeError(f"two quantizers are named {value.name!r}: {found[value.name]}, {value}")
                found[value.name] = value
    return dict(sorted(found.items()))


def list_quantizers() -> list[str]:
    """Names of all quantizers, in alphabetical order."""
    return list(registered())


def quantizer_class(name: str) -> type[Quantizer]:
    """The class of that name, or an InputError that names the nearest."""
    try:
        return registered()[name]
    except KeyError:
        hint = did_you_mean(name, registered())
        raise InputError(f"there is no method {name!r}; {hint}the methods are: {', '.join(registered())}.") from None


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
