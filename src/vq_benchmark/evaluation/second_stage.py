"""The second stage of a search: how many candidates of the first it scores again, and from what."""

import math
from dataclasses import dataclass, fields
from typing import Any, Literal, Self, get_args

import numpy as np

from vq_benchmark.arrays import FloatArray
from vq_benchmark.errors import InputError
from vq_benchmark.machine.suggestions import did_you_mean
from vq_benchmark.quantizers.methods.int8 import Int8
from vq_benchmark.quantizers.parts.absmax_base import SCALE_BYTES

Source = Literal["exact", "float16", "int8", "decoded"]
"""What the second stage scores with: the vectors themselves, a code of them, or what the method decodes."""
SOURCES: tuple[Source, ...] = get_args(Source)
OTHER_NAMES = {"raw": "exact", "fp16": "float16", "codes": "decoded"}
RULES = ("os", "count", "sqrt")
BOUNDS = ("least", "most")


@dataclass(frozen=True)
class SecondStage:
    """What scores candidates again, and how many of them for the k that are wanted: `os`, `count` or `sqrt`.

    As text `os=3,least=100,from=exact`, or just `float16` without a rule: then recall is measured after several fixed
    numbers of candidates.
    """

    source: Source = "exact"
    os: float | None = None
    """Oversampling: ⌈os·k⌉ candidates."""
    count: int | None = None
    """So many candidates, whatever k is."""
    sqrt: int | None = None
    """⌊√(k·sqrt)⌋ rows are scored exactly in the end. Unless `source` is exact, they are the best of the first `sqrt`
    candidates by the scores of `source`."""
    least: int | None = None
    most: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The second stage of that text.

        Raises:
            InputError: the text has an unknown part, an impossible number, or more than one rule.
        """
        values: dict[str, Any] = {}
        for part in filter(None, (part.strip() for part in str(text).split(","))):
            name, equals, value = part.partition("=")
            name, value = (name, value) if equals else ("from", name)
            if name in values:
                raise InputError(f"--rerank {text!r} sets {name} twice.")
            values[name] = _value(text, name, value)
        source = values.pop("from", "exact")
        rules = [name for name in RULES if name in values]
        if len(rules) > 1:
            raise InputError(f"--rerank {text!r} has the rules {' and '.join(rules)}; give one of them.")
        if not rules and values:
            raise InputError(
                f"--rerank {text!r} bounds a number of candidates, but sets none; add os=3, for example."
            )
        if values.get("least", 0) > values.get("most", math.inf):
            raise InputError(f"--rerank {text!r} has least above most.")
        return cls(source, **values)

    @property
    def text(self) -> str:
        """The text that `parse` reads, the same for all equal stages."""
        if not self.has_rule:
            return self.source
        numbers = [(each.name, getattr(self, each.name)) for each in fields(self) if each.name != "source"]
        return ",".join(
            [*(f"{name}={value:g}" for name, value in numbers if value is not None), f"from={self.source}"]
        )

    @property
    def has_rule(self) -> bool:
        """Whether it says how many candidates are scored again."""
        return any(getattr(self, rule) is not None for rule in RULES)

    @property
    def reads_vectors(self) -> bool:
        """Whether it scores with the vectors themselves, so that they have to be kept beside their codes."""
        return self.has_rule and (self.source == "exact" or self.sqrt is not None)

    def kept_bytes(self, d: int) -> int:
        """Bytes per vector of dimension d that it keeps beside the code; 0 if it scores what that decodes to."""
        if not self.has_rule:
            return 0
        return 4 * d if self.reads_vectors else {"float16": 2 * d, "int8": d + SCALE_BYTES, "decoded": 0}[self.source]

    def first(self, k: int) -> int:
        """How many candidates of the first stage are scored by `source` for k neighbours, at least k."""
        if self.sqrt is not None and self.source != "exact":
            return max(k, self.sqrt)
        return self.last(k)

    def last(self, k: int) -> int:
        """How many rows the answer of k neighbours is chosen from in the end, at least k."""
        if self.count is not None:
            wanted = self.count
        elif self.sqrt is not None:
            wanted = math.isqrt(k * self.sqrt)
        else:
            wanted = math.ceil(round((self.os or 1.0) * k, 6))
        return max(k, self.least or 0, wanted if self.most is None else min(wanted, self.most))


def canonical(text: str) -> str:
    """The one text of equal second stages; raises what `SecondStage.parse` raises."""
    return SecondStage.parse(text).text


def _value(text: str, name: str, value: str) -> Any:
    if name == "from":
        source = OTHER_NAMES.get(value, value)
        if source in SOURCES:
            return source
        raise InputError(
            f"--rerank {text!r}: {value!r} must be one of {', '.join(SOURCES)}, or a rule such as os=3 or count=50."
        )
    if name not in (*RULES, *BOUNDS):
        names = ["from", *RULES, *BOUNDS]
        raise InputError(f"--rerank {text!r} has no {name!r}; {did_you_mean(name, names)}it has: {', '.join(names)}.")
    try:
        number = float(value) if name == "os" else int(value)
    except ValueError:
        number = 0
    if not 1 <= number < math.inf:
        kind = "a number" if name == "os" else "a whole number"
        raise InputError(f"--rerank {text!r}: {name} is {value!r}; it must be {kind} of at least 1.")
    return number


def second_stage_vectors(vectors: FloatArray, source: Literal["exact", "float16", "int8"]) -> FloatArray:
    """What the second stage decodes from its code of vectors (n, d) float32: (n, d) float32, each row by itself.

    `float16` rounds each number to half precision; `int8` is the method of that name, one scale per vector.

    Raises:
        InputError: a number is too large for float16.
    """
    if source == "exact":
        return vectors
    if source == "int8":
        code = Int8().fit(vectors[:1])  # which learns nothing
        return code.decode(code.encode(vectors))
    with np.errstate(over="ignore"):
        rounded = vectors.astype(np.float16)
    if np.isinf(rounded).any():
        raise InputError(
            f"--rerank float16 cannot hold the number {vectors[np.isinf(rounded)][0]:.4g}; its largest is "
            f"{np.finfo(np.float16).max:g}. Use --rerank int8 or exact."
        )
    return rounded.astype(np.float32)
