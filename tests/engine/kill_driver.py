"""Runs the demo cycle in processes that are killed, each at a point of its own, until one comes through.

Usage: python -m tests.engine.kill_driver STATE LEDGER SHARD OF

A point is a phase of a durable write: with the temporary file written but not yet in place (which is "before"),
and in place. A write of the record is named by what it says, so that a point is the same point in every process.
Each is killed at exactly once: the ledger, written before the kill, remembers. Points are shared out among OF
drivers by hash, so that they can run side by side. With OF 0 nothing is killed, and the ledger lists all points.

The parent imports everything and forks, so that a killed process costs milliseconds and not a start-up.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import bot.audit.examine
import bot.proof.guard  # noqa: F401 - both are loaded late by their steps: once here, not in each child
from bot.adapters.git_workspace import GitWorkspace
from bot.adapters.scripted_model import ScriptedModel
from bot.app import App, Options
from bot.domain.asking import ModelReply, ModelRequest
from bot.domain.errors import BotError
from bot.progress import PlainProgress
from bot.proof.proving import _Proving

DERIVED = {"status.md", "incident.md", "plan.md", "audit.md", "execution.md", "proof.md", "run.md"}
"""The documents, which are rendered from the record."""

ONE_OF_MANY = re.compile(r"/(?:junit|logs|runs|code)/")
KILLED_AT = re.compile(
    r"/(?:code/router/__main__|(?:junit|logs|runs)/audit-1|runs/(?:base-1|proof-base-1|proof-without-1))\."
)
"""Files of which there are many, and at which the process is killed: one file of the code, all of one run, and the
record of the first run of each kind.

The others are kept by the same lines, and a kill at each would do its whole step again: minutes for nothing new.
"""


class FixedClock:
    """Time stands still, so that two runs differ in nothing but what was killed."""

    def now(self) -> datetime:
        return datetime(2025, 11, 7, 8, 15, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing in the demo waits")


class Ledger:
    """What was killed and what was asked, in a file that survives."""

    def __init__(self, path: Path, shard: int, of: int) -> None:
        self._path = path
        self._shard = shard
        self._of = of

    def lines(self) -> list[str]:
        return self._path.read_text().splitlines() if self._path.exists() else []

    def write(self, line: str) -> None:
        with self._path.open("a") as stream:
            stream.write(f"{line}\n")
            stream.flush()
            os.fsync(stream.fileno())

    def reach(self, point: str) -> None:
        """Die here, unless somebody died here before or the point is another shard's."""
        if self._of == 0:
            self.write(f"point {point}")
        elif shard_of(point, self._of) == self._shard and f"kill {point}" not in self.lines():
            self.write(f"kill {point}")
            os.kill(os.getpid(), signal.SIGKILL)


def shard_of(point: str, of: int) -> int:
    """Which driver kills at a point."""
    return int(hashlib.sha256(point.encode()).hexdigest(), 16) % of


def said_by(content: bytes) -> str:
    """A write of the record by what it says: how far the cycle is, and what was published."""
    record = json.loads(content)["record"]
    steps = record["steps"]
    last = steps[-1] if steps else {"step": "none", "attempt": 0, "status": "none", "effects": []}
    published = sum(1 for step in steps for effect in step["effects"] if effect["receipt"] is not None)
    return (
        f"{len(steps)} steps, {last['step']} {last['attempt']} {last['status']}, {published} published, "
        f"{record['status']}"
    )


def not_worth_a_kill(name: str) -> bool:
    """Whether a file is kept as another one is."""
    return ONE_OF_MANY.search(name) is not None and KILLED_AT.search(name) is None


def arm(state: Path, ledger: Ledger) -> None:
    """Put the points into the durable writes, and the model's calls into the ledger."""
    reached = {"record": "nothing"}
    for path in state.glob("*/*/cycle-*/record.json"):
        reached["record"] = said_by(path.read_bytes())
    replace = Path.replace

    def replaced(self: Path, target: Path) -> Path:
        name = str(Path(target).resolve().relative_to(state))
        if Path(name).name in {"lock.holder", ".gitignore"} or name.startswith("demo/") or not_worth_a_kill(name):
            return replace(self, target)
        if name.endswith("record.json"):
            reached["record"] = said_by(self.read_bytes())
        # A document is written again after every step, in one way.
        point = name if Path(name).name in DERIVED else f"{name} at {reached['record']}"
        ledger.reach(f"{point}: written, not in place")
        done = replace(self, target)
        if "/exchanges/" in name:
            ledger.write(f"stored {Path(name).stem}")
        # Documents are rendered anew from the record; run files are made anew with their step.
        if Path(name).name not in DERIVED and "/junit/" not in name and "/logs/" not in name:
            ledger.reach(f"{point}: in place")
        return done

    set_branch = GitWorkspace.set_branch
    ask = ScriptedModel.ask

    def moved(self: GitWorkspace, branch: str, commit: str) -> None:
        ledger.reach(f"branch {branch}: before")
        set_branch(self, branch, commit)
        ledger.reach(f"branch {branch}: done")

    def asked(self: ScriptedModel, request: ModelRequest) -> ModelReply:
        ledger.write(f"asked {request.digest()}")
        return ask(self, request)

    # A fix without one of its parts may wait for ten seconds: whether it is ended before is a matter of the machine.
    _Proving.patience = None  # type: ignore[method-assign,assignment]
    Path.replace = replaced  # type: ignore[method-assign,assignment]
    GitWorkspace.set_branch = moved  # type: ignore[method-assign,assignment]
    ScriptedModel.ask = asked  # type: ignore[method-assign]


def cycle(state: Path) -> None:
    """What `bot cycle --demo` does, on a clock that stands still and with one rerun."""
    options = Options(focus="message-routing", demo=True, state=state)
    app = App.open(options)
    app.clock = FixedClock()
    proof = app.config.proof.model_copy(update={"reruns": 1, "mutants": 0})
    app.config = app.config.model_copy(update={"proof": proof})
    settings = app.settings(options)
    with app.lock("kill driver", 5), PlainProgress(sys.stderr) as progress:
        interrupted = app.runs.interrupted(settings)
        if interrupted is not None:
            app.run(interrupted.ref, progress)
        elif not app.store.cycles():
            app.run(app.runs.begin(settings), progress)


def until_through(run: Callable[[], None], most: int = 3_000) -> int:
    """Fork a child that runs, as often as one is killed, until one comes through: its exit code; 6 if none does."""
    for _ in range(most):
        child = os.fork()
        if child == 0:
            try:
                run()
            except BotError as error:
                sys.stderr.write(f"{error.family}: {error}\n")
                os._exit(3)
            except BaseException:  # noqa: BLE001 - a forked child must not run on as its parent
                traceback.print_exc()
                os._exit(4)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            return os.WEXITSTATUS(status)
        if os.WTERMSIG(status) != signal.SIGKILL:
            return 5
    return 6


def main() -> int:
    state, path, shard, of = Path(sys.argv[1]).resolve(), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    ledger = Ledger(path, shard, of)

    def child() -> None:
        arm(state, ledger)
        cycle(state)

    return until_through(child)


if __name__ == "__main__":
    sys.exit(main())
