"""The version of the metric set, that is, of the definitions that a row's numbers follow."""

VERSION = 3
"""Increases when a metric is added or changes its meaning. Each row stores it, as part of its identity."""
CHANGES = {
    2: "recall and rank distortion compare exact scores instead of ids",
    3: "errors leave out rows that were trained on",
}
"""What each version changed."""
ENVIRONMENT_KEY = "metric_set"
"""Key of the version in the column `environment`; rows without it have version 1."""


def version_of(environment: dict[str, object]) -> int:
    """Return the version in the environment of a row."""
    version = environment.get(ENVIRONMENT_KEY, 1)
    return version if isinstance(version, int) else 1
