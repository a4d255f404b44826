"""Stages connected by memory object streams."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Awaitable, Callable, Iterable, Sequence

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

DROP = object()


class StageError(Exception):
    def __init__(self, stage: str, item: Any) -> None:
        super().__init__(f"stage {stage} failed on {item!r}")
        self.stage = stage
        self.item = item


@dataclass(frozen=True)
class Stage:
    """`func` maps an item to an item, or to DROP. `skip_errors`: failing items are recorded and dropped."""

    name: str
    func: Callable[[Any], Awaitable[Any]]
    workers: int = 1
    skip_errors: bool = False


@dataclass
class PipelineResult:
    items: list[Any] = field(default_factory=list)
    skipped: list[tuple[str, Any]] = field(default_factory=list)


class Pipeline:
    """Items flow through all stages; the results are in the order of the input, however many workers there are."""

    def __init__(self, stages: Sequence[Stage], *, buffer: int = 0) -> None:
        if not stages:
            raise ValueError("a pipeline needs a stage")
        self.stages = tuple(stages)
        self.buffer = buffer

    async def run(self, items: Iterable[Any]) -> PipelineResult:
        """Raises StageError for the first item that fails in a stage without `skip_errors`."""
        result = PipelineResult()
        done: list[tuple[int, Any]] = []
        error: list[StageError] = []
        async with anyio.create_task_group() as group:
            send, receive = anyio.create_memory_object_stream[tuple[int, Any]](self.buffer)
            group.start_soon(self._feed, send, items)
            for stage in self.stages:
                out, following = anyio.create_memory_object_stream[tuple[int, Any]](self.buffer)
                for _ in range(stage.workers):
                    group.start_soon(
                        self._work, stage, receive.clone(), out.clone(), result, error, group.cancel_scope
                    )
                receive.close()
                out.close()
                receive = following
            async with receive:
                async for pair in receive:
                    done.append(pair)
        if error:
            raise error[0] from error[0].__cause__
        result.items = [value for _, value in sorted(done, key=lambda pair: pair[0])]
        return result

    async def _feed(self, send: MemoryObjectSendStream, items: Iterable[Any]) -> None:
        async with send:
            for index, item in enumerate(items):
                await send.send((index, item))

    async def _work(
        self,
        stage: Stage,
        receive: MemoryObjectReceiveStream,
        send: MemoryObjectSendStream,
        result: PipelineResult,
        error: list[StageError],
        scope: anyio.CancelScope,
    ) -> None:
        async with receive, send:
            async for index, item in receive:
                try:
                    value = await stage.func(item)
                except Exception as exc:  # noqa: BLE001
                    if stage.skip_errors:
                        result.skipped.append((stage.name, item))
                        continue
                    failure = StageError(stage.name, item)
                    failure.__cause__ = exc
                    error.append(failure)
                    scope.cancel()
                    return
                if value is not DROP:
                    await send.send((index, value))
