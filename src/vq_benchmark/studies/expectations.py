"""What to say before a study runs: which metrics will be absent, and whether training sees what is measured."""

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.evaluation.metrics import JUDGED_MEASURES
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.studies.cells import Options

GROUND_TRUTH_METRICS = "recall_at_k, recall_k_at_r, rank_distortion and sum_of_scores_at_k"
PAIR_METRICS = "score_mse, score_bias, score_slope, pairwise_distortion and pairwise_distortion_asymmetric"

LARGE_SHARE = 0.5
"""Share of the base used for training, above which codebooks may overfit the rows that are measured."""


def say_what_to_expect(dataset: Dataset, options: Options, report: Reporter, *, anything: bool) -> None:
    """Report which metrics will be absent and, if anything will run, whether training sees the measured rows."""
    _say_what_will_be_absent(dataset, options, report)
    if anything and dataset.training_source(options.train_size) is dataset.base:
        share = min(options.train_size / dataset.n, 1)
        if share > LARGE_SHARE:
            report.say(
                f"training uses {share:.0%} of the measured vectors, so methods that learn codebooks look better "
                "than on unseen vectors; lower the share with --train-size."
            )


def _say_what_will_be_absent(dataset: Dataset, options: Options, report: Reporter) -> None:
    if not options.with_recall:
        judged = "" if dataset.judgements is None else f", nor {', '.join(JUDGED_MEASURES)}"
        report.say(f"without ground truth there will be no {GROUND_TRUTH_METRICS}{judged}.")
    if options.num_pairs == 0:
        report.say(f"without pairs (--num-pairs 0) there will be no {PAIR_METRICS}.")
    if options.with_recall and dataset.judgements is not None:
        known = {"": options.candidates, "_exact": options.k}
        absent = [
            f"{name}{suffix}"
            for name, (_, depth) in JUDGED_MEASURES.items()
            for suffix, size in known.items()
            if size < min(depth, dataset.n)
        ]
        if absent:
            report.say(
                f"with --k {options.k} and --max-candidates {options.candidates} there will be no "
                f"{', '.join(absent)}, and no loss of {'it' if len(absent) == 1 else 'them'}."
            )
