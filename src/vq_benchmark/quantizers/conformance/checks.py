"""The checks: each takes a method, or one of its configurations too, and raises AssertionError with what is wrong."""

import itertools
import json
import re
from collections.abc import Callable

import numpy as np

from vq_benchmark.arrays import Array, DoubleArray, FloatArray
from vq_benchmark.errors import InfeasibleBudget, InputError
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.conformance.second_process import reload_elsewhere
from vq_benchmark.quantizers.conformance.subject import (
    BUDGETS,
    LADDER,
    SEED,
    TRAIN_ROWS,
    Config,
    D,
    Subject,
    held_out,
    outputs,
    real_rows,
    threads,
    train,
)
from vq_benchmark.quantizers.plugins import METHOD_NAME

SPLITS = ((0, 1), (1, 2), (2, 9), (9, 73), (73, 800))
"""Calls into which the held-out rows are divided."""
BUDGET_DIMENSIONS = (2, 8, 37, 96, 100, 384, 1000)
MANY_BUDGETS = (0.01, 0.3, 1, 2, 3, 4, 5.5, 8, 16, 32)
UNBIASED_SEEDS = 8


def require(condition: object, message: str) -> None:
    """Raise AssertionError with the message unless the condition holds; `assert` would vanish under -O."""
    if not condition:
        raise AssertionError(message)


def refusal(call: Callable[[], object], what: str) -> str:
    """The sentence of the InputError that a call must raise."""
    try:
        call()
    except InputError as error:
        return str(error)
    raise AssertionError(f"{what} must raise InputError, but raised nothing.")


def require_equal(found: Array, expected: Array, message: str) -> None:
    """Raise AssertionError with the message and the first differences unless two arrays are the same."""
    np.testing.assert_array_equal(found, expected, err_msg=message)


def the_class_says_what_it_is(subject: Subject) -> None:
    method = subject.method
    require(re.fullmatch(METHOD_NAME, method.name), f"name is {method.name!r}; use lower-case letters and hyphens.")
    for text in ("title", "paper", "__doc__"):
        require(getattr(method, text, None), f"{method.__name__}.{text} is missing or empty.")
    for name, field in method.parameters_type.model_fields.items():
        require(field.description, f"the parameter {name!r} has no description; give one in its Field.")
        require(not field.is_required(), f"the parameter {name!r} has no default.")


def an_unknown_parameter_is_refused(subject: Subject) -> None:
    sentence = refusal(lambda: subject.parsed({"nonsense": 1}), "the parameter nonsense=1")
    require("no parameter 'nonsense'" in sentence, f"the refusal does not name the parameter: {sentence}")


def no_training_vectors_are_refused(subject: Subject) -> None:
    empty = np.zeros((0, D), np.float32)
    sentence = refusal(lambda: subject.method().fit(empty), "fit on no vectors")
    require("training vectors" in sentence, f"the refusal of no training vectors does not say so: {sentence}")


def vectors_of_another_dimension_are_refused(subject: Subject) -> None:
    quantizer = subject.fitted(subject.configurations[0])
    for shape in ((3, D + 1), (3, D - 1), (D,)):
        rows = np.zeros(shape, np.float32)
        sentence = refusal(lambda rows=rows: quantizer.encode(rows), f"encode of shape {shape} after fit to d={D}")  # type: ignore[misc]
        require(str(D) in sentence, f"the refusal of shape {shape} does not name the dimension {D}: {sentence}")


