"""`vq-benchmark embed`: a text collection to a directory of vectors."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from vq_benchmark.cli.options import grouped
from vq_benchmark.cli.stoppable import stoppable
from vq_benchmark.datasets.text.collection_files import find_text
from vq_benchmark.datasets.text.embedding import DEFAULT_SHARD_ROWS, Cut, Embedded, embed
from vq_benchmark.datasets.text.encoding import Precision
from vq_benchmark.datasets.text.judged import Collection, read_collection
from vq_benchmark.datasets.text.sentence_encoder import SentenceEncoder
from vq_benchmark.errors import InputError
from vq_benchmark.machine.progress import reporter
from vq_benchmark.machine.terminal import echo
from vq_benchmark.machine.threads import allowed_threads, use_threads


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("embed")(embed_text)


@dataclass(frozen=True)
class ModelOptions:
    """Which model, and how it runs."""

    model: Annotated[str, Option(help="A sentence-transformers model: a folder, or a name on the Hugging Face Hub.")]
    revision: Annotated[str | None, Option(help="Branch, tag or commit of a model on the Hub.")] = None
    prompt: Annotated[str | None, Option(help="Put before every passage [default: what the model states].")] = None
    query_prompt: Annotated[str | None, Option(help="Put before every query [default: what the model states].")] = (
        None
    )
    device: Annotated[str | None, Option(help="Such as cpu or cuda:0 [default: what there is].")] = None
    threads: Annotated[int | None, Option(help="[default: $SLURM_CPUS_PER_TASK, else all allowed]")] = None

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
        Option(help=f"Passages in a shard, which is what a kill can cost [default: {DEFAULT_SHARD_ROWS}]."),
    ] = None
    num_shards: Annotated[int | None, Option(help="Cut into so many shards instead.")] = None
    shard: Annotated[int | None, Option(help="Embed this shard only, counted from 0: a task of a job array.")] = None

    def cut(self, n: int) -> Cut:
        """The cut of n passages."""
        if self.num_shards is None:
            return Cut(DEFAULT_SHARD_ROWS if self.shard_rows is None else self.shard_rows, self.shard)
        if self.shard_rows is not None:
            raise InputError("give either --shard-rows or --num-shards, not both.")
        if not 1 <= self.num_shards <= n:
            raise InputError(f"--num-shards is {self.num_shards}, it must be from 1 to the {n} passages.")
        return Cut(-(-n // self.num_shards), self.shard)


@grouped
def embed_text(
    text: Annotated[
        Path, typer.Argument(help="A folder in the layout of MS MARCO or BEIR, or a file .tsv or .jsonl of passages.")
    ],
    model: ModelOptions,
    output: Annotated[Path, Option(help="Folder to write; a data set that every command takes.")],
    shards: ShardOptions,
    queries: Annotated[Path | None, Option(help="Queries [default: those that are judged].")] = None,
    qrels: Annotated[Path | None, Option(help="Judgements [default: those of the folder, dev.small first].")] = None,
    limit: Annotated[int | None, Option(help="Embed the first so many passages.")] = None,
    batch_size: Annotated[int, Option(help="Texts that the model takes at a time.")] = 64,
    dtype: Annotated[str, Option(help="Stored as float16 or float32.")] = "float16",
    normalize: Annotated[
        bool | None,
        Option("--normalize/--no-normalize", help="Unit norm [default: if the model compares by cosine]."),
    ] = None,
) -> None:
    """Embed passages and judged queries, out of core, into a data set.

    Killed, it goes on with the shards that are missing when the same command is run again; the vectors are the same.
    Tasks of a job array each take a --shard; whichever finds all of them there joins them, and so does the same
    command without --shard.
    """
    report = reporter()
    collection = read_collection(find_text(text, queries, qrels), limit)
    report.say(_size(collection))
    for note in collection.notes:
        report.say(note)
    cut = shards.cut(collection.passages.n)
    encoder = model.load()
    precision = Precision(batch_size, encoder.metric == "cosine" if normalize is None else normalize, dtype)
    with stoppable():
        done = embed(collection, output, encoder, precision, cut, report=report)
    _tell(done, collection, encoder, output)


def _size(collection: Collection) -> str:
    judgements = 0 if collection.qrels is None else len(collection.qrels)
    return f"{collection.passages.n:,} passages, {len(collection.queries):,} queries, {judgements:,} judgements"


def _tell(done: Embedded, collection: Collection, encoder: SentenceEncoder, output: Path) -> None:
    if done.texts:
        rate = done.texts / max(done.seconds, 1e-9)
        echo(f"{done.texts:,} texts were embedded in {done.seconds:,.1f} s, {rate:,.1f} per second.")
    else:
        echo("nothing was left to embed.")
    if done.joined:
        echo(f"{_size(collection)}, dimension {encoder.d}: {output}")
    elif done.missing_shards:
        echo(f"{done.missing_shards:,} shards are missing; the data set is joined once they are there.")
    else:
        echo("all shards are there; the same command without --shard joins them.")
