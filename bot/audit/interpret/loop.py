"""An event loop whose time is virtual: waiting costs nothing, and waiting for ever ends the interpretation."""

from __future__ import annotations

import asyncio
from typing import Any

from bot.audit.interpret.values import Bounded, undecided

_MOST_TURNS = 3_000
_START = 1_000.0
_LONGEST = 10_000_000.0


class _Selector:
    """Stands for what a loop waits on: nothing but time."""

    def __init__(self) -> None:
        self.now = _START
        self.turns = 0

    def select(self, timeout: float | None) -> list[Any]:
        self.turns += 1
        if self.turns > _MOST_TURNS:
            raise Bounded("too many turns of the event loop")
        if timeout is None:
            undecided("everything waits for ever")
        if timeout > 0:
            self.now += timeout
            if self.now > _LONGEST:
                raise Bounded("too long a wait")
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """A loop without files, sockets and threads."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Selector()
        self._clock_resolution = 1e-9
        self.set_exception_handler(lambda *_: None)

    def time(self) -> float:
        """Virtual seconds."""
        return self._selector.now

    def waited(self) -> float:
        """Virtual seconds that were waited on this loop."""
        return self._selector.now - _START

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nothing waits elsewhere."""

    def drain(self) -> None:
        """End what still runs, so that nothing of it comes later."""
        self._ready.clear()  # type: ignore[attr-defined]
        self._scheduled.clear()  # type: ignore[attr-defined]
        for task in asyncio.all_tasks(self):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001
        self.close()


def run(loop: VirtualLoop, coroutine: Any) -> Any:
    """Run a coroutine to its end on a loop."""
    if asyncio._get_running_loop() is not None:  # noqa: SLF001
        undecided("a loop within a loop")
    try:
        return loop.run_until_complete(_entered(coroutine))
    finally:
        asyncio.set_event_loop(None)


async def _entered(coroutine: Any) -> Any:
    return await coroutine
