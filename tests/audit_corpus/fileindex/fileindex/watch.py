"""Collects changes and hands them on when it is quiet."""

import asyncio


class Debouncer:
    """Calls `handler` with the set of changed paths, once no change came for `quiet` seconds."""

    def __init__(self, handler, quiet=0.05):
        self.handler = handler
        self.quiet = quiet
        self.pending = set()
        self._task = None

    def changed(self, path):
        """Note a change; needs a running event loop."""
        self.pending.add(path)
        if self._task is not None and not self._task.done():
            self._task.cancel()
        self._task = asyncio.get_running_loop().create_task(self._later())

    async def _later(self):
        await asyncio.sleep(self.quiet)
        await self.flush()

    async def flush(self):
        """Hand on what is pending, now; nothing if nothing is. Paths of a failed handler stay pending."""
        if not self.pending:
            return 0
        batch = frozenset(self.pending)
        await self.handler(batch)
        self.pending -= batch
        return len(batch)
