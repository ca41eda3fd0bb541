"""Sentences for values that are not possible."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from vq_benchmark.errors import InputError
from vq_benchmark.machine.suggestions import did_you_mean
from vq_benchmark.machine.validation import Spec, option_name, parsed


class Cake(Spec):
    pieces: int = Field(ge=1, le=12)
    sort: Literal["plum", "nut"] = "nut"
    share: float = Field(0.5, gt=0, lt=1)
    warm: bool = False
    oven: Path | None = None
    tags: list[str] = Field([], max_length=2)


class Tiered(Cake):
    tiers: int = 2


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "pieces is missing"),
        ({"pieces": 0}, "pieces is 0; it must be at least 1"),
        ({"pieces": 13}, "pieces is 13; it must be at most 12"),
        ({"pieces": "x"}, "pieces is 'x'; it must be a whole number"),
        ({"pieces": 1.5}, "pieces is 1.5; it must be a whole number"),
        ({"pieces": 1, "sort": "apple"}, "sort is 'apple'; it must be 'plum' or 'nut'"),
        ({"pieces": 1, "share": 0}, "share is 0; it must be greater than 0"),
        ({"pieces": 1, "share": 1}, "share is 1; it must be less than 1"),
        ({"pieces": 1, "share": float("nan")}, "share is nan; it must be a finite number"),
        ({"pieces": 1, "warm": "very"}, "warm is 'very'; it must be true or false"),
        ({"pieces": 1, "oven": 5}, "oven is 5; it must be a path"),
        ({"pieces": 1, "tags": ["a", 2]}, "tags.1 is 2; it must be text"),
        ({"pieces": 1, "tags": list("{ab")}, "tags is ['{', 'a', 'b']; list should have at most 2 items"),
    ],
)
def test_one_sentence_names_the_value_and_what_is_right(values, sentence):
    with pytest.raises(InputError) as raised:
        parsed(Cake, values, "the order")
    assert str(raised.value).startswith(f"the order: {sentence}")
    assert str(raised.value).endswith(".")


def test_names_are_spelled_as_people_write_them():
    with pytest.raises(InputError, match=r"^--pieces is 0; it must be at least 1\.$"):
        Cake.parse({"pieces": 0}, spelled=option_name)
    assert option_name("mem_per_cpu") == "--mem-per-cpu"


def test_a_long_value_is_shown_in_part():
    with pytest.raises(InputError) as raised:
        parsed(Cake, {"pieces": "9" * 50 + "x" * 5000})
    assert len(str(raised.value)) < 150


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(
        InputError, match=r"^the order has no key 'peices'; did you mean 'pieces'\? its keys are: pieces"
    ):
        parsed(Cake, {"peices": 3}, "the order")
    assert did_you_mean("zzz", ["pq"]) == ""
    assert did_you_mean("pqq", ["pq", "opq"], most=2) == "did you mean 'pq' or 'opq'? "


def test_a_part_of_a_specification_has_its_values():
    whole = Tiered(pieces=3, tiers=4)
    assert whole.part(Cake) == Cake(pieces=3)
