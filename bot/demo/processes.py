"""The demo's real processes: brokers and instances of the service, each a `python -m` of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bot.demo.entries import InstanceLog, Origin, PathMap
from bot.domain.errors import TargetSetupFailed

START_SECONDS = 30.0
STOP_SECONDS = 5.0


async def _start(app: Path, arguments: tuple[str, ...], env: Mapping[str, str]) -> asyncio.subprocess.Process:
    """Start `python -m ARGUMENTS` in the service's folder, with no environment but this."""
    needed = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, cwd=app, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**needed, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", **env},
    )


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End a process: by SIGTERM, and by SIGKILL when that does not help."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


class BrokerProcess:
    """A broker. `ack_latency_s` is how long it takes to make a subscription live."""

    def __init__(self, app: Path, ack_latency_s: float) -> None:
        self._app = app
        self._latency = ack_latency_s
        self._process: asyncio.subprocess.Process | None = None
        self.port = 0

    async def start(self) -> None:
        """Start, at the port it had before if it had one. Raises TargetSetupFailed when it does not listen."""
        arguments = ("router.broker_server", "--port", str(self.port), "--ack-latency", str(self._latency))
        self._process = await _start(self._app, arguments, {})
        assert self._process.stdout is not None
        said = (await self._process.stdout.readline()).decode().split()
        if said[:2] != ["listening", "on"]:
            raise TargetSetupFailed("The demo's broker did not start.", "Check that loopback connections work.")
        self.port = int(said[2])

    async def stop(self) -> None:
        """End it; its clients lose their connections."""
        if self._process is not None:
            await _stop(self._process)


class InstanceProcess:
    """One instance of the service; what it prints goes into `log` as it comes."""

    def __init__(self, app: Path, origin: Origin, env: Mapping[str, str]) -> None:
        self._app = app
        self._env = env
        self._process: asyncio.subprocess.Process | None = None
        self._readers: tuple[asyncio.Task[None], ...] = ()
        self._listening: asyncio.Future[int] | None = None
        self.log = InstanceLog(origin, PathMap(app))
        self.port = 0

    async def start(self) -> None:
        """Start and wait until it listens. Raises TargetSetupFailed when it does not."""
        self._listening = asyncio.get_running_loop().create_future()
        self._process = await _start(self._app, ("router",), self._env)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._readers = (
            asyncio.create_task(self._read(self._process.stdout, self._stdout)),
            asyncio.create_task(self._read(self._process.stderr, self.log.stderr)),
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                self.port = await self._listening
        except TimeoutError:
            await self.stop()
            raise TargetSetupFailed(
                "The demo's service did not start.", "Check that loopback connections work and websockets is installed."
            ) from None

    async def stop(self) -> None:
        """End it and read what it still had to say."""
        if self._process is not None:
            await _stop(self._process)
            await asyncio.gather(*self._readers)

    def _stdout(self, line: str, received_ns: int) -> None:
        self.log.stdout(line, received_ns)
        if self._listening is not None and not self._listening.done() and '"port"' in line:
            self._listening.set_result(int(json.loads(line)["port"]))

    async def _read(self, stream: asyncio.StreamReader, take: Callable[[str, int], None]) -> None:
        while line := await stream.readline():
            take(line.decode().rstrip("\n"), time.time_ns())
        self.log.flush(time.time_ns())
