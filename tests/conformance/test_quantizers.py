"""What every registered quantizer must do. A new one is tested by being registered."""

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import faiss
import numba
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from vq_benchmark.errors import InfeasibleBudget, InputError
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.registry import get_quantizer, list_quantizers, quantizer_class
from vq_benchmark.results.models import save_model

Fit = Callable[[str, dict[str, Any]], Quantizer]

D = 40
BUDGETS = (0.25, 1, 2, 3.5, 8, 32)
FACTOR_BITS = 160
"""Most bits per vector that any method stores beside the bits of its budget: the factors of `rabitq-faiss`."""
SMALL = {"m": 2, "nbits": 4}
"""What slow methods are tried with: what their budgets lead to trains for minutes."""
SPLITS = ((0, 1), (1, 2), (2, 9), (9, 73), (73, 800))

LOADER = """
import sys
from pathlib import Path
import numpy as np
from vq_benchmark.results.models import load_model
folder = Path(sys.argv[1])
rows = np.load(folder / "rows.npy")
for path in sorted(folder.glob("*.npz")):
    quantizer, metadata = load_model(path)
    codes = quantizer.encode(rows)
    scores = quantizer.project_queries(rows[:5]) @ quantizer.decode_for_scores(codes).T
    for name, array in (("codes", codes), ("decoded", quantizer.decode(codes)), ("scores", scores)):
        np.save(folder / f"{path.stem}.{name}.npy", array)
    assert metadata["note"] == path.stem
"""


def configurations(name: str) -> list[dict[str, Any]]:
    """Distinct configurations of a method that its budgets lead to at dimension D, the smallest and largest too."""
    if quantizer_class(name).slow:
        return [quantizer_class(name).parameters_type.parse(name, SMALL).model_dump(mode="json")]
    found: list[dict[str, Any]] = []
    for budget in BUDGETS:
        try:
            config = quantizer_class(name).for_budget(budget, D).model_dump(mode="json")
        except InfeasibleBudget:
            continue
        if config not in found:
            found.append(config)
    return found


def label(name: str, config: dict[str, Any]) -> str:
    return "-".join([name, *map(str, config.values())])


METHODS = list_quantizers()
CELLS = [
    (name, config)
    for name in METHODS
    if quantizer_class(name).unavailable() is None
    for config in configurations(name)
]
every_method = pytest.mark.parametrize("method", METHODS, indirect=True)
every_cell = pytest.mark.parametrize(("name", "config"), CELLS, ids=[label(*cell) for cell in CELLS])


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = faiss.omp_get_max_threads(), numba.get_num_threads()
    faiss.omp_set_num_threads(count)
    numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))
    try:
        with threadpool_limits(count):
            yield
    finally:
        faiss.omp_set_num_threads(before[0])
        numba.set_num_threads(before[1])


def outputs(quantizer: Quantizer, vectors: np.ndarray) -> list[np.ndarray]:
    """Everything that is computed per row."""
    codes = quantizer.encode(vectors)
    return [codes, quantizer.decode(codes), quantizer.decode_for_scores(codes), quantizer.squared_norms(codes)]


@every_method
def test_the_class_says_what_it_is(method: str) -> None:
    cls = quantizer_class(method)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", cls.name)
    assert cls.title and cls.paper and cls.__doc__
    for parameter, field in cls.parameters_type.model_fields.items():
        assert field.description, f"{parameter} has no description"
        assert not field.is_required(), f"{parameter} has no default"


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


@every_cell
def test_codes_and_decodes_have_the_promised_form(
    fitted: Fit, held_out: np.ndarray, name: str, config: dict[str, Any]
) -> None:
    quantizer = fitted(name, config)
    n = len(held_out)
    codes, decoded, for_scores, norms = outputs(quantizer, held_out)
    assert codes.shape == (n, quantizer.code_bytes)
    assert codes.dtype == np.uint8
    assert codes.flags.c_contiguous
    assert decoded.shape == (n, D)
    assert decoded.dtype == np.float32
    assert for_scores.dtype == np.float32
    queries = quantizer.project_queries(held_out[:7])
    assert queries.dtype == np.float32
    assert queries.shape == (7, for_scores.shape[1])
    assert norms.shape == (n,)
    assert norms.dtype == np.float64
    assert quantizer.bits_per_dim == 8 * quantizer.code_bytes / D
    assert quantizer.model_bytes == sum(array.nbytes for array in quantizer.state().values())
    for output in (decoded, for_scores, norms, queries):
        assert np.isfinite(output).all()


@every_cell
def test_the_configuration_survives_json(name: str, config: dict[str, Any]) -> None:
    quantizer = get_quantizer(name, **json.loads(json.dumps(config)))
    assert quantizer.config == config
    assert quantizer_class(name).parameters_type.parse(name, config) == quantizer.parameters


