"""What `check_quantizer` finds wrong: methods that break one promise each, made from the docs' example."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from adding_page import WIDEST

from vq_benchmark import check_quantizer, quantizer_checks
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.conformance.subject import Subject
from vq_benchmark.quantizers.plugins import module_of_file


@pytest.fixture
def widest(tmp_path: Path) -> Iterator[ModuleType]:
    path = tmp_path / "widest.py"
    path.write_text(WIDEST)
    module = module_of_file(path)[0]
    yield module
    sys.modules.pop(module.__name__, None)


def broken(widest: ModuleType, **methods: object) -> type:
    """The example with some of its methods replaced."""
    return type("Broken", (widest.Widest,), {"name": "broken", "__doc__": "Broken.", **methods})


def test_the_example_passes(widest: ModuleType) -> None:
    assert check_quantizer(widest.Widest) is None


def test_a_model_is_fitted_once_for_all_checks(widest: ModuleType) -> None:
    fits = []

    def fit(self, train, *, seed=0):
        fits.append((self.parameters.kept, len(train), seed))
        return widest.Widest.fit(self, train, seed=seed)

    for _, check in quantizer_checks(broken(widest, fit=fit), [{"kept": 4}, {"kept": 8}]):
        check()
    assert fits.count((4, 1200, 3)) == 1
    assert fits.count((8, 1200, 3)) == 2  # once more for `the_seed_determines_the_model`


def test_without_budgets_the_default_parameters_are_checked(widest: ModuleType) -> None:
    method = broken(widest, for_budget=classmethod(Quantizer.for_budget.__func__))
    assert Subject(method).configurations == [{"kept": 16}]
    check_quantizer(method)


def depends_on_others(self, codes):
    model = self.model
    vectors = np.tile(model["mean"], (len(codes), 1))
    vectors[:, model["widest"]] = model["low"] + codes * model["step"]
    return vectors + np.float32(len(codes) % 2)


def wide(self, codes):
    return np.zeros((len(codes), self.d))


def forgetful(self):
    return {**self.model, "low": self.model["low"] + 1}


def random_fit(self, train, *, seed=0):
    self._check_train(train)
    self.model = {"x": np.random.default_rng().standard_normal(3)}
    self.d, self.code_bytes = train.shape[1], self.parameters.kept
    return self


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ({"title": ""}, "title is missing"),
        ({"name": "Not A Name"}, "name is 'Not A Name'"),
        ({"decode": wide}, "decode returned float64, not float32"),
        ({"decode": depends_on_others}, "decode depends on how many rows|decode differs|decode of zero"),
        ({"state": forgetful}, "differs after the model was restored|differs between"),
        (
            {"fit": random_fit, "state": lambda self: self.model, "encode": lambda self, rows: rows},
            "must raise|differs",
        ),
        ({"unbiased_scores": True}, "the slope of estimated on exact scores"),
        ({"_check_train": lambda self, train: None}, "must raise InputError|zero-size"),
        ({"_check_rows": lambda self, rows: rows}, "must raise InputError"),
    ],
)
def test_a_broken_promise_is_named(widest: ModuleType, methods: dict, message: str) -> None:
    with pytest.raises((AssertionError, ValueError), match=message) as failed:
        check_quantizer(broken(widest, **methods), [{"kept": 4}, {"kept": 8}])
    assert any("The check" in note for note in failed.value.__notes__)
