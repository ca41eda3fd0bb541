"""The files of a folder that hold the passages, the queries and the judgements."""

import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from vq_benchmark.datasets.dataset import IdenticalIds
from vq_benchmark.datasets.parts.shards import in_order, split_name
from vq_benchmark.datasets.text.parquet_rows import SUFFIX, VISIBLE, path_of_split, split_of_path
from vq_benchmark.datasets.text.qrels import Judgement, read_judgements, unnamed_header
from vq_benchmark.datasets.text.records import TextRecord, read_records
from vq_benchmark.datasets.text.text_source import Part
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading

BEIR = "corpus."
PASSAGES = ("collection.tsv", "corpus.jsonl", "corpus.tsv", "collection.jsonl")
CORPUS, QUERIES = "corpus", "queries"
JUDGED = ("qrels", "data", "default")
"""The folders in which repositories keep judgements in parquet, the usual one first."""
QRELS_PATTERNS = ("qrels.*.tsv*", "qrels.*.txt*", "qrels.*.jsonl*", "qrels/*.tsv*", "qrels/*.jsonl*")
QRELS = re.compile(r"(?:qrels\.)?(.+?)\.(?:tsv|jsonl|txt)(?:\.gz)?")
SPLITS = ("dev.small", "test", "dev", "train")
"""The judgements to use if a folder holds several and none are asked for, preferred first."""


@dataclass(frozen=True)
class TextFiles:
    """A text collection on disk: a `TextSource`."""

    passages: Path
    queries: Path | None = None
    qrels: Path | None = None
    notes: tuple[str, ...] = ()

    @property
    def identical_ids(self) -> IdenticalIds:
        """BEIR and MTEB name passages `corpus`; numbers of MS MARCO's passages and queries are alike by accident."""
        is_shard = self.passages.suffix.lower() == SUFFIX and self.passages.parent.name == CORPUS
        return "ignore" if is_shard or self.passages.name.startswith(BEIR) else "keep"

    @property
    def passage_part(self) -> Part[TextRecord]:
        """The passages."""
        return Part(repr(str(self.passages)), partial(read_records, self.passages))

    @property
    def query_part(self) -> Part[TextRecord] | None:
        """The queries, judged or not."""
        return None if self.queries is None else Part(repr(str(self.queries)), partial(read_records, self.queries))

    @property
    def judgement_part(self) -> Part[Judgement] | None:
        """The judgements."""
        return None if self.qrels is None else Part(repr(str(self.qrels)), partial(read_judgements, self.qrels))


def find_text(path: Path, queries: Path | None = None, qrels: Path | None = None) -> TextFiles:
    """The files of a text collection.

    Args:
        path: a file of passages; or a folder with collection.tsv, queries.SPLIT.tsv and qrels.SPLIT.tsv (MS MARCO),
            or with corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv (BEIR) or .jsonl (MTEB); any of them may
            end in .gz. Or with corpus/, queries/ and qrels/ (or data/), which hold parquet files named after splits.
        queries, qrels: files to use instead of those of the folder.

    Raises:
        InputError: a file or folder does not exist, or the folder holds no passages, or judgements without queries.
    """
    for given in filter(None, (path, queries, qrels)):
        with reading(given):
            given.stat()
    found = _find_text(path, queries, qrels)
    skipped = None if found.qrels is None else unnamed_header(found.qrels)
    if skipped is None:
        return found
    note = f"the first line of {str(found.qrels)!r} holds no number, so it is skipped as a header: {skipped[:80]!r}."
    return replace(found, notes=(*found.notes, note))


def _find_text(path: Path, queries: Path | None, qrels: Path | None) -> TextFiles:
    if not path.is_dir():
        if qrels is not None and queries is None:
            raise InputError(f"{str(qrels)!r} needs the queries that it judges; give their texts with --queries.")
        return TextFiles(path, queries, qrels)
    passages = _passages_of(path)
    if passages is None:
        raise InputError(
            f"{str(path)!r} holds neither {' nor '.join(PASSAGES)}, plain or as .gz, nor corpus/*.parquet."
        )
    if queries is not None:
        return TextFiles(passages, queries, qrels)
    notes: tuple[str, ...] = ()
    if qrels is None:
        found_qrels = _judgements_of(path)
        if not found_qrels:
            return TextFiles(
                passages, notes=("no judgements found, so no queries are embedded; give queries with --queries.",)
            )
        qrels = found_qrels[0]
        if len(found_qrels) > 1:
            others = ", ".join(each.name for each in found_qrels[1:])
            notes = (f"using the judgements {qrels.name}; choose others with --qrels, such as {others}.",)
    return TextFiles(passages, _queries_of(path, qrels), qrels, notes)


def holds_passages(folder: Path) -> bool:
    """Whether a folder holds passages under a known name."""
    return _passages_of(folder) is not None


def _passages_of(folder: Path) -> Path | None:
    plain = next((found for name in PASSAGES if (found := _plain_or_gz(folder / name))), None)
    return plain or next(iter(_parquet_splits(folder, CORPUS).values()), None)


def _parquet_splits(folder: Path, name: str) -> dict[str, Path]:
    """The parquet files of a part by split, preferred first; a path with * where a split has several files."""
    alone = folder / f"{name}.parquet"
    if alone.is_file():
        return {name: alone}
    found: dict[str, list[Path]] = {}
    for path in in_order((folder / name).glob(VISIBLE)):
        found.setdefault(split_name(path), []).append(path)
    ordered = sorted(found, key=lambda split: (split != name, _rank(split), split))
    return {
        split: found[split][0] if len(found[split]) == 1 else path_of_split(folder / name, split) for split in ordered
    }


def _judgements_of(folder: Path) -> list[Path]:
    """The files of judgements in a folder, preferred first."""
    with reading(folder):
        candidates = [path for pattern in QRELS_PATTERNS for path in folder.glob(pattern) if path.name[0] != "."]
        plain = sorted(filter(split_of, candidates), key=lambda each: (_rank(split_of(each)), each.name))
        if plain or not _parquet_splits(folder, CORPUS):
            return plain
        return next((list(found.values()) for name in JUDGED if (found := _parquet_splits(folder, name))), [])


def split_of(qrels: Path) -> str | None:
    """The split in the name of a file of judgements: dev.small of qrels.dev.small.tsv, test of qrels/test.jsonl."""
    if qrels.suffix == SUFFIX:
        return split_of_path(qrels)
    found = QRELS.fullmatch(qrels.name)
    return found[1] if found else None


def _rank(split: str | None) -> int:
    return SPLITS.index(split) if split in SPLITS else len(SPLITS)


def _queries_of(folder: Path, qrels: Path) -> Path:
    """The judged queries: those of the same split, of the split that contains it, or all queries."""
    split = split_of(qrels) or ""
    stems = (f"queries.{split}", f"queries.{split.split('.')[0]}")
    names = [f"{stem}{end}" for stem in stems for end in (".tsv", ".jsonl")] + ["queries.jsonl", "queries.tsv"]
    for name in names:
        if found := _plain_or_gz(folder / name):
            return found
    splits = _parquet_splits(folder, QUERIES)
    if splits:
        return splits.get(split) or next(iter(splits.values()))
    raise InputError(f"{str(folder)!r} holds no queries for {str(qrels)!r}; give them with --queries.")


def _plain_or_gz(path: Path) -> Path | None:
    return next((each for each in (path, path.with_name(f"{path.name}.gz")) if each.is_file()), None)