@every_cell
def test_a_row_does_not_depend_on_the_others_or_on_threads(
    fitted: Fit, held_out: np.ndarray, name: str, config: dict[str, Any]
) -> None:
    quantizer = fitted(name, config)
    order = np.random.default_rng(1).permutation(len(held_out))

    def everything(vectors: np.ndarray) -> list[np.ndarray]:
        return [*outputs(quantizer, vectors), quantizer.project_queries(vectors)]

    with threads(1):
        whole = everything(held_out)
        pieces = [everything(held_out[start:stop]) for start, stop in SPLITS]
        elsewhere = everything(held_out[order])
    for expected, found, moved in zip(whole, zip(*pieces, strict=True), elsewhere, strict=True):
        np.testing.assert_array_equal(np.concatenate(found), expected)
        np.testing.assert_array_equal(moved, expected[order])
    with threads(2):
        for expected, found in zip(whole, everything(np.asfortranarray(held_out)), strict=True):
            np.testing.assert_array_equal(found, expected)


@every_method
def test_the_seed_determines_the_model(method: str, train: np.ndarray, held_out: np.ndarray) -> None:
    config = configurations(method)[len(configurations(method)) // 2]
    models = []
    for count in (1, 2):
        with threads(count):
            quantizer = get_quantizer(method, **config).fit(train, seed=11)
            models.append((quantizer.state(), quantizer.encode(held_out)))
    (first, first_codes), (second, second_codes) = models
    assert first.keys() == second.keys()
    for key in first:
        np.testing.assert_array_equal(first[key], second[key])
    np.testing.assert_array_equal(first_codes, second_codes)


@pytest.fixture(scope="session")
def reloaded(fitted: Fit, held_out: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the outputs of every cell's model, saved here and loaded by another process."""
    folder = tmp_path_factory.mktemp("models")
    np.save(folder / "rows.npy", held_out)
    for name, config in CELLS:
        path = folder / f"{label(name, config)}.npz"
        save_model(fitted(name, config), path, metadata={"note": path.stem})
    subprocess.run([sys.executable, "-c", LOADER, str(folder)], check=True)
    return folder


@every_cell
def test_a_saved_model_is_the_same_in_another_process(
    fitted: Fit, held_out: np.ndarray, reloaded: Path, name: str, config: dict[str, Any]
) -> None:
    quantizer = fitted(name, config)
    codes, decoded, for_scores, _ = outputs(quantizer, held_out)
    scores = quantizer.project_queries(held_out[:5]) @ for_scores.T
    for kind, expected in (("codes", codes), ("decoded", decoded), ("scores", scores)):
        np.testing.assert_array_equal(np.load(reloaded / f"{label(name, config)}.{kind}.npy"), expected)


@every_cell
def test_vectors_at_the_edge(fitted: Fit, train: np.ndarray, name: str, config: dict[str, Any]) -> None:
    quantizer = fitted(name, config)
    edge = np.stack(
        [
            np.zeros(D),
            np.full(D, 0.25),
            train.mean(axis=0),
            train[0],
            -train[0],
            train[0] * 100,
            train[0] * 1e-6,
            np.eye(D)[0] * 3,
        ]
    ).astype(np.float32)
    for output in outputs(quantizer, edge)[1:]:
        assert np.isfinite(output).all()
    single = [
        np.concatenate(rows) for rows in zip(*(outputs(quantizer, edge[i : i + 1]) for i in range(8)), strict=True)
    ]
    for expected, found in zip(outputs(quantizer, edge), single, strict=True):
        np.testing.assert_array_equal(found, expected)
    codes, decoded, for_scores, norms = outputs(quantizer, edge[:0])
    assert codes.shape == (0, quantizer.code_bytes)
    assert codes.dtype == np.uint8
    assert decoded.shape == (0, D)
    assert len(for_scores) == len(norms) == 0


@every_method
def test_constant_training_vectors(method: str) -> None:
    config = configurations(method)[-1]
    constant = np.full((300, D), 0.5, np.float32)
    quantizer = get_quantizer(method, **config).fit(constant)
    for output in outputs(quantizer, constant[:3])[1:]:
        assert np.isfinite(output).all()


@every_method
def test_vectors_of_another_dimension_are_refused(method: str, fitted: Fit) -> None:
    quantizer = fitted(method, configurations(method)[0])
    for shape in ((3, D + 1), (3, D - 1), (D,)):
        with pytest.raises(InputError, match=f"{D}"):
            quantizer.encode(np.zeros(shape, np.float32))


@every_method
def test_an_unknown_parameter_is_refused_with_the_known_ones(method: str) -> None:
    with pytest.raises(InputError, match="no parameter 'nonsense'"):
        get_quantizer(method, nonsense=1)


@every_method
def test_no_training_vectors_are_refused(method: str) -> None:
    with pytest.raises(InputError, match="training vectors"):
        get_quantizer(method).fit(np.zeros((0, D), np.float32))


@every_method
def test_a_budget_gives_possible_parameters_or_is_refused(method: str) -> None:
    cls = quantizer_class(method)
    for d, budget in itertools.product((8, 37, 96, 384, 1000), (0.01, 0.3, 1, 2, 3, 4, 5.5, 8, 16)):
        try:
            parameters = cls.for_budget(budget, d)
        except InfeasibleBudget as refusal:
            assert re.search(r"\d", str(refusal)), "the refusal names no budget that would do"
        else:
            if not cls.slow:
                parameters.check_dimension(d)
            assert cls.parameters_type.parse(method, parameters.model_dump(mode="json")) == parameters


@every_method
def test_bits_stay_within_the_budget(method: str, fitted: Fit) -> None:
    if method == "none":
        pytest.skip("the control has 32 bits whatever the budget")
    for budget in BUDGETS:
        try:
            parameters = quantizer_class(method).for_budget(budget, D)
        except InfeasibleBudget:
            continue
        if quantizer_class(method).slow:
            assert 8 * parameters.code_bytes <= budget * D
        else:
            assert fitted(method, parameters.model_dump(mode="json")).bits_per_dim <= budget + FACTOR_BITS / D


@every_method
def test_more_bits_never_hurt(method: str, real_rows: np.ndarray) -> None:
    cls = quantizer_class(method)
    choices = [cls.parameters_type.parse(method, {"m": m, "nbits": 4}) for m in (1, 3, 6)] if cls.slow else []
    for budget in () if cls.slow else (1, 2, 4, 8):
        with suppress(InfeasibleBudget):
            choices.append(cls.for_budget(budget, real_rows.shape[1]))
    errors = []
    for parameters in choices:
        quantizer = cls(parameters).fit(real_rows[:1000])
        decoded = quantizer.decode(quantizer.encode(real_rows[1000:]))
        errors.append(float(np.square(real_rows[1000:] - decoded, dtype=np.float64).sum()))
    assert errors == sorted(errors, reverse=True)


@every_cell
def test_estimated_scores_follow_the_exact_ones(
    fitted: Fit, train: np.ndarray, held_out: np.ndarray, name: str, config: dict[str, Any]
) -> None:
    """The regression slope of estimated on exact scores, both about the training mean.

    It is 1 on average over seeds for an unbiased estimate, and 1 − relative error for a least-squares one.
    """
    queries = held_out[:200] + np.random.default_rng(2).standard_normal((200, D)).astype(np.float32)
    mean = train.mean(axis=0, dtype=np.float64)
    quantizer = fitted(name, config)
    if quantizer.unbiased_scores:
        models = [get_quantizer(name, **config).fit(train, seed=seed) for seed in range(8)]
        slopes = [score_slope(model, queries, held_out, mean) for model in models]
        assert np.mean(slopes) == pytest.approx(1, abs=0.005 + 3 * np.std(slopes, ddof=1) / np.sqrt(len(slopes)))
    else:
        decoded = quantizer.decode(quantizer.encode(held_out))
        error = np.square(held_out - decoded).sum() / np.square(held_out - mean).sum()
        assert (
            1 - 1.5 * error - 0.02 < score_slope(quantizer, queries, held_out, mean) < 1.02 + error
        )  # lvq overshoots at 1 bit: its levels are extremes


def score_slope(quantizer: Quantizer, queries: np.ndarray, vectors: np.ndarray, mean: np.ndarray) -> float:
    """The mean over queries of the slope of estimated on exact scores of vectors, both about the mean."""
    scores = quantizer.decode_for_scores(quantizer.encode(vectors))
    exact = queries @ (vectors - mean).T
    estimate = quantizer.project_queries(queries).astype(np.float64) @ scores.T - (queries @ mean)[:, None]
    return float(((estimate * exact).sum(axis=1) / (exact * exact).sum(axis=1)).mean())


@every_cell
def test_the_footprint_is_known_before_the_fit(
    name: str, config: dict[str, Any], fitted: Fit, train: np.ndarray, held_out: np.ndarray
) -> None:
    quantizer = fitted(name, config)
    footprint = get_quantizer(name, **config).footprint(len(train), D)
    assert footprint.model >= 0.5 * quantizer.model_bytes
    assert footprint.score_columns >= quantizer.decode_for_scores(quantizer.encode(held_out[:2])).shape[1] - 2
    if quantizer.has_search_index():
        assert abs(footprint.code - quantizer.code_bytes) <= 4
