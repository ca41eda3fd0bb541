"""Where the text of a collection comes from: anything that can be read from its beginning again and again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from vq_benchmark.datasets.dataset import IdenticalIds
from vq_benchmark.datasets.text.qrels import Judgement
from vq_benchmark.datasets.text.records import TextRecord

Item = TypeVar("Item", covariant=True)


@dataclass(frozen=True)
class Part(Generic[Item]):
    """The passages, the queries or the judgements of a collection, one after another."""

    name: str
    """As messages show it, in quotes."""
    read: Callable[[], Iterator[Item]]
    """Starts from the beginning; InputError for what cannot be read."""


class TextSource(Protocol):
    """A text collection that can be read; without judgements all queries are used, without queries only passages."""

    @property
    def passage_part(self) -> Part[TextRecord]: ...
    @property
    def query_part(self) -> Part[TextRecord] | None: ...
    @property
    def judgement_part(self) -> Part[Judgement] | None: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def identical_ids(self) -> IdenticalIds:
        """As the benchmark counts: BEIR and MTEB ignore the passage that has the identifier of the query."""
        ...
