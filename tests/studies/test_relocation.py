"""Studies whose folder is renamed, copied or reached by another name."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.studies.cells import Machine
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.planning import plan_study
from vq_benchmark.studies.relocation import relocated
from vq_benchmark.studies.study import Study


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """A study whose vectors and models are in its own folder, and whose queries are elsewhere."""
    folder = tmp_path / "study"
    folder.mkdir()
    rng = np.random.default_rng(0)
    np.save(folder / "base.npy", rng.standard_normal((50, 8)).astype(np.float32))
    np.save(tmp_path / "queries.npy", rng.standard_normal((5, 8)).astype(np.float32))
    return planned(folder)


def planned(folder: Path) -> Manifest:
    study = Study.parse(
        {
            "dataset": str(folder / "base.npy"), "queries_path": str(folder.parent / "queries.npy"),
            "methods": ["sq"], "bits": 8, "k": 5, "train_size": 40,
        }
    )  # fmt: skip
    options = study.options(Machine(cache_dir=folder / "cache", codebooks_dir=folder / "codebooks"))
    return plan_study(study, folder, study.load(), options)


def test_a_moved_study_is_the_same_and_finds_what_moved_with_it(manifest, tmp_path):
    moved = manifest.folder.rename(tmp_path / "moved")
    found = Manifest.load(moved)
    assert found.home == manifest.folder
    assert not found.is_copy
    assert found.settled().sweep_id == manifest.sweep_id
    assert found.codebooks_dir == moved / "codebooks"
    assert found.study.dataset == str(moved / "base.npy")
    assert found.study.queries_path == tmp_path / "queries.npy"
    again = planned(moved)
    assert again.sweep_id == manifest.sweep_id
    assert Manifest.load(moved).home is None


@pytest.mark.parametrize("original", ["stays", "is renamed", "is deleted"])
def test_a_copy_is_a_study_of_its_own(manifest, tmp_path, monkeypatch, original):
    copy = tmp_path / "copy"
    shutil.copytree(manifest.folder, copy)
    if original == "is renamed":
        manifest.folder.rename(tmp_path / "renamed")
    if original == "is deleted":
        (tmp_path / "bystander").mkdir()  # so that its number is not given to another folder
        shutil.rmtree(manifest.folder)
    monkeypatch.setattr("getpass.getuser", lambda: "somebody")
    found = Manifest.load(copy)
    assert found.is_copy
    own = found.settled()
    assert own.sweep_id != manifest.sweep_id
    assert own.owner == "somebody"
    assert own.study.dataset == str(copy / "base.npy")
    own.save()
    saved = Manifest.load(copy)
    assert (saved.sweep_id, saved.owner, saved.is_copy) == (own.sweep_id, "somebody", False)


def test_a_study_that_is_reached_through_a_link_has_not_moved(manifest, tmp_path):
    (tmp_path / "link").symlink_to(manifest.folder)
    found = Manifest.load(tmp_path / "link")
    assert found.home is None
    assert found.settled() == found
    assert found.sweep_id == manifest.sweep_id


def test_only_paths_inside_the_folder_change():
    home, now = Path("/a/st"), Path("/b")
    values = {"x": ["/a/st/y", "/a/st", "/a/study/y", 7, None], "--cache-dir": ("--cache-dir=/a/st/c", "--n=/a")}
    assert relocated(values, home, now) == {
        "x": ["/b/y", "/b", "/a/study/y", 7, None], "--cache-dir": ("--cache-dir=/b/c", "--n=/a"),
    }  # fmt: skip
    assert relocated(values, home, home) is values
