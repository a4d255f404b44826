"""Runs the jobs of a queue with bounded concurrency."""
from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable

import anyio

from .config import RunnerConfig
from .jobs import Job, JobQueue, JobState

logger = logging.getLogger(__name__)


@dataclass
class RunSummary:
    results: dict[str, Any] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    peak: int = 0

    @property
    def ok(self) -> bool:
        return not self.failed and not self.cancelled


class TaskRunner:
    """At most `config.concurrency` jobs at a time.

    A failing job does not disturb the others, unless `fail_fast`: then the running jobs are cancelled and
    the queued ones are not started; both are in `RunSummary.cancelled`. The cleanup of a job runs
    shielded, for at most `config.shutdown_grace` seconds.
    """

    def __init__(self, config: RunnerConfig | None = None, *, on_state: Callable[[Job], None] | None = None) -> None:
        self.config = config or RunnerConfig()
        self._on_state = on_state
        self._running = 0

    def active(self) -> int:
        return self._running

    def effective_timeout(self, job: Job) -> float:
        """The job's own timeout, but never more than the configured one."""
        if job.timeout is None:
            return self.config.job_timeout
        return min(job.timeout, self.config.job_timeout)

    async def run_all(self, jobs: Iterable[Job]) -> RunSummary:
        queue = JobQueue()
        for job in jobs:
            queue.put(job)
        summary = RunSummary()
        async with anyio.create_task_group() as group:
            for _ in range(min(self.config.concurrency, len(queue)) or 1):
                group.start_soon(self._work, queue, summary, group.cancel_scope)
        while len(queue):
            job = queue.pop()
            self._enter(job, JobState.CANCELLED)
            summary.cancelled.append(job.name)
        return summary

    async def _work(self, queue: JobQueue, summary: RunSummary, scope: anyio.CancelScope) -> None:
        while len(queue):
            job = queue.pop()
            await self.run_one(job, summary)
            if job.name in summary.failed and self.config.fail_fast:
                scope.cancel()
                return

    async def run_one(self, job: Job, summary: RunSummary) -> None:
        self._running += 1
        summary.peak = max(summary.peak, self._running)
        self._enter(job, JobState.RUNNING)
        try:
            with anyio.fail_after(self.effective_timeout(job)):
                job.result = await job.run()
        except TimeoutError:
            self._fail(job, summary, JobState.TIMED_OUT, f"timed out after {self.effective_timeout(job)}s")
        except anyio.get_cancelled_exc_class():
            self._enter(job, JobState.CANCELLED)
            summary.cancelled.append(job.name)
            raise
        except Exception as exc:  # noqa: BLE001 - a job may fail in any way
            self._fail(job, summary, JobState.FAILED, f"{type(exc).__name__}: {exc}")
        else:
            summary.results[job.name] = job.result
            self._enter(job, JobState.DONE)
        finally:
            self._running -= 1
            await self._cleanup(job)

    async def _cleanup(self, job: Job) -> None:
        if job.cleanup is None:
            return
        with anyio.move_on_after(self.config.shutdown_grace, shield=True) as scope:
            try:
                await job.cleanup()
            except Exception:  # noqa: BLE001
                logger.exception("cleanup of %s failed", job.name)
        if scope.cancelled_caught:
            logger.error("cleanup of %s took longer than %ss", job.name, self.config.shutdown_grace)

    def _fail(self, job: Job, summary: RunSummary, state: JobState, error: str) -> None:
        job.error = error
        summary.failed[job.name] = error
        self._enter(job, state)

    def _enter(self, job: Job, state: JobState) -> None:
        job.state = state
        if self._on_state is not None:
            self._on_state(job)
