from vq_benchmark.reports.comparison import comparisons
from vq_benchmark.reports.formatting import EXTERNAL_MARK
from vq_benchmark.reports.series import COLORS, FIRST_METHODS, lines, styles, undrawn_note


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


def test_the_style_of_a_method_stays_when_methods_are_added():
    few, many = styles(["pq", "saq", "my-own"]), styles([*FIRST_METHODS, "my-own", "another", "eden biased"])
    assert few == {name: many[name] for name in few}


def test_the_first_methods_have_distinct_colours_and_no_two_look_alike():
    found = styles(FIRST_METHODS)
    assert len({found[name].color for name in FIRST_METHODS[: len(COLORS)]}) == len(COLORS)
    assert len(set(found.values())) == len(FIRST_METHODS)


def test_variants_of_a_method_and_other_libraries_have_its_colour():
    found = styles(["eden", "eden biased", "eden unbiased", f"eden{EXTERNAL_MARK}"])
    assert len({style.color for style in found.values()}) == 1
    assert len({style.marker for style in found.values()}) == 4


def test_there_is_a_style_for_any_number_of_lines_and_any_name():
    assert len(styles([*(f"method-{number}" for number in range(300)), ""])) == 301


def test_settings_of_engines_have_no_line_and_are_counted(make_run):
    names = ("", "pgvector:bit", "qdrant:binary")
    runs = [make_run("binary", 1.0, config={}, engine=engine, query_bits="symmetric") for engine in names]
    found = [comparisons(runs[:count])[0] for count in (1, 2, 3)]
    assert [[len(line) for line in lines(each).values()] for each in found] == [[1], [1], [1]]
    assert [undrawn_note(each) for each in found] == [
        "",
        "1 setting of an engine is in no figure; `results` lists it",
        "2 settings of engines are in no figure; `results` lists them",
    ]
