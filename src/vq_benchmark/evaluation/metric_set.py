"""The version of the metric set: which definitions the numbers of a row follow."""

VERSION = 2
"""Goes up when a metric is added or changes its meaning. It is part of the identity of a row, and stands in it."""
CHANGES = {2: "recall and rank distortion compare exact scores instead of ids"}
"""What each version changed."""
ENVIRONMENT_KEY = "metric_set"
"""Where the version stands in the column `environment`; rows without it are of version 1."""


def version_of(environment: dict[str, object]) -> int:
    """Return the version that the environment of a row states."""
    version = environment.get(ENVIRONMENT_KEY, 1)
    return version if isinstance(version, int) else 1
