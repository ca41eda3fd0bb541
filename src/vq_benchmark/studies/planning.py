"""Make the plan of a study: its configurations, its chunks, and the manifest that holds both."""

import getpass
import itertools
from collections.abc import Sequence
from pathlib import Path

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.spans import Span
from vq_benchmark.evaluation.tiling import TILE_ROWS
from vq_benchmark.quantizers.registry import plugin_of
from vq_benchmark.studies.cells import Cell, Options, new_sweep_id
from vq_benchmark.studies.ground_truths import has_stored_truth
from vq_benchmark.studies.identity import model_id, run_id
from vq_benchmark.studies.plan import Configuration, Manifest
from vq_benchmark.studies.result_files import MANIFEST_FILE
from vq_benchmark.studies.study import Study


def plan_study(
    study: Study, folder: Path, dataset: Dataset, options: Options, cells: Sequence[Cell] | None = None
) -> Manifest:
    """The manifest of a study in a folder, written unless it exists.

    `cells` are the cells of the study to run, default all; `options` are those of the study.

    Raises:
        InputError: the folder holds a different study or that of another user, nothing is left to run, there are more
            chunks than rows, or --with-qps is given with several chunks.
    """
    manifest = draft_manifest(study, folder.absolute(), dataset, options, cells)
    if not (folder / MANIFEST_FILE).exists():
        manifest.save()
        return manifest
    found = Manifest.load(folder)
    earlier = found.settled()
    if earlier.owner != manifest.owner:
        raise InputError(f"{str(folder)!r} holds a study of user {earlier.owner}; choose a folder of your own.")
    if earlier.identity() != manifest.identity():
        raise InputError(f"{str(folder)!r} holds a different study; choose another folder or delete this one.")
    if earlier != found:
        earlier.save()
    return earlier


def draft_manifest(
    study: Study, folder: Path, dataset: Dataset, options: Options, cells: Sequence[Cell] | None = None
) -> Manifest:
    """What `plan_study` writes, without reading or writing the folder."""
    possible, refusals = study.cells(dataset, options)
    chosen = possible if cells is None else list(cells)
    if not chosen:
        raise InputError("no method has a configuration at these budgets; nothing was planned.")
    if study.with_qps and study.chunks > 1:
        raise InputError("--with-qps times an index of the whole base, so it needs --chunks 1.")
    return Manifest(
        folder=folder,
        study=study,
        sweep_id=new_sweep_id(),
        owner=getpass.getuser(),
        n=dataset.n,
        fingerprint=dataset.fingerprint,
        codebooks_dir=options.machine.codebooks_dir.absolute(),
        configurations=tuple(
            Configuration(
                cell.method,
                dict(cell.config),
                cell.seed,
                model_id(dataset, options.measure.train_size, cell),
                run_id(dataset, options, cell),
                cell.query_bits,
                cell.budget,
                cell.engine,
                cell.rerank,
            )
            for cell in chosen
        ),
        chunks=tuple(chunk_spans(dataset.n, study.chunks)),
        refusals=tuple(refusals),
        truth_is_given=study.ground_truth_path is not None or has_stored_truth(dataset, options.measure.k),
        code={cell.method: plugin.hash for cell in chosen if (plugin := plugin_of(cell.method))},
    )


def chunk_spans(n: int, chunks: int) -> list[Span]:
    """[0, n) in `chunks` parts. If there are enough tiles, each part has whole ones, so that none is read twice.

    Raises:
        InputError: there are more chunks than rows.
    """
    if not 1 <= chunks <= n:
        raise InputError(f"--chunks is {chunks}; it must be between 1 and the number of base vectors, {n}.")
    unit = TILE_ROWS if n >= chunks * TILE_ROWS else 1
    edges = [n * part // chunks // unit * unit for part in range(chunks)] + [n]
    return list(itertools.pairwise(edges))
