"""Whether something that was computed earlier is of the vectors as they are now."""

from dataclasses import dataclass, field
from typing import Any

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.files import FileStates, from_json, same_versions, to_json
from vq_benchmark.datasets.fingerprint import fingerprint_array
from vq_benchmark.evaluation.content import ContentDigest, first_changed_rows
from vq_benchmark.evaluation.evaluate import Truths
from vq_benchmark.evaluation.grid import DEFAULT_BATCH_SIZE, TILE_ROWS, tiles
from vq_benchmark.evaluation.spans import Span
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.studies.checkpointing import check_stop


@dataclass
class Contents:
    """Compares sizes and times of files first, and reads the vectors only where these differ; each range once."""

    dataset: Dataset
    report: Reporter
    batch_size: int = DEFAULT_BATCH_SIZE
    _digests: dict[Span, ContentDigest] = field(default_factory=dict)

    def digest(self, rows: Span) -> ContentDigest:
        """The digest of base rows [start, stop): see `evaluation.content`. One pass over them."""
        if rows not in self._digests:
            label, (start, stop) = "comparing the vectors with those of earlier results", rows
            content = ContentDigest()
            with self.report.task(label, stop - start) as update:

                def on_block(done: int) -> None:
                    update(done)
                    check_stop(label)

                base, metric = self.dataset.base, self.dataset.metric
                for tile in tiles(base, start, stop, metric, self.batch_size, on_block):
                    content.add(tile.first // TILE_ROWS, tile.digest)
            self._digests[rows] = content
        return self._digests[rows]

    def are(self, files: FileStates | None, digest: str, rows: Span) -> bool:
        """Whether base rows [start, stop) are those of which `digest` was made when the files were `files`."""
        return same_versions(files, self.dataset.files) or self.digest(rows).hex == digest

    def are_searched(self, truths: Truths, rows: Span) -> bool:
        """Whether base rows [start, stop) are still those among which neighbours were searched."""
        if same_versions(truths.files, self.dataset.files):
            return True
        searched = truths.queries.content, [truths.queries.span]
        return first_changed_rows(*searched, self.digest(rows), [rows], TILE_ROWS) is None

    def training_is(self, files: FileStates | None, digest: str, train_size: int, seed: int) -> bool:
        """Whether the training sample is the one of that digest: see `training_digest`."""
        return (
            same_versions(files, self.dataset.files)
            or fingerprint_array(self.dataset.training_sample(train_size, seed)) == digest
        )

    def record(self, digest: str, training_digest: str) -> dict[str, Any]:
        """What a row says of the vectors that it was measured on, for `are_recorded`."""
        return {"digest": digest, "training_digest": training_digest, "files": to_json(self.dataset.files)}

    def are_recorded(self, record: dict[str, Any] | None, rows: Span, train_size: int, seed: int) -> bool:
        """Whether a row with that record was measured on the present vectors [start, stop) and trained on them."""
        if record is None:
            return False
        files = from_json(record["files"])
        return self.are(files, record["digest"], rows) and self.training_is(
            files, record["training_digest"], train_size, seed
        )
