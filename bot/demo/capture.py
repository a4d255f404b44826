"""Runs the demo's service under load and writes its log: `python -m bot.demo.capture [OUT]`.

What is real: the brokers, the instances (`python -m router`, at the demo repository's head), the WebSocket
clients, every line, traceback, time and latency. What is not, because no cloud is involved: the name of
the project, the address of the service, instance ids, the clients' IP addresses (from the documentation
ranges) and apps; the container's port; and the paths of this machine, which are written as an image would
have them (the service in `/app`, Python in `/usr/local/lib/python3.11`). Request entries, which Cloud Run's
front end writes, hold what the clients measured.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from bot.demo import SERVICE, clients, logs_path
from bot.demo.entries import PROJECT, Origin, WrittenEntry, instance_id
from bot.demo.processes import BrokerProcess, InstanceProcess
from bot.demo.repository import build_repository
from bot.domain.base import Frozen, Sha

SLOW_ACK_SECONDS = 2.4
OUTBOX_SIZE = 24
HEARTBEAT_SECONDS = 1.0


class Revision(Frozen):
    """A revision of the service. The second differs from the first in its settings only, not in its commit."""

    name: str
    old_broker_setting: bool


class Size(Frozen):
    """How much is captured. `slow` and `quick` count the instances of a revision at either broker.

    Times in seconds: `apart` between two starts of instances, `handover` between those of revisions,
    `lasting` between an instance's start and its end.
    """

    revisions: tuple[Revision, ...]
    slow: int
    quick: int
    apart: float
    handover: float
    lasting: float
    early_clients: int
    visitors: int
    smaller_problems: bool


FULL = Size(
    revisions=(
        Revision(name=f"{SERVICE}-00041-qib", old_broker_setting=True),
        Revision(name=f"{SERVICE}-00042-zud", old_broker_setting=False),
    ),
    slow=7, quick=3, apart=0.5, handover=9.0, lasting=13.0, early_clients=3, visitors=3,
    smaller_problems=True,
)
SHORT = Size(
    revisions=(Revision(name=f"{SERVICE}-00043-pem", old_broker_setting=False),),
    slow=2, quick=1, apart=0.1, handover=0.0, lasting=4.0, early_clients=3, visitors=2,
    smaller_problems=False,
)
"""Enough for a test."""

QUIET_SECONDS = 4.0
"""When a start's own trouble is over and the other clients begin theirs."""


async def capture(size: Size) -> tuple[WrittenEntry, ...]:
    """Run the service and return its entries, newest first.

    Raises TargetSetupFailed when git is missing, and an ExceptionGroup with one when the service does not start.
    """
    with tempfile.TemporaryDirectory(prefix="message-router-") as folder:
        app = Path(folder) / "app"
        commit = build_repository(app)
        slow, quick = BrokerProcess(app, SLOW_ACK_SECONDS), BrokerProcess(app, 0.0)
        try:
            await asyncio.gather(slow.start(), quick.start())
            async with asyncio.TaskGroup() as group:
                runs = [
                    group.create_task(_run_revision(app, commit, size, number, slow, quick))
                    for number in range(len(size.revisions))
                ]
                if size.smaller_problems:
                    group.create_task(_restart(quick, after=size.handover))
        finally:
            await asyncio.gather(slow.stop(), quick.stop())
    entries = [entry for run in runs for instance in run.result() for entry in instance.log.entries]
    return tuple(sorted(entries, key=lambda entry: entry.time_ns, reverse=True))


async def _run_revision(app: Path, commit: Sha, size: Size, place: int, slow: BrokerProcess,
                        quick: BrokerProcess) -> list[InstanceProcess]:
    """When its turn has come, start a revision's instances one after another, put them under load, end them."""
    await asyncio.sleep(place * size.handover)
    revision = size.revisions[place]
    instances: list[InstanceProcess] = []
    async with asyncio.TaskGroup() as group:
        for number in range(size.slow + size.quick):
            broker = slow if number < size.slow else quick
            origin = Origin(
                service=SERVICE, revision=revision.name, commit=commit, instance=instance_id(revision.name, number),
            )
            instance = InstanceProcess(app, origin, _environment(revision, broker))
            instances.append(instance)
            group.create_task(_run_instance(instance, number, size))
            await asyncio.sleep(size.apart)
    return instances


