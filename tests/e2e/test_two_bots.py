"""Two bots that find the same incident at the same instant end with one open issue; the other is its duplicate."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from bot.domain.effects import markers_in
from tests.e2e.command import environment
from tests.e2e.github_cycle import live
from tests.e2e.github_faults import ENVIRON, Office
from tests.e2e.warm import Warm
from tests.fakes.github_api import Fault, GitHub
from tests.once import once

pytestmark = pytest.mark.slow

ROUNDS = 2
RUNS = ("20261107T081500Z-0a1b2c", "20261107T081500Z-3d4e5f")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "live-on-github", live)


def meet(hub: GitHub) -> threading.Barrier:
    """Hold both back just before they make the issue."""
    both = threading.Barrier(2, timeout=60)
    hub.faults.append(Fault("POST", "/issues$", times=2, how="pass", act=both.wait))
    return both


def publish(office: Office, server: Warm, run: str) -> tuple[int, str]:
    """`bot publish` of one run, in a process of its own: its exit code, and what it said."""
    file, state = office.fresh(run, run), office.home / f".bot-{run}"
    arguments = ("publish", str(file), "--state", str(state))
    code, out, err = server.run(arguments, office.home, environment(**ENVIRON), None, 120)
    return code, (out + err).decode()


def test_two_bots_at_the_same_instant(made: Path, tmp_path: Path) -> None:
    office = Office(made, tmp_path)
    servers = Warm(), Warm()
    with office.hub() as hub, ThreadPoolExecutor(2) as pool:
        office.configure(hub)
        for number in range(1, ROUNDS + 1):
            hub.issues.clear()
            hub.comments.clear()
            both = meet(hub)
            said = list(pool.map(partial(publish, office), servers, RUNS))
            assert [code for code, _ in said] == [0, 0], said
            assert not both.broken
            assert sum(fault.times for fault in hub.faults) == 0, "both made one"
            opened = [one for one, kept in hub.issues.items() if kept["state"] == "open"]
            closed = [one for one, kept in hub.issues.items() if kept["state"] == "closed"]
            assert (opened, closed) == ([min(hub.issues)], [max(hub.issues)]), number
            assert len(hub.issues) == 2
            (one,), (other,) = opened, closed
            assert hub.issues[other]["state_reason"] == "duplicate"
            keys = {key for key in markers_in(hub.issues[one]["body"]) if key.startswith("issue ")}
            assert len(keys) == 1
            assert not keys & markers_in(hub.issues[other]["body"]), "the next cycle finds the one"
            told = [kept["body"] for kept in hub.comments.values() if kept["issue"] == other]
            assert [f"Duplicate of #{one}" in body for body in told] == [True]
            # Each has its own comment on the one that stays.
            mine = [markers_in(kept["body"]) for kept in hub.comments.values() if kept["issue"] == one]
            assert len(mine) == 2
            assert all(sum(run in key for keys in mine for key in keys) == 1 for run in RUNS)
