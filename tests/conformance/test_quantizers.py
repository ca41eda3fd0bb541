"""What every registered quantizer must do: the checks of the package. A new method is tested by being registered."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.conformance import checks_of
from vq_benchmark.quantizers.conformance.subject import Subject, held_out
from vq_benchmark.quantizers.registry import built_in, get_quantizer, quantizer_class
from vq_benchmark.results.models import load_model, save_model

METHODS = sorted(built_in())
SMALL = [{"m": m, "nbits": 4} for m in (1, 3, 6)]
"""What slow methods are tried with: what their budgets lead to trains for minutes."""
DIVISORS = [{"m": m, "nbits": 4} for m in (1, 2, 4)]
"""The same for `opq-faiss`, whose m must divide the dimensions of the checks."""
EXEMPT = {"none-bits_stay_within_the_budget": "the control has 32 bits whatever the budget"}


@cache
def subject(name: str) -> Subject:
    """The method and its models, which are fitted once for all tests."""
    method = quantizer_class(name)
    small = DIVISORS if name == "opq-faiss" else SMALL
    return Subject(method, small if method.slow else None)


def checks() -> list[pytest.ParameterSet]:
    """The checks on every method that can run here; for others one that is skipped."""
    found = []
    for name in METHODS:
        reason = quantizer_class(name).unavailable()
        if reason:
            skip = pytest.mark.skip(reason=f"{name} cannot run here: {reason}")
            found.append(pytest.param(None, id=name, marks=skip))
            continue
        for title, check in checks_of(subject(name)):
            marks = [pytest.mark.skip(reason=EXEMPT[title])] if title in EXEMPT else []
            found.append(pytest.param(check, id=title, marks=marks))
    return found


@pytest.mark.parametrize("check", checks())
def test_conformance(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize("name", METHODS)
def test_a_saved_model_loads_by_its_name(name: str, tmp_path: Path) -> None:
    method = quantizer_class(name)
    if method.unavailable():
        pytest.skip(f"{name} cannot run here: {method.unavailable()}")
    quantizer = subject(name).fitted(subject(name).configurations[0])
    save_model(quantizer, tmp_path / "model.npz", metadata={"note": name})
    loaded, metadata = load_model(tmp_path / "model.npz")
    assert metadata["note"] == name
    np.testing.assert_array_equal(loaded.encode(held_out()), quantizer.encode(held_out()))


@pytest.mark.parametrize("name", METHODS)
def test_a_method_that_cannot_run_says_why(name: str) -> None:
    reason = quantizer_class(name).unavailable()
    if reason is None:
        assert isinstance(get_quantizer(name), quantizer_class(name))
    else:
        with pytest.raises(InputError, match=re.escape(reason)):
            get_quantizer(name)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_documented(name: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / "METHODS.md").read_text(encoding="utf-8")
    section = re.search(rf"^## `{re.escape(name)}`.*?(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    assert section, f"docs/METHODS.md has no section that begins with: ## `{name}`"
    for parameter in quantizer_class(name).parameters_type.model_fields:
        assert f"`{parameter}`" in section[0], f"its section does not name the parameter `{parameter}`"
