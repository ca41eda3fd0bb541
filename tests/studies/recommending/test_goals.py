import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.studies.recommending.goals import Goal, Reading, parsed_goals, worst


def test_targets_become_goals_and_re_ranking_applies_to_recall():
    assert parsed_goals("recall_at_10=0.95, mrr_at_10_loss=0.005", None) == (
        Goal("recall_at_10", 0.95),
        Goal("mrr_at_10_loss", 0.005),
    )
    assert parsed_goals("recall_at_10=0.95", 50) == (Goal("recall_10_at_50", 0.95),)
    assert parsed_goals("recall_at_10=0.95", 10) == (Goal("recall_at_10", 0.95),)


@pytest.mark.parametrize(
    ("text", "depth", "said"),
    [
        ("0.95", None, "must be METRIC=NUMBER"),
        ("recall_at_10=high", None, "must be METRIC=NUMBER"),
        ("recall_at_10=nan", None, "must be METRIC=NUMBER"),
        ("recal_at_10=0.9", None, "did you mean 'recall_at_10'"),
        ("model_bytes=3", None, "has no interval"),
        ("recall_at_10=95", None, "between 0 and 1"),
        ("recall_at_10=0.9,recall_at_10=0.8", None, "twice"),
        ("", None, "empty"),
        ("mrr_at_10_loss=0.1", 50, "without re-ranking"),
        ("recall_at_10=0.9", 30, "it can be 20, 50, 100, 200"),
    ],
)
def test_what_cannot_be_a_target_is_refused_in_a_sentence(text, depth, said):
    with pytest.raises(InputError, match=said):
        parsed_goals(text, depth)


def test_a_reading_is_positive_beyond_the_goal_in_either_direction():
    assert Goal("recall_at_10", 0.5).reading(0.75, (0.5, 1.0)) == Reading(0.25, 0.0, 0.5)
    assert Goal("mrr_at_10_loss", 0.5).reading(0.25, (0.0, 0.75)) == Reading(0.25, -0.25, 0.5)
    assert worst([Reading(1, 0, 3), Reading(0.5, 0.25, 4)]) == Reading(0.5, 0, 3)


def test_only_recall_falls_as_a_base_grows():
    falling = [
        Goal(name, 0).falls_as_the_base_grows for name in ("recall_at_10", "recall_10_at_50", "mrr_at_10_loss")
    ]
    assert falling == [True, True, False]
    assert not Goal("recall_at_100_qrels", 0).falls_as_the_base_grows
