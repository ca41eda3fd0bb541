"""Run a planned study on this machine, in this process or in several that share its threads."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.resource_tracker import ensure_running
from pathlib import Path
from typing import Self

from vq_benchmark.errors import InputError, Stopped
from vq_benchmark.machine.memory import use_memory
from vq_benchmark.machine.progress import Reporter, SilentReporter
from vq_benchmark.machine.signals import held_back, let_in, stop_requested, stopping
from vq_benchmark.machine.threads import use_threads
from vq_benchmark.studies.cells import Machine
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.stages import STAGES, Task, waves
from vq_benchmark.studies.tasks import TaskContext, TaskFailed, record_failure, run_task

SECONDS_BETWEEN_LOOKS = 0.5
"""How often to check whether a signal asked to stop."""
CONTEXT = multiprocessing.get_context("spawn")
"""Spawned, since a forked process inherits the thread pools of BLAS and OpenMP without their threads."""


def run_study(manifest: Manifest, machine: Machine, report: Reporter, *, workers: int = 1) -> list[str]:
    """Run every task that is not done; returns a sentence for each that failed.

    A failed task stops only the tasks that need it.

    Raises:
        InputError: `workers` is not between 1 and the number of threads.
        Stopped: a signal asked for it; the same call resumes.
    """
    if not 1 <= workers <= machine.threads:
        raise InputError(
            f"--workers is {workers}; it must be between 1 and the number of threads, {machine.threads} (--threads)."
        )
    context = TaskContext(manifest, machine, report)
    failures: list[str] = []
    outdated = context.set_aside_outdated(task for stage in STAGES for task in manifest.tasks(stage))
    if outdated:
        report.say(outdated)
    with _WorkerPool(manifest.folder, _share_of(machine, workers)) as pool:
        for stages in waves():
            tasks = [task for stage in stages for task in manifest.unfinished(stage)]
            if workers > 1 and len(tasks) > 1:
                failures += _in_processes(context, tasks, pool, workers)
            else:
                failures += _in_this_process(context, tasks)
    return failures


def _share_of(machine: Machine, workers: int) -> Machine:
    memory = machine.memory
    if memory is not None:
        share = f"the share of one of {workers} workers in {memory.origin}"
        memory = replace(memory, bytes=memory.bytes // workers, origin=share)
    return replace(machine, threads=machine.threads // workers, memory=memory)


def _in_this_process(context: TaskContext, tasks: Sequence[Task]) -> list[str]:
    failures = []
    for number, task in enumerate(tasks, 1):
        _check_stop(context)
        if len(tasks) > 1:
            context.report.say(f"task {number} of {len(tasks)}: {context.manifest.describe(task)}")
        try:
            run_task(context, task)
        except TaskFailed as error:
            context.report.say(str(error))
            failures.append(str(error))
    return failures


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    task: Task | None = None


@dataclass
class _WorkerPool:
    """Worker processes. They outlive the stages, since each has to load libraries and open the vectors."""

    folder: Path
    machine: Machine
    workers: list[_Worker] = field(default_factory=list)

    def complete(self, size: int) -> list[_Worker]:
        """Start workers until `size` of them are alive, and return them."""
        self.workers = [worker for worker in self.workers if worker.task or worker.process.is_alive()]
        while len(self.workers) < size:
            ours, theirs = CONTEXT.Pipe()
            process = CONTEXT.Process(target=_work, args=(theirs, self.folder, self.machine))
            ensure_running()  # it would let signals in when a first process is started
            with held_back():  # this process tells a worker to stop; the worker handles signals once it is set up
                process.start()
            theirs.close()
            self.workers.append(_Worker(process, ours))
        return self.workers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        for worker in self.workers:
            worker.connection.close()
            if error is not None and not isinstance(error, Exception):  # stop at once
                worker.process.kill()
            worker.process.join()


def _in_processes(context: TaskContext, tasks: Sequence[Task], pool: _WorkerPool, workers: int) -> list[str]:
    """Send each task to a free worker. A worker that dies is replaced, and its task counts as failed."""
    waiting = list(reversed(tasks))
    failures: list[str] = []
    stopped_by: str | None = None
    stages = " and ".join(dict.fromkeys(task.stage for task in tasks))
    with context.report.task(stages, len(tasks), unit="tasks") as update:
        while True:
            if waiting and stop_requested() is None:
                for worker in pool.complete(min(workers, len(tasks))):
                    if worker.task is None and waiting:
                        worker.task = waiting.pop()
                        with suppress(OSError):  # it died already, as its answer will show
                            worker.connection.send(worker.task)
            busy = [worker for worker in pool.workers if worker.task is not None]
            if not busy:
                break
            ready = wait([worker.connection for worker in busy], timeout=SECONDS_BETWEEN_LOOKS)
            if stop_requested() is not None:
                for worker in busy:
                    worker.process.terminate()
            for worker in busy:
                if worker.connection not in ready:
                    continue
                answer = _answer(context, worker)
                worker.task = None
                if isinstance(answer, Stopped):
                    stopped_by = answer.signal
                elif answer is not None:
                    context.report.say(answer)
                    failures.append(answer)
            update(len(tasks) - len(waiting) - sum(worker.task is not None for worker in pool.workers))
    _check_stop(context, stopped_by)
    return failures


def _check_stop(context: TaskContext, worker_stopped_by: str | None = None) -> None:
    name = stop_requested() or worker_stopped_by
    if name is not None:
        manifest = context.manifest
        total = sum(manifest.count(stage) for stage in STAGES)
        done = total - sum(len(manifest.unfinished(stage)) for stage in STAGES)
        raise Stopped(name, f"the study in {str(manifest.folder)!r}", done, total)


def _answer(context: TaskContext, worker: _Worker) -> str | Stopped | None:
    """The outcome of the worker's task: None if it is done, else why it is not."""
    try:
        answer: str | tuple[str, str, int] | None = worker.connection.recv()
    except (EOFError, OSError):  # the pipe is reset if the task was never read
        assert worker.task is not None
        worker.process.join()
        code = worker.process.exitcode or 0
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        hint = "; it was probably killed for running out of memory" if how == "SIGKILL" else ""
        message = f"the process that ran it died ({how}){hint}."
        record_failure(context, worker.task, message, message)
        return f"{context.manifest.describe(worker.task)} failed: {message}"
    return Stopped(*answer) if isinstance(answer, tuple) else answer


def _work(connection: Connection, folder: Path, machine: Machine) -> None:
    """The loop of a worker: receive a task, run it, answer, until the pipe closes."""
    threading.Thread(target=_die_with_parent, daemon=True).start()
    use_threads(machine.threads)
    if machine.memory is not None:
        use_memory(machine.memory)
    context = TaskContext(Manifest.load(folder), machine, SilentReporter())
    with stopping(aloud=False):
        let_in(signal.SIGTERM)
        while True:
            try:
                task = connection.recv()
            except EOFError:
                return
            try:
                run_task(context, task)
                connection.send(None)
            except TaskFailed as error:
                connection.send(str(error))
            except Stopped as stopped:
                connection.send((stopped.signal, stopped.label, stopped.rows_done))


def _die_with_parent() -> None:
    """End a worker whose parent was killed, or it would run on beside the workers of the next call."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