def _environment(revision: Revision, broker: BrokerProcess) -> dict[str, str]:
    """What Cloud Run and the revision's settings give a container."""
    where = (
        {"BROKER_ADDR": f"127.0.0.1:{broker.port}"} if revision.old_broker_setting
        else {"BROKER_HOST": "127.0.0.1", "BROKER_PORT": str(broker.port)}
    )
    return {
        "K_SERVICE": SERVICE, "K_REVISION": revision.name, "K_CONFIGURATION": SERVICE, "PORT": "0",
        "HOST": "127.0.0.1", "GOOGLE_CLOUD_PROJECT": PROJECT, "HEARTBEAT_SECONDS": str(HEARTBEAT_SECONDS),
        "OUTBOX_SIZE": str(OUTBOX_SIZE), "STATS_SECONDS": "2", **where,
    }


async def _run_instance(instance: InstanceProcess, number: int, size: Size) -> None:
    """One instance's life: start, the clients that waited for it, ordinary traffic, end."""
    loop = asyncio.get_running_loop()
    await instance.start()
    try:
        ends = loop.time() + size.lasting
        await clients.wait_until_ready(instance)
        async with asyncio.TaskGroup() as group:
            for early in range(size.early_clients):
                group.create_task(clients.early_client(instance, number * 10 + early))
            for visitor in range(size.visitors):
                group.create_task(_visits(instance, number * 10 + visitor, ends))
            if size.smaller_problems:
                for misbehaving in _misbehaving(instance, number, size):
                    group.create_task(_later(QUIET_SECONDS, misbehaving))
    finally:
        await instance.stop()


async def _visits(instance: InstanceProcess, number: int, ends: float) -> None:
    """Visit a room again and again, a little later and a little longer each time."""
    await asyncio.sleep(2.2 + number % 5 * 0.1)
    visit = 0
    while asyncio.get_running_loop().time() < ends:
        await clients.session(instance, number + visit, messages=2 + visit % 4, pause_s=0.08)
        await asyncio.sleep(0.4 + number % 7 * 0.04)
        visit += 1


def _misbehaving(instance: InstanceProcess, number: int, size: Size) -> list[Coroutine[Any, Any, None]]:
    """The smaller problems, each on few instances of a revision."""
    last = size.slow + size.quick - 1
    found: list[Coroutine[Any, Any, None]] = []
    if number == last:
        found += [_later(0.7 * turn, clients.nonsense_client(instance, turn)) for turn in range(2)]
    if number == 0:
        found.append(clients.sleeping_client(instance, 0, seconds=3.0))
        found.append(_flood(instance))
    if number in {1, 2}:
        found.append(clients.vanished_client(instance, number, seconds=3.5))
    if number in {3, 4}:
        found.append(clients.stray_request(instance, number, "/favicon.ico"))
        found.append(clients.stray_request(instance, number, "/metrics"))
    return found


async def _flood(instance: InstanceProcess) -> None:
    """Large messages, more than somebody who does not read can take."""
    await asyncio.sleep(0.3)
    await clients.session(instance, 0, messages=120, pause_s=0.005, size=8_000, room=clients.SURVEY)


async def _later(seconds: float, doing: Coroutine[Any, Any, None]) -> None:
    await asyncio.sleep(seconds)
    await doing


async def _restart(broker: BrokerProcess, after: float) -> None:
    """Take a broker away for a moment, as a maintenance would."""
    await asyncio.sleep(after)
    await broker.stop()
    await asyncio.sleep(0.7)
    await broker.start()


def write(entries: tuple[WrittenEntry, ...], out: Path) -> None:
    """Write NDJSON, gzipped if the name ends in `.gz`; the same entries give the same bytes."""
    content = "".join(f"{entry.line}\n" for entry in entries).encode()
    out.write_bytes(gzip.compress(content, 9, mtime=0) if out.suffix == ".gz" else content)


def main() -> None:
    """Capture and say what was captured."""
    parser = argparse.ArgumentParser(prog="python -m bot.demo.capture", description="Capture the demo's log anew.")
    parser.add_argument("out", nargs="?", type=Path, default=logs_path(), help="the file; .gz is gzipped")
    out: Path = parser.parse_args().out
    entries = asyncio.run(capture(FULL))
    write(entries, out)
    kinds: Counter[str] = Counter()
    for entry in entries:
        value = json.loads(entry.line)
        kinds[f"{value['logName'].rpartition('%2F')[2]} {value.get('severity', 'without severity')}"] += 1
    sys.stdout.write(f"{out}: {len(entries)} entries, {out.stat().st_size} bytes\n")
    sys.stdout.writelines(f"{count:6} {kind}\n" for kind, count in sorted(kinds.items()))


if __name__ == "__main__":
    main()
