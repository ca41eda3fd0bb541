"""Whether something that was computed earlier is of the vectors as they are now."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.file_states import FileState, FileStates, from_json, same_versions, to_json
from vq_benchmark.datasets.fingerprint import fingerprint_array
from vq_benchmark.evaluation.content import ContentDigest, first_changed_rows
from vq_benchmark.evaluation.evaluate import GroundTruths
from vq_benchmark.evaluation.measurement import Measurement
from vq_benchmark.evaluation.spans import Span
from vq_benchmark.evaluation.tiling import DEFAULT_BATCH_SIZE, TILE_ROWS, content_digest
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.results.database import Run, now
from vq_benchmark.studies.checkpointing import check_stop


@dataclass
class Contents:
    """Compares sizes and times of files first, and reads the vectors only where these differ; each range once."""

    dataset: Dataset
    report: Reporter
    batch_size: int = DEFAULT_BATCH_SIZE
    _digests: dict[Span, ContentDigest] = field(default_factory=dict)
    _training: dict[tuple[int, int], str] = field(default_factory=dict)

    def digest(self, rows: Span) -> ContentDigest:
        """The digest of base rows [start, stop): see `evaluation.content`. One pass over them."""
        if rows not in self._digests:
            label, (start, stop) = "comparing the vectors with those of earlier results", rows
            with self.report.task(label, stop - start) as update:

                def on_block(done: int) -> None:
                    update(done)
                    check_stop(label)

                base, metric = self.dataset.base, self.dataset.metric
                self._digests[rows] = content_digest(base, start, stop, metric, self.batch_size, on_block)
        return self._digests[rows]

    def are(self, files: FileStates | None, digest: str, rows: Span) -> bool:
        """Whether base rows [start, stop) are those of which `digest` was made when the files were `files`."""
        return same_versions(files, self.dataset.files) or self.digest(rows).hex == digest

    def searched(self, ground_truths: GroundTruths) -> GroundTruths | None:
        """The ground truth, saying that it is of the files as they are now; None if its vectors changed since."""
        if ground_truths.files == self.dataset.files and ground_truths.files is not None:
            return ground_truths
        if not same_versions(ground_truths.files, self.dataset.files):
            found, span = ground_truths.queries.content, ground_truths.queries.span
            if first_changed_rows(found, [span], self.digest(span), [span], TILE_ROWS) is not None:
                return None
        return replace(ground_truths, files=self.dataset.files)

    def training_is(self, files: FileStates | None, digest: str, train_size: int, seed: int) -> bool:
        """Whether the training sample has that fingerprint, which it had when the files were `files`."""
        if same_versions(files, self.dataset.files):
            return True
        if (train_size, seed) not in self._training:
            self._training[train_size, seed] = fingerprint_array(self.dataset.training_sample(train_size, seed))
        return self._training[train_size, seed] == digest

    def record(self, measurement: Measurement, training_digest: str) -> dict[str, Any]:
        """What a row says of the vectors that it was measured on, for `present`."""
        truth = measurement.truth
        return {
            "digest": measurement.content.hex,
            "training_digest": training_digest,
            "searched": None if truth is None else [truth.content.hex, *truth.span],
            "files": to_json(self.dataset.files),
        }

    def present(self, run: Run, train_size: int) -> Run | None:
        """The row, saying that it is of the files as they are now, so that they need not be read for it again.

        None if it was measured on, trained on, or compared with neighbours among, vectors that changed since.
        """
        if not self.are_of(run):
            return None
        record = run.environment["content"]
        files = from_json(record["files"])
        if not self.training_is(files, record["training_digest"], train_size, run.seed):
            return None
        if files == self.dataset.files:
            return run
        renewed = record | {"files": to_json(self.dataset.files)}
        return replace(run, environment=run.environment | {"content": renewed}, created_at=now())

    def are_of(self, run: Run) -> bool:
        """Whether the vectors that a row was measured on, and its neighbours searched among, are the present ones."""
        record = run.environment.get("content")
        if record is None:
            return False
        digests = {(run.chunk_start, run.chunk_stop): record["digest"]}
        if record["searched"] is not None:
            digest, start, stop = record["searched"]
            digests[start, stop] = digest
        files = from_json(record["files"])
        return all(self.are(files, digest, rows) for rows, digest in digests.items())


def files_are_untouched(run: Run) -> bool:
    """Whether the files that a row was measured on have the sizes and times that they had; False if not known.

    Raises:
        InputError: one is gone.
    """
    files = from_json(run.environment.get("content", {}).get("files"))
    return files is not None and all(FileState.of(Path(state.path)) == state for state in files)
