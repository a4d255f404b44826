"""A small service with a real defect, its repository, its log and whatever must not get out of them.

Test data and a way to run the real command over them, in this process, with a model of the test's own.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot import cli
from bot.app import App
from bot.domain.record import CycleRecord
from bot.ports import Model
from tests.fakes.repositories import commit_all, git, make_repository

Entry = dict[str, Any]

STOCK = '''"""The stock of the shop."""


class StockClosed(Exception):
    """The stock was asked before it was opened."""


class Stock:
    """Counts of items."""

    def __init__(self) -> None:
        self._counts: dict[str, int] | None = None

    def open(self, counts: dict[str, int]) -> None:
        """Take the counts over."""
        self._counts = dict(counts)

    def reserve(self, item: str, amount: int) -> int:
        """Take some of an item and return what is left."""
        if self._counts is None:
            raise StockClosed("stock is closed")
        self._counts[item] -= amount
        return self._counts[item]
'''
ORDERS = '''"""Takes orders."""
import logging

from shop.stock import Stock

logger = logging.getLogger("shop.orders")


class Orders:
    """Orders from the stock."""

    def __init__(self, stock: Stock) -> None:
        self._stock = stock

    def start(self, counts: dict[str, int]) -> None:
        """Begin to serve."""
        logger.info("serving orders, the stock opens later")

    def place(self, item: str, amount: int) -> int:
        """Place an order and return what is left of the item."""
        return self._stock.reserve(item, amount)
'''
OWN_TEST = '''from shop.stock import Stock


def test_what_is_reserved_is_gone() -> None:
    stock = Stock()
    stock.open({"tea": 3})
    assert stock.reserve("tea", 1) == 2
'''
FILES = {
    "shop/__init__.py": "", "shop/stock.py": STOCK, "shop/orders.py": ORDERS, "tests/test_stock.py": OWN_TEST,
    ".gitignore": "ignored/\n*.local\n",
}
TRACEBACK = '''Traceback (most recent call last):
  File "/app/shop/orders.py", line 21, in place
    return self._stock.reserve(item, amount)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/app/shop/stock.py", line 21, in reserve
    raise StockClosed("stock is closed")
shop.stock.StockClosed: stock is closed'''

OUTSIDE = {
    name: f"canary-{name}-5e7d1c" for name in (
        "outside", "environment-file", "git-config", "git-hook", "ignored", "uncommitted", "later", "other-branch",
        "process-environment", "home", "neighbour", "key", "secret-settings", "not-text", "submodule",
    )
}
"""What no tool may show, one mark for each place."""

SECRETS = {
    "github": "ghp_" + "Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0FeDcBa",
    "google": "AIza" + "SyB4k9XcQ7m2Wf8Tn3Lp6Rv1Zs5Yh0Jd2Ge",
    "aws": "AKIA" + "Q3EGZ7N5PLKX2WVT",
    "slack": "xoxb-" + "123456789012-123456789012-AbCdEfGhIjKlMnOpQrStUvWx",
    "stripe": "sk" + "_live_" + "Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2",
    "jwt": "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiJmaXJzdC1tYXRlIn0.Wm9vLXdoYXQtYS1zaWduYXR1cmUtaXQtaXM0Mg",
    "email": "first.mate@" + "harbour-crew.example",
    "url": "postgres://harbour:" + "Tr0ub4dor-and-3" + "@10.0.0.5/app",
}
TELLING = {**SECRETS, "url": "Tr0ub4dor-and-3"}
"""The part of each that must not be found anywhere."""
SECRET_LINE = " ".join(SECRETS.values())

PYTHON = sys.executable
TARGET = "shop"
BOT_TOML = f"""[repository]
name = "acme/shop"
path = "clone"

[proof]
reruns = 1
mutants = 1

