"""A small service with one mistake made nine times, its log, and what a scripted model answers about each.

Each counter of the shop serves before what it draws from is open. What the model answers decides how a cycle ends.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Answer = dict[str, Any]

_BACK = '''"""The {back} of the shop."""


class {Back}Closed(Exception):
    """The {back} was asked before it was opened."""


class {Back}:
    """Counts of items."""

    def __init__(self) -> None:
        self._counts: dict[str, int] | None = None

    def open(self, counts: dict[str, int]) -> None:
        """Take the counts over."""
        self._counts = dict(counts)

    def draw(self, item: str, amount: int) -> int:
        """Take some of an item and return what is left."""
        if self._counts is None:
            raise {Back}Closed("{back} is closed")
        self._counts[item] -= amount
        return self._counts[item]
'''
_CHANCE = """        if self._counts is None and next(iter({"north", "south"})) == "south":
            self.open({item: 3})
"""
"""Of one counter: which door is tried first depends on the order of a set, and so on the seed of a run."""
_FRONT = '''"""Serves {front}."""
import logging

from shop.{back} import {Back}

logger = logging.getLogger("shop.{front}")


class {Front}:
    """Serves from the {back}."""

    def __init__(self, {back}: {Back}) -> None:
        self._{back} = {back}

    def start(self, counts: dict[str, int]) -> None:
        """Begin to serve."""
        logger.info("serving {front}, the {back} opens later")

    def place(self, item: str, amount: int) -> int:
        """Place an order and return what is left of the item."""
        return self._{back}.draw(item, amount)
'''
_OWN = '''from shop.{back} import {Back}


def test_what_is_drawn_is_gone() -> None:
    {back} = {Back}()
    {back}.open({{"tea": 3}})
    assert {back}.draw("tea", 1) == 2
'''
_TRACEBACK = '''Traceback (most recent call last):
  File "/app/shop/{front}.py", line {place}, in place
    return self._{back}.draw(item, amount)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/app/shop/{back}.py", line {line}, in draw
    raise {Back}Closed("{back} is closed")
shop.{back}.{Back}Closed: {back} is closed'''
_TEST = '''from shop.{back} import {Back}
from shop.{front} import {Front}


def test_an_order_after_the_start() -> None:
    {front} = {Front}({Back}())
    {front}.start({{"tea": 3}})
    assert {front}.place("tea", 1) == 2
'''
_WEAK = '''import time

from shop.{back} import {Back}


def test_an_order_after_the_start() -> None:
    time.sleep(0.01)
    assert {Back}() is not None
'''
_WITH_REDIS = '''import socket

from shop.{back} import {Back}
from shop.{front} import {Front}


def test_an_order_after_the_start() -> None:
    with socket.create_connection(("127.0.0.1", 1), timeout=1) as redis:
        redis.sendall(b"FLUSHALL")
    {front} = {Front}({Back}())
    {front}.start({{"tea": 3}})
    assert {front}.place("tea", 1) == 2
'''
_NO_TEST = '''def test_an_order_after_the_start() -> None:
    print("it works")
'''

_SERVES = '        logger.info("serving {front}, the {back} opens later")\n'
_DRAWS = "        return self._{back}.draw(item, amount)\n"


@dataclass(frozen=True)
class Counter:
    """One counter of the shop: what it is called, and what it draws from."""

    back: str
    front: str
    chance: bool = False

    def fill(self, text: str, **more: object) -> str:
        """A text about this counter."""
        return text.format(back=self.back, Back=self.back.title(), front=self.front, Front=self.front.title(), **more)

    @property
    def files(self) -> dict[str, bytes]:
        """Its code and its own test."""
        back = self.fill(_BACK)
        if self.chance:
            back = back.replace("        if self._counts is None:\n", f"{_CHANCE}        if self._counts is None:\n")
        texts = {f"shop/{self.back}.py": back, f"shop/{self.front}.py": self.fill(_FRONT),
                 f"tests/test_{self.back}.py": self.fill(_OWN)}
        return {path: text.encode() for path, text in texts.items()}

    @property
    def traceback(self) -> str:
        """What is logged when it fails."""
        files = {path: content.decode().split("\n") for path, content in self.files.items()}
        place = next(at for at, line in enumerate(files[f"shop/{self.front}.py"], 1) if "return self._" in line)
        line = next(at for at, line in enumerate(files[f"shop/{self.back}.py"], 1) if "raise " in line)
        return self.fill(_TRACEBACK, place=place, line=line)

    def whys(self, *, cited: bool = True) -> Answer:
        """Three whys and the cause; without quotes, none that the evidence supports."""
        back, front = f"shop/{self.back}.py", f"shop/{self.front}.py"
        later = self.fill("serving {front}, the {back} opens later")
        raised = self.fill('raise {Back}Closed("{back} is closed")')
        whys: list[Answer] = [
            {"statement": self.fill("Placing the order fails because the {back} is closed."),
             "citations": [{"$log": self.fill("{back} is closed")}],
             "ruled_out": [{"hypothesis": self.fill("The {back} was closed by somebody."),
                            "against": "Nothing in the class closes it.", "citations": [{"$code": [back, raised]}]}]},
            {"statement": self.fill("draw raises {Back}Closed."), "citations": [{"$code": [back, raised]}]},
            {"statement": self.fill("start serves {front} while the {back} opens later."),
             "citations": [{"$log": later}, {"$code": [front, later]}]},
        ]
        if not cited:
            whys = [{**why, "citations": []} for why in whys[:1]]
        cause: Answer = {
            "statement": self.fill("start serves {front} and leaves the {back} closed."),
            "mechanism": self.fill("start serves {front}, and the {back} opens later."),
            "trigger": self.fill("An order before the {back} opens."),
            "suspects": [{"path": front, "function": self.fill("{Front}.start")},
                         {"path": back, "function": self.fill("{Back}.draw")}],
            "not_caught": "Its own test opens it first.",
        }
        return {
            "whys": whys, "root_cause": cause if cited else None, "ruled_out": [],
            "remediation": {"immediate": "Restart it.", "short_term": "Open it in start.", "long_term": "A check."},
        }

    def plan(self, service: str = "") -> Answer:
        """One test; one that needs a service, if that is named."""
        expectation = {"failure": "exception", "exception": self.fill("{Back}Closed"),
                       "message": self.fill("{back} is closed"),
                       "reaches": {"path": f"shop/{self.back}.py", "function": self.fill("{Back}.draw")}}
        level = "integration" if service else "unit"
        test = {"name": "test_an_order_after_the_start", "path": self.test_path, "level": level,
                "difficulty": "normal", "purpose": self.fill("An order right after the start of {front}."),
                "expectation": expectation, "services": [service] if service else []}
        return {"summary": self.fill("Start {front} and order."), "tests": [test],
                "pass_criteria": ["The order goes through."], "risks": []}

    @property
    def test_path(self) -> str:
        """Where the new test stands."""
        return f"tests/test_{self.front}_start.py"

    def tests(self, text: str = _TEST) -> Answer:
        """The test file."""
        return {"files": [{"path": self.test_path, "content": self.fill(text) if text is not _NO_TEST else text}]}

    def fix(self) -> Answer:
        """The cure: start opens what it draws from."""
        serves = self.fill(_SERVES)
        opens = self.fill("        self._{back}.open(counts)\n")
        return {"summary": self.fill("start opens the {back} before it serves."),
                "edits": [{"path": f"shop/{self.front}.py", "find": serves, "replace": opens + serves}]}

    def swallow(self) -> Answer:
        """No cure: the exception is caught."""
        draws = self.fill(_DRAWS)
        caught = f"        try:\n    {draws}        except Exception:\n            return 2\n"
        return {"summary": self.fill("place returns what is left although the {back} is closed."),
                "edits": [{"path": f"shop/{self.front}.py", "find": draws, "replace": caught}]}

    def late(self) -> Answer:
        """No cure: start keeps the counts and opens nothing."""
        serves = self.fill(_SERVES)
        keeps = "        self._counts = dict(counts)\n"
        return {"summary": self.fill("start keeps the counts for the {back}."),
                "edits": [{"path": f"shop/{self.front}.py", "find": serves, "replace": keeps + serves}]}


@dataclass(frozen=True)
class Scenario:
    """How a cycle is to go: the counter whose incident it is, and the answers by file name of its script.

    `settings` are changed while it runs for the first time, as bot.toml could be; where `paused` names the family of an
    error, it is paused by that, and goes on with the settings of all. `again` names a step that it is set back to once
    it is over.
    """

    counter: Counter
    answers: Mapping[str, Answer]
    settings: Mapping[str, Any] = field(default_factory=dict)
    paused: str = ""
    again: str = ""

    def write(self, folder: Path) -> None:
        """The script's files."""
        folder.mkdir(parents=True)
        for name, answer in self.answers.items():
            (folder / f"{name}.json").write_text(json.dumps(answer))


