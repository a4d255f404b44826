"""A run of ten cycles that end in different ways, made by the real engine with a scripted model. See `made_once`."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import pytest

from bot.adapters.directory_store import DirectoryStore
from bot.adapters.scripted_model import ScriptedModel
from bot.app import App, Options
from bot.domain.asking import ModelReply, ModelRequest
from bot.domain.config import BotConfig
from bot.domain.errors import BotError, OutOfScript
from bot.domain.record import CycleRef
from bot.engine.retrying import set_back
from bot.engine.runs import wants_another
from bot.ports import Progress
from bot.progress import PlainProgress
from tests.fakes.repositories import commit_all, make_repository
from tests.once import once
from tests.ten_scripts import COUNTERS, SCENARIOS, Scenario

STATE = ".bot"
BEGAN = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
_TOML = """[repository]
name = "acme/shop"
path = "clone"
branch = "main"

[proof]
reruns = 1
mutants = 1

[service.redis]
address = "127.0.0.1:1"

[target.shop]
python = {python}
code = ["shop/**"]
tests = ["tests"]
pytest_args = ["--disable-plugin-autoload"]
"""
"""What is installed here for other tests takes five times as long to load as these take to run."""


def made_once(factory: pytest.TempPathFactory) -> Path:
    """The folder of `make`, made once for all workers of a test run. Nobody may change it."""
    return once(factory, "ten-cycles", make)


def make(folder: Path) -> None:
    """Fill a folder: the shop's repository in `clone/`, its log, and in `.bot/` the run of ten cycles.

    Three more runs of one cycle are beside it: one found an empty log, one was given up, one is paused since its script
    has no answer.
    """
    commit = _repository(folder / "clone")
    (folder / "log.ndjson").write_text("".join(f"{json.dumps(entry)}\n" for entry in _log(*commit)))
    (folder / "empty.ndjson").write_text("")
    (folder / "bot.toml").write_text(_TOML.format(python=json.dumps(sys.executable)))
    for number, scenario in enumerate(SCENARIOS, 1):
        scenario.write(folder / "scripts" / f"cycle-{number:02d}")
    (folder / "none" / "cycle-01").mkdir(parents=True)
    # What a kill may lose is other tests' matter.
    with mock.patch("os.fsync", return_value=None), _inside(folder):
        _run(10)
        _run(1, logs="empty.ndjson")
        _run(1, until="retrieve")
        _run(1, scripts="none")


def run_of(folder: Path) -> Path:
    """The folder of the run of ten cycles."""
    (found,) = {path.parent for path in (folder / STATE).glob("*/*/cycle-10")}
    return found


class _Clock:
    """The real time that passes, from another beginning, and with an hour between two cycles."""

    def __init__(self, began: datetime) -> None:
        self._began = began
        self._zero = time.monotonic()

    def now(self) -> datetime:
        return self._began + timedelta(seconds=time.monotonic() - self._zero)

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here waits")

    def an_hour_on(self) -> None:
        self._began += timedelta(hours=1)


class _Scripts:
    """The scripted model, with the script of the newest cycle of the state; the folders are named by number."""

    scripted = True

    def __init__(self, folder: Path, store: DirectoryStore) -> None:
        self._folder = folder
        self._store = store

    @property
    def name(self) -> str:
        return "script:ten-cycles"

    def ask(self, request: ModelRequest) -> ModelReply:
        return ScriptedModel(self._folder / f"cycle-{self._store.cycles()[-1].number:02d}").ask(request)


class _App(App):
    """The real one, but for who answers."""

    def model(self, name: str) -> _Scripts:
        return _Scripts(Path(name.removeprefix("script:")), self.store)


def _run(cycles: int, logs: str = "log.ndjson", until: str | None = None, scripts: str = "scripts") -> None:
    """Begin a run and bring it to its end; one that is to stop before is given up."""
    options = Options(
        focus="errors", logs=f"file:{logs}", model=f"script:{scripts}", sandbox="process", cycles=cycles, until=until,
        state=Path(STATE), config=Path("bot.toml"),
    )
    app = _App.open(options)
    clock = _Clock(BEGAN + timedelta(days=len({ref.run for ref in app.store.cycles()})))
    app.clock = clock
    with app.lock("ten cycles", 5), PlainProgress(io.StringIO()) as progress:
        ref = app.runs.begin(app.settings(options))
        scenarios = iter((*SCENARIOS, None) if cycles > 1 else (None,))
        while True:
            _cycle(app, ref, progress, next(scenarios))
            record = app.store.load(ref)
            if until is not None:
                app.runs.give_up(record)
            if not wants_another(record):
                return
            clock.an_hour_on()
            ref = app.runs.begin(record.settings, ref.number + 1, ref.run)


def _cycle(app: App, ref: CycleRef, progress: Progress, scenario: Scenario | None) -> None:
    """Run one cycle, as `bot cycle`, `bot resume` and `bot retry` do."""
    def run() -> None:
        app.runner(app.store.load(ref).settings, progress).run(ref)

    if scenario is None:
        with contextlib.suppress(OutOfScript):
            run()
        return
    usual = app.config
    app.config = _changed(usual, scenario)
    paused = ""
    try:
        run()
    except BotError as error:
        paused = error.family
        app.config = usual
        app.reopen(app.store.load(ref), None)
        run()
    assert paused == scenario.paused, app.store.load(ref).paused_because
    app.config = usual
    if scenario.again:
        set_back(app.store.load(ref), scenario.again, app.workflow, app.store, app.clock.now())
        run()


def _changed(config: BotConfig, scenario: Scenario) -> BotConfig:
    changes: dict[str, object] = {}
    for name, value in scenario.settings.items():
        if name == "proof":
            changes["proof"] = config.proof.model_copy(update=value)
        elif name == "python":
            target = config.target["shop"].model_copy(update={"python": value})
            changes["target"] = {"shop": target}
        else:
            changes["budget"] = config.budget.model_copy(update={"tokens_per_cycle": value})
    return config.model_copy(update=changes)


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _repository(clone: Path) -> tuple[str, str]:
    """Make it; return the commit before the last and the last, at which most of the log was written."""
    files = {path: content for counter in COUNTERS for path, content in counter.files.items()}
    first = make_repository(clone, {"shop/__init__.py": b"", ".gitignore": b".bot/\n", **files})
    (clone / "README.md").write_text("The shop.\n")
    return first, commit_all(clone, "Say what it is")


def _log(before: str, commit: str) -> Iterator[dict[str, object]]:
    """An hour: two revisions that start, and orders that fail at each counter, at the later one more often."""
    old, new = ("shop-00007-abc", before), ("shop-00008-def", commit)
    yield _entry("start-old-0", 0, "INFO", *old, "shop starting")
    yield _entry("start-new-0", 1_200, "INFO", *new, "shop starting")
    for place, counter in enumerate(COUNTERS):
        serves = counter.fill("serving {front}, the {back} opens later")
        failed = f"an order failed\n{counter.traceback}"
        at = 60 + 10 * place
        yield _entry(f"counter-{place}-old-0", at, "INFO", *old, serves)
        yield _entry(f"counter-{place}-old-1", at + 20, "ERROR", *old, failed)
        at += 1_240
        yield _entry(f"counter-{place}-new-0", at, "INFO", *new, serves)
        for number in range(3 + len(COUNTERS) - place):
            yield _entry(f"counter-{place}-new-{number + 1}", at + 20 + 97 * number, "ERROR", *new, failed)
    yield _entry("served-0", 3_600, "INFO", *new, "an order went through")


def _entry(name: str, second: int, severity: str, revision: str, commit: str, text: str) -> dict[str, object]:
    at = datetime(2026, 3, 2, 10, 0, tzinfo=UTC) + timedelta(seconds=second)
    place = hashlib.md5(name.rpartition("-")[0].encode(), usedforsecurity=False).hexdigest()
    return {
        "insertId": name, "timestamp": at.isoformat().replace("+00:00", "Z"), "severity": severity,
        "logName": "projects/acme-staging/logs/run.googleapis.com%2Fstderr",
        "resource": {"type": "cloud_run_revision", "labels": {
            "project_id": "acme-staging", "service_name": "shop", "revision_name": revision}},
        "trace": f"projects/acme-staging/traces/{place}",
        "labels": {"instanceId": place, "commit-sha": commit},
        "jsonPayload": {"message": text, "logger": "shop"},
    }
