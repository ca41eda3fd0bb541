"""Text collections of ir_datasets (MacAvaney et al., SIGIR 2021) by name, such as irds:beir/scifact; an extra."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from vq_benchmark.datasets.dataset import IdenticalIds
from vq_benchmark.datasets.text.qrels import Judgement
from vq_benchmark.datasets.text.records import TextRecord, checked_id, titled
from vq_benchmark.datasets.text.text_source import Part
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import MISSHAPEN, reason_of

PREFIX = "irds:"
BEIR = f"{PREFIX}beir/"
DAMAGE = (*MISSHAPEN, OSError, RuntimeError, EOFError)
"""What ir_datasets raises where it cannot download or read a collection."""


@dataclass(frozen=True)
class IrCollection:
    """A data set of ir_datasets, which downloads what is read."""

    name: str
    data: Any
    notes: tuple[str, ...] = ()

    @property
    def passage_part(self) -> Part[TextRecord]:
        """Its documents."""
        return Part(repr(self.name), lambda: self._read(self.data.docs_iter, _passage))

    @property
    def identical_ids(self) -> IdenticalIds:
        """Those of BEIR are ignored; elsewhere, passages and queries may be numbered alike by accident."""
        return "ignore" if self.name.startswith(BEIR) else "keep"

    @property
    def query_part(self) -> Part[TextRecord] | None:
        """Its queries."""
        return (
            Part(repr(self.name), lambda: self._read(self.data.queries_iter, _query))
            if self._has("queries")
            else None
        )

    @property
    def judgement_part(self) -> Part[Judgement] | None:
        """Its judgements of these queries."""
        judged = self._has("queries") and self._has("qrels")
        return Part(repr(self.name), lambda: self._read(self.data.qrels_iter, _judgement)) if judged else None

    def _has(self, part: str) -> bool:
        return bool(getattr(self.data, f"has_{part}")())

    def _read(self, iterate: Callable[[], Any], convert: Callable[[Any], Any]) -> Iterator[Any]:
        with _reading(self.name):
            items = iter(iterate())
        while True:
            with _reading(self.name):
                item = next(items, None)
                if item is None:
                    return
                converted = convert(item)
            yield converted


def open_collection(name: str) -> IrCollection:
    """The data set `irds:NAME`; its documents are read later.

    Raises:
        InputError: ir_datasets is not installed, knows no such data set, or the data set has no documents.
    """
    if not name.startswith(PREFIX):
        raise InputError(f"--collection is {name!r}; it must be {PREFIX}NAME, such as {PREFIX}beir/scifact.")
    try:
        import ir_datasets
    except ImportError:
        raise InputError(
            f"{name!r} needs ir_datasets, which is not installed; run pip install 'vq-benchmark[irds]'."
        ) from None
    try:
        data = ir_datasets.load(name.removeprefix(PREFIX))
    except KeyError:
        raise InputError(
            f"ir_datasets has no data set {name.removeprefix(PREFIX)!r}; see https://ir-datasets.com."
        ) from None
    found = IrCollection(name, data)
    if not data.has_docs():
        raise InputError(f"{name!r} has no documents; choose a data set of ir_datasets that has some.")
    missing = [part for part in ("queries", "qrels") if not getattr(data, f"has_{part}")()]
    note = f"{name} has no {' and no '.join(missing)}; ir_datasets has them in data sets below this one."
    return IrCollection(name, data, (note,)) if missing else found


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Turn what ir_datasets raises into one sentence."""
    try:
        yield
    except DAMAGE as error:
        raise InputError(f"{name!r} cannot be read by ir_datasets: {reason_of(error)}.") from error


def _passage(document: Any) -> TextRecord:
    return TextRecord(checked_id(str(document.doc_id)), _text_of(document))


def _query(query: Any) -> TextRecord:
    return TextRecord(checked_id(str(query.query_id)), _text_of(query))


def _judgement(qrel: Any) -> Judgement:
    return Judgement(checked_id(str(qrel.query_id)), checked_id(str(qrel.doc_id)), int(qrel.relevance))


def _text_of(record: Any) -> str:
    """The title and the text as BEIR joins them, if the record has these fields, else what its class calls text."""
    text = getattr(record, "text", None)
    if isinstance(text, str):
        return titled(getattr(record, "title", None) or "", text)
    return str(record.default_text())
