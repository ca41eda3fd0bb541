"""What a number was made on."""

import json

import numpy as np
import pytest

from vq_benchmark.machine.provenance import environment


def test_the_environment_is_json_and_says_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    monkeypatch.setenv("SLURM_JWT", "a secret")
    monkeypatch.setenv("SLURM_JOB_USER", "somebody")
    found = environment(2)
    assert json.loads(json.dumps(found)) == found
    assert found["threads"] == 2
    assert found["libraries"]["numpy"] == np.__version__
    assert found["memory_bytes"] > 100_000_000
    assert found["slurm"]["SLURM_JOB_ID"] == "17"
    assert found["slurm"]["SLURM_ARRAY_TASK_ID"] == "3"
    assert "secret" not in str(found)
    for name in ("package_version", "python", "host", "cpu", "cpus"):
        assert found[name]
