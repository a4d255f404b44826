"""One way through a function: what it passed, where it turned, how it was left."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from bot.audit.reading.checks import handler_names
from bot.audit.reading.constants import Constant

BROAD = frozenset({"Exception", "BaseException"})
MOST_STATES = 64
"""More paths than that side by side are not followed."""

TurnKind = Literal["if", "loop", "while", "case", "caught", "passed", "suppressed"]
Leave = Literal["return", "break", "continue", "skip"]


@dataclass(frozen=True)
class Turn:
    """One place where a run may go different ways, and the way that a path goes.

    `caught`: by the handler `node`, after `cause` (an assertion or a call) raised; `passed`: the `try` raised nothing.
    `loop` and `while` are untaken where the body never runs. `of` is the statement that parts the ways. `run` says
    that the run decides, not a parameter or the host; `at` is how many assertions the path had passed before.
    """

    node: ast.AST
    kind: TurnKind
    taken: bool = True
    run: bool = True
    cause: ast.AST | None = None
    asserted: bool = False
    at: int = 0
    of: ast.AST | None = None

    def parts_from(self, other: Turn) -> bool:
        """Whether two turns are different ways at one statement."""
        one, two = self.of or self.node, other.of or other.node
        return one is two and (self.node, self.taken) != (other.node, other.taken)


@dataclass(frozen=True)
class Path:
    """What one way has done so far. `checks` are the assertions it passed, in their order; `claims` what it printed.

    `settled` are those of them that could not fail on this path, by what it had set before.
    """

    checks: tuple[ast.AST, ...] = ()
    turns: tuple[Turn, ...] = ()
    settled: tuple[ast.AST, ...] = ()
    claims: tuple[ast.AST, ...] = ()
    names: frozenset[tuple[str, Constant]] = frozenset()
    known: frozenset[tuple[str, bool]] = frozenset()

    @property
    def plain(self) -> Path:
        """It without its turns."""
        return replace(self, turns=()) if self.turns else self

    def after(self, check: ast.AST) -> Path:
        """It with one more assertion passed."""
        return self if check in self.checks else replace(self, checks=(*self.checks, check))

    def settling(self, check: ast.AST) -> Path:
        """It with one more assertion passed that could not fail."""
        return self if check in self.checks else replace(self.after(check), settled=(*self.settled, check))

    def via(self, turn: Turn) -> Path:
        """It after a turn."""
        return replace(self, turns=(*self.turns, turn))

    def without(self, names: Iterable[str]) -> Path:
        """It with nothing known about some names."""
        gone = set(names)
        if not gone or not (self.names or self.known):
            return self
        return replace(
            self,
            names=frozenset(item for item in self.names if item[0] not in gone),
            known=frozenset(item for item in self.known if not gone & set(item[0].split(" ")[1].split(","))),
        )

    @property
    def later(self) -> Path:
        """It after code that may change objects: what is known of their attributes and items is gone."""
        if not self.known:
            return self
        return replace(self, known=frozenset(item for item in self.known if item[0].startswith("name ")))


@dataclass(frozen=True)
class Raised:
    """What a statement may raise: an assertion's error, pytest's Failed, a named exception, or anything (a call's)."""

    kind: Literal["assertion", "fail", "explicit", "call"]
    cause: ast.AST
    name: str = ""
    outright: bool = False
    """Whether it is raised whenever its statement is reached."""


@dataclass(frozen=True, eq=False)
class Paths:
    """The ways through a function.

    `green` end without a failure, `skipped` in a skip. `escaping` are the assertions whose failure the caller sees,
    `fallible` those that the text does not decide, `arranging` those that only guard what the test sets up. `reached`
    are the statements that some path enters, `dead` what ends paths outright. Not `complete`: there were too many
    paths, and nothing here is all of its kind.
    """

    green: tuple[Path, ...] = ()
    skipped: tuple[Path, ...] = ()
    escaping: frozenset[ast.AST] = frozenset()
    fallible: frozenset[ast.AST] = frozenset()
    reached: frozenset[ast.AST] = frozenset()
    arranging: frozenset[ast.AST] = frozenset()
    dead: tuple[Raised, ...] = ()
    complete: bool = True


class TooMany(Exception):
    """More paths than are followed."""


@dataclass(eq=False)
class Out:
    """How statements may be left, other than to the next one."""

    left: list[tuple[Leave, Path]] = field(default_factory=list)
    raised: list[tuple[Path, Raised]] = field(default_factory=list)

    def take(self, other: Out) -> None:
        """Leave as another does."""
        self.left += other.left
        self.raised += other.raised


def picture(path: Path) -> Path:
    """A path as it is compared with others: what it did, and not how it came to it."""
    return replace(path, turns=(), known=frozenset())


def catches(handler: ast.ExceptHandler, raised: Raised) -> bool | None:
    """Whether a handler catches something: for certain, never, or perhaps (None)."""
    if handler.type is not None and "fail.Exception" in ast.unparse(handler.type):
        return raised.kind == "fail"
    return matches(handler_names(handler), raised)


def matches(names: frozenset[str], raised: Raised) -> bool | None:
    """Whether an exception is one of these names: for certain, never, or perhaps (None)."""
    if raised.kind == "assertion" or raised.name == "AssertionError":
        return bool(names & {"AssertionError", *BROAD})
    if raised.kind == "fail":
        return bool(names & {"BaseException", "Failed", "OutcomeException"})
    if raised.kind == "call":
        # A call may raise AssertionError, but whoever catches only that does so for an assertion.
        return None if names - {"AssertionError"} else False
    if raised.name in names or names & BROAD:
        return True
    made = getattr(builtins, raised.name, None)
    wanted = [getattr(builtins, name, None) for name in names]
    if isinstance(made, type) and all(isinstance(item, type) for item in wanted):
        return any(isinstance(item, type) and issubclass(made, item) for item in wanted)
    return None if raised.name else True
