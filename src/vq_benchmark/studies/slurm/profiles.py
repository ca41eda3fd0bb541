"""Named sets of resources: the built-in one and those in the user's file."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading
from vq_benchmark.machine.documents import TextYaml, parsed_yaml
from vq_benchmark.machine.suggestions import did_you_mean
from vq_benchmark.studies.slurm.resources import JobSpec

SHIPPED: dict[str, dict[str, Any]] = {
    "ice": {
        "time": "4:00:00", "cpus_per_task": 4, "mem_per_cpu": "2G", "constraint": "localNVMe",
        "max_job_cpu_hours": 512, "max_time": "18:00:00",
    },
}  # fmt: skip
"""`ice`: Georgia Tech's teaching cluster, which expects no partition, and has scratch space on local NVMe."""


def profiles_path(environment: Mapping[str, str] = os.environ) -> Path:
    """$XDG_CONFIG_HOME/vq-benchmark/slurm.yaml, by default in ~/.config."""
    return Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "vq-benchmark" / "slurm.yaml"


def job_spec(profile: str | None, options: Mapping[str, Any], path: Path | None = None) -> JobSpec:
    """The resources of a profile, if one is named, overridden by the options of the command line.

    Raises:
        InputError: the profile does not exist, the file is unreadable, or a key or value is invalid.
    """
    if profile is None:
        return JobSpec.parse(options)
    path = profiles_path() if path is None else path
    profiles = read_profiles(path)
    if profile not in profiles:
        raise InputError(
            f"there is no profile {profile!r}; {did_you_mean(profile, profiles)}the profiles are "
            f"{', '.join(sorted(profiles))} (define your own in {str(path)!r})."
        )
    return profiles[profile].changed(options)


def read_profiles(path: Path) -> dict[str, JobSpec]:
    """All profiles by name. The file maps names to keys and values; it adds to what ships, key by key, and an empty
    value takes a key away.

    Raises:
        InputError: the file is not such a mapping.
    """
    found = SHIPPED | {name: SHIPPED.get(name, {}) | own for name, own in _own_profiles(path).items()}
    return {
        name: JobSpec.parse({key: value for key, value in values.items() if value != ""}, f"the profile {name!r}")
        for name, values in found.items()
    }


def _own_profiles(path: Path) -> dict[str, dict[str, Any]]:
    if not path.exists():
        return {}
    with reading(path, ValueError, what="YAML"):
        # TextYaml leaves values as they are written: to YAML's own rules 1:30:00 is the number 5400.
        content = parsed_yaml(path.read_bytes(), TextYaml)
    if content in ("", None):
        return {}
    if not isinstance(content, dict) or not all(isinstance(values, dict) for values in content.values()):
        raise InputError(
            f"{str(path)!r} must hold names of profiles, each with keys below it, such as time: 1:00:00."
        )
    return content
