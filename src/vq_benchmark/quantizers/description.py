"""The facts about a method, read from its class, for `vq-benchmark methods` and docs/METHODS.md."""

import inspect
import re
from dataclasses import dataclass
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.registry import quantizer_class

BOUNDS = ((Ge, "ge", "≥"), (Gt, "gt", ">"), (Le, "le", "≤"), (Lt, "lt", "<"))


@dataclass(frozen=True)
class ParameterDescription:
    """One parameter of a method."""

    name: str
    type: str
    bounds: str
    default: Any
    description: str


@dataclass(frozen=True)
class Description:
    """A method in words."""

    name: str
    title: str
    paper: str
    text: str
    """The docstring of its class, one line for each paragraph."""
    parameters: tuple[ParameterDescription, ...]
    unbiased_scores: str
    """Whether estimates of inner products are unbiased by design: yes, no, or the parameters with which they are."""
    external: bool
    """Whether the codes are those of another project's library."""
    unavailable: str | None
    """Why it cannot run here, or None."""


def describe(method: str) -> Description:
    """Describe a method; InputError if there is no such method."""
    cls = quantizer_class(method)
    return Description(
        name=cls.name,
        title=cls.title,
        paper=cls.paper,
        text=_unwrapped(inspect.cleandoc(cls.__doc__ or "")),
        parameters=tuple(_parameter(name, info) for name, info in cls.parameters_type.model_fields.items()),
        unbiased_scores=_unbiased(cls),
        external=cls.external,
        unavailable=cls.unavailable(),
    )


def _unwrapped(text: str) -> str:
    """The text with one line for each paragraph or item, to be wrapped to the width of the reader's window."""
    return re.sub(r"(?<!\n)\n(?!\n|- )", " ", text)


def _unbiased(cls: type[Quantizer]) -> str:
    """Classes whose estimate depends on a choice have a property in place of the class variable."""
    if isinstance(cls.unbiased_scores, bool):
        return "yes" if cls.unbiased_scores else "no"
    choices = [
        (name, value)
        for name, info in cls.parameters_type.model_fields.items()
        if get_origin(info.annotation) is Literal
        for value in get_args(info.annotation)
    ]
    default = cls(cls.parameters_type()).unbiased_scores
    decisive = [
        f"{name}={value}"
        for name, value in choices
        if cls(cls.parameters_type.parse(cls.name, {name: value})).unbiased_scores != default
    ]
    return f"{'yes' if default else 'no'}, unless {' or '.join(decisive)}"


def _parameter(name: str, info: FieldInfo) -> ParameterDescription:
    bounds = [
        f"{sign} {getattr(limit, attribute):g}"
        for limit in info.metadata
        for kind, attribute, sign in BOUNDS
        if isinstance(limit, kind)
    ]
    default = "required" if info.is_required() else info.default
    return ParameterDescription(
        name, _type_name(info.annotation), " and ".join(bounds), default, info.description or ""
    )


def _type_name(annotation: Any) -> str:
    if hasattr(annotation, "__args__"):
        return " or ".join(_type_name(each) for each in annotation.__args__)
    if annotation is NoneType:
        return "none"
    return annotation.__name__ if inspect.isclass(annotation) else str(annotation)