def the_seed_determines_the_model(subject: Subject) -> None:
    config = subject.configurations[len(subject.configurations) // 2]
    first = subject.fitted(config)
    with threads(2):
        second = subject.new(config).fit(train(), seed=SEED)
        again = second.encode(held_out())
    state, other = first.state(), second.state()
    require(state.keys() == other.keys(), f"two fits have different states: {sorted(state)} and {sorted(other)}.")
    for key in state:
        require_equal(other[key], state[key], f"state[{key!r}] differs between two fits with one seed ({config})")
    with threads(1):
        require_equal(again, first.encode(held_out()), f"codes differ between two fits with one seed ({config})")


def constant_training_vectors_do_no_harm(subject: Subject) -> None:
    constant = np.full((TRAIN_ROWS, D), 0.5, np.float32)
    quantizer = subject.new(subject.configurations[-1]).fit(constant)
    for name, array in outputs(quantizer, constant[:3]).items():
        require(np.isfinite(array).all(), f"{name} is not finite after training on equal vectors.")


def a_budget_gives_possible_parameters_or_is_refused(subject: Subject) -> None:
    for d, budget in itertools.product(BUDGET_DIMENSIONS, MANY_BUDGETS) if subject.has_budgets else ():
        try:
            parameters = subject.method.for_budget(budget, d)
        except InfeasibleBudget as error:
            require(re.search(r"\d", str(error)), f"the refusal names no budget that would do: {error}")
            continue
        if not subject.method.slow:
            parameters.check_dimension(d)
        same = subject.parsed(parameters.model_dump(mode="json")) == parameters
        require(same, f"for_budget({budget}, {d}) gives {parameters}, which is not the same when parsed again.")


def bits_stay_within_the_budget(subject: Subject) -> None:
    for budget in BUDGETS if subject.has_budgets else ():
        parameters = subject.at_budget(budget, D)
        if parameters is None:
            continue
        if subject.method.slow:  # what budgets lead to would train for minutes, so its parameters tell
            bits = 8 * getattr(parameters, "code_bytes", 0) / D
        else:
            bits = subject.fitted(parameters.model_dump(mode="json")).bits_per_dim
        require(
            bits <= budget,
            f"for_budget({budget}, {D}) gives {parameters}, which takes {bits} bits per dimension; the budget must "
            "cover the whole code, side information included.",
        )


def more_bits_never_hurt(subject: Subject) -> None:
    """On real vectors."""
    rows = real_rows()
    choices = subject.at_budgets(LADDER, rows.shape[1])
    errors = []
    for parameters in choices:
        quantizer = subject.method(parameters).fit(rows[:1000])
        decoded = quantizer.decode(quantizer.encode(rows[1000:]))
        errors.append(float(np.square(rows[1000:] - decoded, dtype=np.float64).sum()))
    told = ", ".join(f"{error:.4g} with {each}" for error, each in zip(errors, choices, strict=True))
    require(errors == sorted(errors, reverse=True), f"more bits must not mean more squared error: {told}.")


def codes_and_vectors_have_the_promised_form(subject: Subject, config: Config) -> None:
    quantizer, rows = subject.fitted(config), held_out()
    found = outputs(quantizer, rows) | {"project_queries": quantizer.project_queries(rows[:7])}
    codes, columns = found["encode"], found["decode_for_scores"].shape[1]
    n = len(rows)
    promised = {
        "encode": ((n, quantizer.code_bytes), np.uint8),
        "decode": ((n, D), np.float32),
        "decode_for_scores": ((n, columns), np.float32),
        "squared_norms": ((n,), np.float64),
        "project_queries": ((7, columns), np.float32),
    }
    for name, (shape, kind) in promised.items():
        array = found[name]
        require(array.shape == shape, f"{name} returned the shape {array.shape}, not {shape}.")
        require(array.dtype == kind, f"{name} returned {array.dtype}, not {np.dtype(kind)}.")
        require(np.isfinite(array).all(), f"{name} returned numbers that are not finite.")
    require(codes.flags.c_contiguous, "encode must return a C-contiguous array; use np.ascontiguousarray.")
    bits, size = 8 * quantizer.code_bytes / D, sum(array.nbytes for array in quantizer.state().values())
    require(quantizer.bits_per_dim == bits, f"bits_per_dim is {quantizer.bits_per_dim}, its codes take {bits}.")
    require(quantizer.model_bytes == size, f"model_bytes is {quantizer.model_bytes}, its state takes {size}.")


def the_configuration_survives_json(subject: Subject, config: Config) -> None:
    quantizer = subject.new(json.loads(json.dumps(dict(config))))
    require(quantizer.config == config, f"the configuration {config} becomes {quantizer.config}.")
    require(subject.parsed(config) == quantizer.parameters, f"{config} is not parsed to the same parameters twice.")


def a_row_does_not_depend_on_the_others_or_on_threads(subject: Subject, config: Config) -> None:
    quantizer, rows = subject.fitted(config), held_out()
    order = np.random.default_rng(1).permutation(len(rows))

    def everything(vectors: FloatArray) -> dict[str, Array]:
        return outputs(quantizer, vectors) | {"project_queries": quantizer.project_queries(vectors)}

    with threads(1):
        whole = everything(rows)
        pieces = [everything(rows[start:stop]) for start, stop in SPLITS]
        elsewhere = everything(rows[order])
    with threads(2):
        parallel = everything(np.asfortranarray(rows))
    for name, expected in whole.items():
        joined = np.concatenate([piece[name] for piece in pieces])
        require_equal(joined, expected, f"{name} depends on how many rows are in the call")
        require_equal(elsewhere[name], expected[order], f"{name} depends on where a row is in the call")
        require_equal(parallel[name], expected, f"{name} depends on the threads or on the memory order of the input")


def a_saved_model_is_the_same_in_another_process(subject: Subject, config: Config) -> None:
    quantizer, rows = subject.fitted(config), held_out()
    found = outputs(quantizer, rows)
    found["scores"] = quantizer.project_queries(rows[:5]) @ found["decode_for_scores"].T
    for name, array in reload_elsewhere(quantizer, rows).items():
        require_equal(array, found[name], f"{name} differs after the model was restored from its state")


def vectors_at_the_edge(subject: Subject, config: Config) -> None:
    quantizer, some = subject.fitted(config), train()
    kinds = [np.zeros(D), np.full(D, 0.25), some.mean(axis=0), some[0], -some[0], some[0] * 100, some[0] * 1e-6]
    edge = np.stack([*kinds, np.eye(D)[0] * 3]).astype(np.float32)
    together, alone = outputs(quantizer, edge), [outputs(quantizer, edge[i : i + 1]) for i in range(len(edge))]
    for name, array in together.items():
        require(np.isfinite(array).all(), f"{name} is not finite for zero, constant, tiny or large vectors.")
        single = np.concatenate([each[name] for each in alone])
        require_equal(single, array, f"{name} of zero, constant, tiny or large vectors depends on the other rows")
    for name, array in outputs(quantizer, edge[:0]).items():
        require(len(array) == 0, f"{name} of no vectors returned {len(array)} rows.")
    none = outputs(quantizer, edge[:0])
    require(none["encode"].shape == (0, quantizer.code_bytes), "encode of no vectors must have code_bytes columns.")
    require(none["encode"].dtype == np.uint8, "encode of no vectors must return uint8.")
    require(none["decode"].shape == (0, D), "decode of no codes must have d columns.")


def estimated_scores_follow_the_exact_ones(subject: Subject, config: Config) -> None:
    """The regression slope of estimated on exact scores, both about the training mean.

    It is 1 on average over seeds for an unbiased estimate, and 1 − relative error for a least-squares one.
    """
    rows, quantizer = held_out(), subject.fitted(config)
    queries = rows[:200] + np.random.default_rng(2).standard_normal((200, D)).astype(np.float32)
    mean = train().mean(axis=0, dtype=np.float64)
    if quantizer.unbiased_scores:
        models = [subject.new(config).fit(train(), seed=seed) for seed in range(UNBIASED_SEEDS)]
        slopes = [score_slope(model, queries, rows, mean) for model in models]
        slope, allowed = float(np.mean(slopes)), 0.005 + 3 * np.std(slopes, ddof=1) / np.sqrt(len(slopes))
        low, high = 1 - allowed, 1 + allowed
    else:
        decoded = quantizer.decode(quantizer.encode(rows))
        error = np.square(rows - decoded).sum() / np.square(rows - mean).sum()
        # lvq overshoots at 1 bit: its levels are extremes
        slope, low, high = score_slope(quantizer, queries, rows, mean), 1 - 1.5 * error - 0.02, 1.02 + error
    require(
        low <= slope <= high,
        f"the slope of estimated on exact scores is {slope:.4f}, it should be from {low:.4f} to {high:.4f}: "
        "project_queries and decode_for_scores do not fit together, or unbiased_scores is not true.",
    )


def score_slope(quantizer: Quantizer, queries: FloatArray, vectors: FloatArray, mean: DoubleArray) -> float:
    """The mean over queries of the slope of estimated on exact scores of vectors, both about the mean."""
    scores = quantizer.decode_for_scores(quantizer.encode(vectors))
    exact = queries @ (vectors - mean).T
    estimate = quantizer.project_queries(queries).astype(np.float64) @ scores.T - (queries @ mean)[:, None]
    return float(((estimate * exact).sum(axis=1) / (exact * exact).sum(axis=1)).mean())


def the_footprint_is_known_before_the_fit(subject: Subject, config: Config) -> None:
    quantizer = subject.fitted(config)
    footprint = subject.new(config).footprint(len(train()), D)
    columns = quantizer.decode_for_scores(quantizer.encode(held_out()[:2])).shape[1]
    model, code = quantizer.model_bytes, quantizer.code_bytes
    require(footprint.model >= 0.5 * model, f"footprint().model is {footprint.model}, the model takes {model} bytes.")
    require(
        footprint.score_columns >= columns - 2,
        f"footprint().score_columns is {footprint.score_columns}, decode_for_scores returns {columns} columns.",
    )
    if quantizer.has_search_index():
        require(abs(footprint.code - code) <= 4, f"footprint().code is {footprint.code}, a code takes {code} bytes.")


METHOD_CHECKS: tuple[Callable[[Subject], None], ...] = (
    the_class_says_what_it_is,
    an_unknown_parameter_is_refused,
    no_training_vectors_are_refused,
    a_budget_gives_possible_parameters_or_is_refused,
    vectors_of_another_dimension_are_refused,
    the_seed_determines_the_model,
    constant_training_vectors_do_no_harm,
    bits_stay_within_the_budget,
    more_bits_never_hurt,
)
CELL_CHECKS: tuple[Callable[[Subject, Config], None], ...] = (
    codes_and_vectors_have_the_promised_form,
    the_configuration_survives_json,
    a_row_does_not_depend_on_the_others_or_on_threads,
    a_saved_model_is_the_same_in_another_process,
    vectors_at_the_edge,
    estimated_scores_follow_the_exact_ones,
    the_footprint_is_known_before_the_fit,
)
