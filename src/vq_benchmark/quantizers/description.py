"""What there is to know about a method, from its class: the one source of the command line's and the docs' texts."""

import inspect
from dataclasses import dataclass
from typing import Any

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

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
    """The docstring of its class."""
    parameters: tuple[ParameterDescription, ...]
    unbiased_scores: bool
    external: bool
    """Whether the codes are those of another project's library."""
    unavailable: str | None
    """Why it cannot run here, or None."""


def describe(method: str) -> Description:
    """All about a method; InputError if there is no such method."""
    cls = quantizer_class(method)
    return Description(
        name=cls.name,
        title=cls.title,
        paper=cls.paper,
        text=inspect.cleandoc(cls.__doc__ or ""),
        parameters=tuple(_parameter(name, info) for name, info in cls.parameters_type.model_fields.items()),
        unbiased_scores=cls.unbiased_scores,
        external=cls.external,
        unavailable=cls.unavailable(),
    )


def _parameter(name: str, info: FieldInfo) -> ParameterDescription:
    bounds = [
        f"{sign} {getattr(limit, attribute)}"
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
    return annotation.__name__ if inspect.isclass(annotation) else str(annotation)
