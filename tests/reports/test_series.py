from vq_benchmark.reports.comparison import comparisons
from vq_benchmark.reports.series import lines, styles


def test_one_line_per_method_in_order_of_bits_without_the_control(make_sweep):
    found = lines(comparisons(make_sweep(seeds=2))[0])
    assert list(found) == ["opq", "pq", "rabitq", "sq"]
    assert [summary.bits for summary in found["pq"]] == [1, 2, 4, 8]


def test_choices_that_are_not_numbers_are_lines_of_their_own(make_run):
    runs = [
        make_run("eden", bits, config={"bits": bits, "estimator": estimator, "rotation": "dense"})
        for bits in (1, 2)
        for estimator in ("biased", "unbiased")
    ]
    found = lines(comparisons(runs)[0])
    assert {name: [summary.bits for summary in line] for name, line in found.items()} == {
        "eden biased": [1, 2],
        "eden unbiased": [1, 2],
    }


def test_a_parameter_that_is_sometimes_a_number_does_not_split_the_line(make_run):
    runs = [make_run("sq", bits, config={"bits": value}) for bits, value in ((8, 8), (16, "fp16"), (16, "bf16"))]
    assert list(lines(comparisons(runs)[0])) == ["sq"]


def test_styles_differ_and_do_not_depend_on_order():
    names = [f"method-{number:03d}" for number in range(72)]
    found = styles(names)
    assert len({(style.color, style.marker) for style in found.values()}) == 72
    assert styles(reversed(names)) == found


def test_codings_of_queries_are_lines_of_their_own(make_run):
    runs = [make_run("pq", bits, query_bits=coding) for bits in (1, 2) for coding in ("float", "4", "symmetric")]
    found = lines(comparisons(runs)[0])
    assert {name: [summary.bits for summary in line] for name, line in found.items()} == {
        "pq": [1, 2],
        "pq (queries: 4 bits)": [1, 2],
        "pq (queries: symmetric)": [1, 2],
    }