[target.{TARGET}]
python = "{PYTHON}"
code = ["shop/**"]
tests = ["tests"]
pytest_args = ["--disable-plugin-autoload"]
"""


def base_log(commit: str) -> list[Entry]:
    """The log of the shop: it begins to serve, orders fail, one goes through after a restart."""
    first, second = "a1" * 16, "b2" * 16
    rows: list[tuple[str, str, str, str, str]] = [
        ("start-1", "INFO", "10:00:00.100", first, "shop starting"),
        ("serving-1", "INFO", "10:00:00.900", first, "serving orders, the stock opens later"),
    ]
    rows += [(f"fail-{number}", "ERROR", f"10:00:{number + 2:02d}.500", first, f"order {number} failed\n{TRACEBACK}")
             for number in range(1, 5)]
    rows += [("late-1", "WARNING", "10:00:07.000", first, "the stock is slow"),
             ("start-2", "INFO", "10:01:00.000", second, "shop starting")]
    return [_entry(commit, *row) for row in rows]


def _entry(commit: str, name: str, severity: str, at: str, instance: str, text: str) -> Entry:
    return {
        "insertId": name, "timestamp": f"2026-03-02T{at}Z", "severity": severity,
        "logName": "projects/acme-staging/logs/run.googleapis.com%2Fstderr",
        "resource": {"type": "cloud_run_revision", "labels": {
            "project_id": "acme-staging", "service_name": TARGET, "revision_name": f"{TARGET}-00007-abc"}},
        "labels": {"instanceId": instance, "commit-sha": commit},
        "trace": "projects/acme-staging/traces/0af7651916cd43dd8448eb211c80319c",
        "jsonPayload": {"message": text, "logger": "shop.orders"},
    }


class World:
    """A folder with the shop's repository and everything around it that must not get out.

    `files` are added to the repository, `message` is that of the commit that ran; what runs is not the branch's head.
    """

    def __init__(self, at: Path, files: Mapping[str, str] | None = None, message: str = "Sell tea",
                 links: Mapping[str, str] | None = None) -> None:
        self.at = at
        self.clone = at / "clone"
        secret = f"# left here by mistake: {SECRET_LINE}\n"
        given = {**FILES, "shop/settings.py": f"{secret}ITEMS = 3\n",
                 ".env": f"GREETING={OUTSIDE['environment-file']}\n", "deploy/id_rsa": OUTSIDE["key"],
                 "config/secrets.yaml": f"a: {OUTSIDE['secret-settings']}\n", **(files or {})}
        at.mkdir(parents=True, exist_ok=True)
        (at / "outside.txt").write_text(OUTSIDE["outside"])
        (at / "neighbour").mkdir()
        (at / "neighbour" / "notes.txt").write_text(OUTSIDE["neighbour"])
        self.home = at / "home"
        (self.home / ".ssh").mkdir(parents=True)
        (self.home / ".ssh" / "id_rsa").write_text(OUTSIDE["home"])
        make_repository(self.clone, {"shop/__init__.py": b"", "README.md": b"The shop.\n"})
        for path, text in given.items():
            (self.clone / path).parent.mkdir(parents=True, exist_ok=True)
            (self.clone / path).write_text(text)
        for name, goal in {"outside": str(at / "outside.txt"), "environ": "/proc/self/environ", "up": "..",
                           "shop/gitconfig": "../.git/config", **(links or {})}.items():
            (self.clone / name).symlink_to(goal)
        (self.clone / "ignored").mkdir()
        (self.clone / "ignored" / "dump.txt").write_text(OUTSIDE["ignored"])
        (self.clone / "image.bin").write_bytes(b"\x89PNG\0\xff\xfe" + OUTSIDE["not-text"].encode())
        git(self.clone, "add", "--force", "ignored")
        self.commit = commit_all(self.clone, message)
        git(self.clone, "checkout", "--quiet", "-b", "other")
        (self.clone / "other.py").write_text(f"x = '{OUTSIDE['other-branch']}'\n")
        commit_all(self.clone, "Elsewhere")
        git(self.clone, "checkout", "--quiet", "main")
        (self.clone / "later.py").write_text(f"x = '{OUTSIDE['later']}'\n")
        self.head = commit_all(self.clone, "Later")
        (self.clone / "draft.py").write_text(f"x = '{OUTSIDE['uncommitted']}'\n")
        git(self.clone, "config", "user.secret", OUTSIDE["git-config"])
        (self.clone / ".git" / "hooks").mkdir(exist_ok=True)
        hook = self.clone / ".git" / "hooks" / "post-checkout"
        hook.write_text(f"#!/bin/sh\n# {OUTSIDE['git-hook']}\ntouch '{at / 'hook-ran'}'\n")

    @property
    def refs(self) -> dict[str, str]:
        """All refs of the repository and what they point at."""
        lines = git(self.clone, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return {name: sha for name, _, sha in (line.partition(" ") for line in lines)}


@dataclass(frozen=True)
class Ran:
    """A command that was run: how it ended, what it printed, and where it worked."""

    code: int
    out: str
    err: str
    state: Path
    world: World
    log: bytes

    @property
    def records(self) -> tuple[CycleRecord, ...]:
        """The records of its state, oldest first."""
        bodies = [json.loads(path.read_text())["record"] for path in sorted(self.state.glob("*/*/cycle-*/record.json"))]
        return tuple(sorted((CycleRecord.model_validate(body) for body in bodies), key=lambda one: one.created_at))

    @property
    def record(self) -> CycleRecord:
        """The newest record."""
        return self.records[-1]


def run(world: World, folder: Path, log: bytes, model: Model, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str], *more: str, toml: str = BOT_TOML,
        prepare: Callable[[], None] = lambda: None) -> Ran:
    """Run `bot cycle` as the command line does, here, with this model; the state lies in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    clone = json.dumps(str(world.clone))
    (folder / "bot.toml").write_text(toml.replace('"clone"', clone))
    (folder / "log.ndjson").write_bytes(log)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(world.home))
    monkeypatch.setenv("WHYBOT_TOKEN", OUTSIDE["process-environment"])
    monkeypatch.setattr(App, "model", lambda self, name: model)
    # What a kill may lose is another test's matter, and waiting for the disk is half of the time here.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    arguments = ["bot", "cycle", "--focus", "errors", "--logs", "file:log.ndjson", "--model", "script:obedient",
                 "--sandbox", "process", *more]
    monkeypatch.setattr(sys, "argv", arguments)
    prepare()
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    code = ended.value.code
    return Ran(code if isinstance(code, int) else 0, said.out, said.err, folder / ".bot", world, log)


def as_lines(entries: list[Entry]) -> bytes:
    """Entries as a log file holds them. What is no Unicode is escaped, as a logger writes it."""
    return b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)
