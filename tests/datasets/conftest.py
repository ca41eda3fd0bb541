"""A cache of the tests' own: opening parquet files leaves an index in it."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The default cache is a temporary folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VQ_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield
