"""`vq-benchmark embed`: a text collection to a directory of vectors."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from vq_benchmark.cli.options import THREADS_HELP, grouped
from vq_benchmark.cli.stoppable import stoppable
from vq_benchmark.datasets.text.collection_files import find_text
from vq_benchmark.datasets.text.embedding import DEFAULT_SHARD_ROWS, Cut, Embedded, embed
from vq_benchmark.datasets.text.encoding import Precision
from vq_benchmark.datasets.text.ir_collection import open_collection
from vq_benchmark.datasets.text.judged import Collection, read_collection
from vq_benchmark.datasets.text.sentence_encoder import SentenceEncoder
from vq_benchmark.datasets.text.text_source import TextSource
from vq_benchmark.errors import InputError
from vq_benchmark.machine.progress import reporter
from vq_benchmark.machine.terminal import echo
from vq_benchmark.machine.threads import allowed_threads, use_threads
from vq_benchmark.machine.wording import number_of


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("embed")(embed_text)


@dataclass(frozen=True)
class ModelOptions:
    """Which model, and how it runs."""

    model: Annotated[str, Option(help="sentence-transformers model: a folder, or a name on the Hugging Face Hub.")]
    revision: Annotated[str | None, Option(help="Branch, tag or commit of a model on the Hub.")] = None
    prompt: Annotated[str | None, Option(help="Prefix for every passage [default: the model's own].")] = None
    query_prompt: Annotated[str | None, Option(help="Prefix for every query [default: the model's own].")] = None
    device: Annotated[str | None, Option(help="Device, such as cpu or cuda:0 [default: the best available].")] = None
    threads: Annotated[int | None, Option(help=THREADS_HELP)] = None

    def load(self) -> SentenceEncoder:
        """The model, ready to encode."""
        threads = allowed_threads(self.threads)
        use_threads(threads)
        return SentenceEncoder(
            self.model, revision=self.revision, device=self.device, threads=threads,
            prompt=self.prompt, query_prompt=self.query_prompt,
        )  # fmt: skip


@dataclass(frozen=True)
class ShardOptions:
    """How the passages are cut."""

    shard_rows: Annotated[
        int | None,
        Option(help=f"Passages per shard, the most work an interruption can lose [default: {DEFAULT_SHARD_ROWS}]."),
    ] = None
    num_shards: Annotated[int | None, Option(help="Number of shards, instead of their size.")] = None
    shard: Annotated[int | None, Option(help="Embed only this shard, from 0: one task of a job array.")] = None

    def cut(self, n: int) -> Cut:
        """The cut of n passages."""
        if self.num_shards is None:
            return Cut(DEFAULT_SHARD_ROWS if self.shard_rows is None else self.shard_rows, self.shard)
        if self.shard_rows is not None:
            raise InputError("give either --shard-rows or --num-shards, not both.")
        if not 1 <= self.num_shards <= n:
            raise InputError(f"--num-shards is {self.num_shards}; it must be from 1 to the {n} passages.")
        return Cut(-(-n // self.num_shards), self.shard)


@grouped
def embed_text(
    model: ModelOptions,
    output: Annotated[Path, Option(help="Folder to write; every command takes it as a data set.")],
    shards: ShardOptions,
    text: Annotated[
        Path | None,
        typer.Argument(help="Folder in MS MARCO, BEIR or MTEB layout, or a .tsv or .jsonl file of passages."),
    ] = None,
    collection: Annotated[
        str | None, Option(help="Instead of TEXT: irds:NAME, a data set of ir_datasets, such as irds:beir/scifact.")
    ] = None,
    queries: Annotated[Path | None, Option(help="File of queries [default: the judged ones].")] = None,
    qrels: Annotated[Path | None, Option(help="Judgements [default: from the folder, dev.small first].")] = None,
    limit: Annotated[int | None, Option(help="Embed only the first N passages.")] = None,
    keep_first: Annotated[
        bool, Option("--keep-first", help="Of different texts with the same identifier, use the first.")
    ] = False,
    batch_size: Annotated[int, Option(help="Texts per batch of the model.")] = 64,
    dtype: Annotated[str, Option(help="Store float16 or float32.")] = "float16",
    normalize: Annotated[
        bool | None,
        Option(
            "--normalize/--no-normalize",
            help="Scale to unit norm [default: if the model compares by cosine].",
        ),
    ] = None,
) -> None:
    """Embed passages and judged queries, out of core, into a data set.

    If it is interrupted, rerun the same command: it embeds the missing shards, and the vectors are the same. In a job
    array each task takes a --shard; the task that completes the set joins the shards, and so does the same command
    without --shard.
    """
    report = reporter()
    found = read_collection(_text_source(text, collection, queries, qrels), limit, keep_first=keep_first)
    report.say(_size(found))
    for note in found.notes:
        report.say(note)
    cut = shards.cut(found.passages.n)
    encoder = model.load()
    precision = Precision(batch_size, encoder.distance == "cosine" if normalize is None else normalize, dtype)
    with stoppable():
        done = embed(found, output, encoder, precision, cut, report=report)
    _tell(done, found, encoder, output)


def _text_source(text: Path | None, collection: str | None, queries: Path | None, qrels: Path | None) -> TextSource:
    if text is not None and collection is None:
        return find_text(text, queries, qrels)
    if text is not None or collection is None:
        raise InputError("give either a folder or file of text, or --collection irds:NAME.")
    if queries is not None or qrels is not None:
        raise InputError("--queries and --qrels do not apply to --collection, which has its own; leave them out.")
    return open_collection(collection)


def _size(collection: Collection) -> str:
    judgements = 0 if collection.qrels is None else len(collection.qrels)
    counts = (
        (collection.passages.n, "passage"),
        (len(collection.queries), "query", "queries"),
        (judgements, "judgement"),
    )
    return ", ".join(number_of(*each) for each in counts)


def _tell(done: Embedded, collection: Collection, encoder: SentenceEncoder, output: Path) -> None:
    if done.texts:
        rate = done.texts / max(done.seconds, 1e-9)
        echo(f"embedded {done.texts:,} texts in {done.seconds:,.1f} s, {rate:,.1f} per second.")
    else:
        echo("nothing left to embed.")
    if done.joined:
        echo(f"{_size(collection)}, dimension {encoder.d}: {output}")
    elif done.missing_shards:
        missing = number_of(done.missing_shards, "shard is", "shards are")
        echo(f"{missing} missing; the data set is joined once all are done.")
    else:
        echo("all shards are done; run the same command without --shard to join them.")