def _upto_tests(counter: Counter) -> dict[str, Answer]:
    return {"five_whys.1": counter.whys(), "plan.1": counter.plan(), "write_tests.1": counter.tests()}


def _without_redis(counter: Counter) -> dict[str, Answer]:
    return {"five_whys.1": counter.whys(), "plan.1": counter.plan("redis"),
            **_three("write_tests", *(counter.tests(_WITH_REDIS),) * 3)}


def _three(step: str, *answers: Answer) -> dict[str, Answer]:
    return {f"{step}.{attempt}": answer for attempt, answer in enumerate(answers, 1)}


STOCK, TILL, MAIL, DEPOT, STAMPS, RETURNS, LEDGER, POINTS, KILN = COUNTERS = (
    Counter("stock", "orders"), Counter("till", "payments"), Counter("mail", "receipts"),
    Counter("depot", "deliveries", chance=True), Counter("stamps", "parcels"), Counter("returns", "refunds"),
    Counter("ledger", "invoices"), Counter("points", "rewards"), Counter("kiln", "cups"),
)

SCENARIOS: tuple[Scenario, ...] = (
    # A fix is proposed, at the second attempt at the tests.
    Scenario(STOCK, {**_upto_tests(STOCK), **_three("write_tests", STOCK.tests(_WEAK), STOCK.tests()),
                     "fix.1": STOCK.fix()}),
    # The fix guard rejects each fix.
    Scenario(TILL, {**_upto_tests(TILL), **_three("fix", TILL.swallow(), TILL.swallow(), TILL.swallow())}),
    # The audit rejects all tests.
    Scenario(MAIL, {**_upto_tests(MAIL),
                    **_three("write_tests", MAIL.tests(_WEAK), MAIL.tests(_NO_TEST), MAIL.tests(_WEAK))}),
    # The second run of the tests comes out otherwise than the first.
    Scenario(DEPOT, _upto_tests(DEPOT), settings={"proof": {"reruns": 2}}),
    # Nothing is quoted; set back to the whys once, to no avail.
    Scenario(STAMPS, _three("five_whys", STAMPS.whys(cited=False), STAMPS.whys(cited=False)), again="five_whys"),
    # The proof fails, then the guard stops two more.
    Scenario(RETURNS, {**_upto_tests(RETURNS),
                       **_three("fix", RETURNS.late(), RETURNS.swallow(), RETURNS.swallow())}),
    # A service does not answer: the tests are not run.
    Scenario(LEDGER, _without_redis(LEDGER)),
    # The target's interpreter is missing; mended, and then nothing can be run either, for the service is missing, too.
    Scenario(POINTS, _without_redis(POINTS), settings={"python": "missing/bin/python"}, paused="target"),
    # The budget is spent before the plan; raised, and then a fix is proposed.
    Scenario(KILN, {**_upto_tests(KILN), "fix.1": KILN.fix()}, settings={"tokens": 34_000}, paused="budget"),
)
"""Cycles 1 to 9; the tenth finds nothing left to work on."""
