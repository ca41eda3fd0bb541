"""JSON and YAML of any content: a value of bounded size, or a ValueError in time that grows with the text only."""

import json
from contextlib import suppress

import pytest

from vq_benchmark.machine.damage import reading, reason_of
from vq_benchmark.machine.documents import MAX_DEPTH, SafeYaml, TextYaml, parsed_json, parsed_yaml, validated

BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(40))
MERGES = "a0: &a0 {k: 1}\n" + "".join(f"a{n + 1}: &a{n + 1}\n  <<: [*a{n}, *a{n}]\n" for n in range(40))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 100_000, "nested"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "nested"),
        ('{"n": ' + "9" * 101 + "}", "number of 101 digits"),
        ("\xff", "utf-8"),
        ("{", "Expecting"),
    ],
)
def test_json_that_is_refused(text, why):
    with pytest.raises(ValueError, match=why):
        parsed_json(text.encode("latin-1"))


def test_json_that_is_read():
    value = {"n": [2**64, 1.5, None, True], "deep": {"a": [[[{}]]]}}
    assert parsed_json(json.dumps(value)) == value


@pytest.mark.parametrize("loader", [SafeYaml, TextYaml])
@pytest.mark.parametrize("text", ["[" * 900_000, "- " * 5_000, "a: &a [*a]", BOMB, "a: b" * 300_000, "\0", "\xff"])
def test_yaml_that_is_refused(text, loader):
    with pytest.raises(ValueError, match=r".+"):
        parsed_yaml(text.encode("latin-1"), loader)


@pytest.mark.parametrize(
    "text",
    ["n: " + "9" * 5000, "n: " + "1:" * 1000 + "1", "n: !!bool maybe", "n: !!timestamp x", "n: !!int ''"],
)
def test_yaml_values_that_are_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        parsed_yaml(text.encode())


def test_merge_keys_that_repeat_each_other_cost_no_more_than_their_text():
    with suppress(ValueError):  # PyYAML before 6.0.4 repeats them, which is refused
        assert parsed_yaml(MERGES.encode())["a40"] == {"k": 1}


def test_validated_names_the_place():
    assert validated(tuple[int, ...], ["1", 2]) == (1, 2)
    with pytest.raises(ValueError, match=r"^1 is 'x'; it must be a whole number") as raised:
        validated(tuple[int, ...], [1, "x"])
    assert "\n" not in str(raised.value)


def test_reasons_are_one_line(tmp_path):
    assert reason_of(KeyError("name")) == "'name' is missing"
    assert reason_of(ValueError("two\nlines.")) == "two lines"
    assert reason_of(RuntimeError()) == "RuntimeError"
    with pytest.raises(Exception, match=r"is not a thing: No such file.*; make one\.") as raised:  # noqa: SIM117
        with reading(tmp_path / "x", what="a thing", remedy="; make one"):
            (tmp_path / "x").read_bytes()
    assert raised.type.__name__ == "InputError"
