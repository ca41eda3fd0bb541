"""What to say before a study runs: which metrics will be absent, and whether training sees what is measured."""

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.evaluation.metric_needs import Need
from vq_benchmark.evaluation.metric_records import JUDGED_DEPTHS, names_needing
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.studies.cells import Options
from vq_benchmark.studies.measure_spec import MeasureSpec

LARGE_SHARE = 0.5
"""Share of the base used for training, above which codebooks may overfit the rows that are measured."""


def say_what_to_expect(dataset: Dataset, options: Options, report: Reporter, *, anything: bool) -> None:
    """Report which metrics will be absent and, if anything will run, whether training sees the measured rows."""
    _say_what_will_be_absent(dataset, options.measure, report)
    train_size = options.measure.train_size
    if anything and dataset.training_source(train_size) is dataset.base:
        share = min(train_size / dataset.n, 1)
        if share > LARGE_SHARE:
            report.say(
                f"training uses {share:.0%} of the measured vectors, so methods that learn codebooks look better "
                "than on unseen vectors; lower the share with --train-size."
            )


def _say_what_will_be_absent(dataset: Dataset, measure: MeasureSpec, report: Reporter) -> None:
    if not measure.with_recall:
        judged = "" if dataset.judgements is None else f", nor {', '.join(JUDGED_DEPTHS)}"
        report.say(f"without ground truth there will be no {_listed('ground truth')}{judged}.")
    if measure.num_pairs == 0:
        report.say(f"without pairs (--num-pairs 0) there will be no {_listed('pairs')}.")
    if measure.with_recall and dataset.judgements is not None:
        left_out = 0 if dataset.judgements.own_rows is None else 1
        known = {"": measure.max_candidates - left_out, "_exact": measure.k}
        absent = [
            f"{name}{suffix}"
            for name, depth in JUDGED_DEPTHS.items()
            for suffix, size in known.items()
            if size < min(depth, dataset.n)
        ]
        if absent:
            report.say(
                f"with --k {measure.k} and --max-candidates {measure.max_candidates} there will be no "
                f"{', '.join(absent)}, and no loss of {'it' if len(absent) == 1 else 'them'}."
            )


def _listed(need: Need) -> str:
    """The metrics that need something, for a sentence."""
    *names, last = names_needing(need)
    return f"{', '.join(names)} and {last}"
