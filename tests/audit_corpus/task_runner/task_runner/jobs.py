"""What is to be done, and in which order."""
from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Awaitable, Callable, Iterator


class JobState(str, Enum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self not in (JobState.QUEUED, JobState.RUNNING)


@dataclass
class Job:
    """`run` is a coroutine function without arguments; `cleanup` runs however the job ends."""

    name: str
    run: Callable[[], Awaitable[Any]]
    priority: int = 0
    timeout: float | None = None
    cleanup: Callable[[], Awaitable[None]] | None = None
    state: JobState = JobState.QUEUED
    result: Any = None
    error: str | None = None


class DuplicateJob(ValueError):
    pass


@dataclass
class JobQueue:
    """Highest priority first; among equals first come, first served."""

    _heap: list[tuple[int, int, Job]] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)
    _order: Iterator[int] = field(default_factory=itertools.count)

    def put(self, job: Job) -> None:
        if job.name in self._names:
            raise DuplicateJob(job.name)
        self._names.add(job.name)
        heapq.heappush(self._heap, (-job.priority, next(self._order), job))

    def pop(self) -> Job:
        """Raises IndexError when empty."""
        job = heapq.heappop(self._heap)[2]
        self._names.discard(job.name)
        return job

    def __len__(self) -> int:
        return len(self._heap)
