"""What every quantizer must do, as checks that anybody can run on a class of their own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.conformance.checks import CELL_CHECKS, METHOD_CHECKS
from vq_benchmark.quantizers.conformance.subject import Subject, label

Check = Callable[[], None]


def check_quantizer(method: type[Quantizer], configurations: Sequence[Mapping[str, Any]] | None = None) -> None:
    """Run all conformance checks on a quantizer class; return if it passes.

    Args:
        method: the class; it need not be registered.
        configurations: parameters to check it with, fewest bits first. By default those that `for_budget` chooses
            for budgets of 0.25 to 32 bits per dimension at dimension 40, or the default parameters.

    Raises:
        AssertionError: the first check that fails; the message says what the method did and what it should do.
    """
    for name, check in quantizer_checks(method, configurations):
        try:
            check()
        except Exception as error:
            error.add_note(f"The check {name!r} of {method.__name__} failed.")
            raise


def quantizer_checks(
    method: type[Quantizer], configurations: Sequence[Mapping[str, Any]] | None = None
) -> Iterator[tuple[str, Check]]:
    """The name of each conformance check on a quantizer class, and a function of no arguments that runs it.

    For pytest:

        @pytest.mark.parametrize(("name", "check"), quantizer_checks(MyQuantizer))
        def test_conformance(name, check):
            check()

    Args: those of `check_quantizer`. Models are fitted when a check first needs them, once for all checks.
    """
    return checks_of(Subject(method, configurations))


def checks_of(subject: Subject) -> Iterator[tuple[str, Check]]:
    """The same for a method whose fitted models other tests share."""
    method = subject.method
    for each in METHOD_CHECKS:
        yield f"{method.name}-{each.__name__}", partial(each, subject)
    for config in subject.configurations:
        for check in CELL_CHECKS:
            yield f"{label(method.name, config)}-{check.__name__}", partial(check, subject, config)
