"""What all parts of the interpreter share: budgets, records, and the functions that one part needs of another."""

from __future__ import annotations

import ast
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePath
from types import TracebackType
from typing import Any, NoReturn

from bot.audit.interpret.frames import Frame, Function
from bot.audit.interpret.values import (
    MOST_DEPTH,
    MOST_STEPS,
    UNKNOWN,
    Bounded,
    GaveUp,
    Seat,
    is_instance,
    is_interpreted,
)
from bot.audit.reading.program import Program

_OWN = PurePath(__file__).parent.name
_GENUINE = {"ops.py", "host.py", "doubles.py", "pytests.py", "suspending.py"}
_SPARED = 1_000
_MOST_GRACES = 20
"""Statements of modules and classes that may go on, with a few steps, where the steps of an import are spent."""
_INERT = (str, int, float, bytes, bool, type(None))


@dataclass(frozen=True, eq=False)
class Met:
    """An assertion that was reached: whether it held (None: unknown) and what its sides were, as short text."""

    node: ast.AST
    holds: bool | None
    left: Any = UNKNOWN
    right: Any = UNKNOWN


@dataclass(eq=False)
class State:
    """One interpreter over one program. What belongs to a run is set anew by `begin`."""

    program: Program
    changed: dict[ast.AST, Any] = field(default_factory=dict)
    steps: int = MOST_STEPS
    depth: int = 0
    tries: int = 0
    over: bool = True
    escaped: bool = False
    doubtful: bool = False
    importing: int = 0
    graces: int = 0
    leaked: bool = False
    handlers: bool = False
    unknowns: int = 0
    met: list[Met] = field(default_factory=list)
    entered: dict[ast.AST, Function] = field(default_factory=dict)
    places: list[tuple[BaseException, Frame, ast.AST | None]] = field(default_factory=list)
    builtins: dict[str, Any] = field(default_factory=dict)
    own_functions: dict[Any, Any] = field(default_factory=dict)
    expression_methods: dict[type, Callable[..., Any]] = field(default_factory=dict)
    statement_methods: dict[type, Callable[..., Any]] = field(default_factory=dict)
    super_: Any = None

    def begin(self, steps: int = MOST_STEPS) -> None:
        """Forget the run before."""
        Seat.machine = self
        self.steps, self.depth, self.tries, self.over = steps, 0, 0, False
        self.importing, self.graces = 0, _MOST_GRACES
        self.escaped, self.doubtful, self.unknowns = self.leaked, False, 0
        self.met, self.places, self.entered = [], [], {}

    def exhausted(self) -> NoReturn:
        """End the interpretation: too many steps."""
        raise Bounded("too many steps")

    def spare(self) -> None:
        """Give the next statement of an import a few steps, where none are left."""
        if self.steps < _SPARED and self.graces > 0:
            self.graces -= 1
            self.steps = _SPARED

    def tick(self) -> None:
        """Count one step."""
        self.steps -= 1
        if self.steps < 0:
            self.exhausted()

    def go_down(self) -> None:
        """Count one more open call."""
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise Bounded("calls that are nested too deeply")

    def genuine(self, error: BaseException) -> None:
        """End the interpretation where an exception is not the interpreted code's own, but of the machine or a bug."""
        if self.over and isinstance(error, GeneratorExit):
            raise error
        if self.over:
            raise GaveUp("the interpretation is over")
        if isinstance(error, GaveUp):
            raise error
        if isinstance(error, RecursionError | MemoryError | KeyboardInterrupt):
            raise Bounded("too deep or too large")
        tail: TracebackType | None = error.__traceback__
        last = None
        while tail is not None:
            last = tail
            tail = tail.tb_next
        if last is not None and not isinstance(error, GeneratorExit):
            path = PurePath(last.tb_frame.f_code.co_filename)
            if path.parent.name == _OWN and path.name not in _GENUINE and not type(error).__name__ == "WrongCall":
                raise GaveUp(f"the interpreter itself: {traceback.format_exception_only(error)[-1].strip()}")

    def doubt(self, why: str) -> None:
        """Note that an exception may come here: the test then may not pass, and nobody may catch it."""
        self.unknowns += 1
        if self.tries:
            raise GaveUp(why)
        self.doubtful = True

    def is_inert(self, value: Any, fresh: bool) -> bool:
        """Whether giving a value to unknown code cannot change what interpreted code sees."""
        if value is UNKNOWN or isinstance(value, _INERT):
            return True
        if isinstance(value, tuple | frozenset) or (fresh and isinstance(value, list | dict | set)):
            parts = [*value, *value.values()] if isinstance(value, dict) else value
            return all(self.is_inert(part, False) for part in parts)
        if isinstance(value, type):
            return issubclass(value, BaseException) or not is_interpreted(value)
        return isinstance(value, BaseException) and not is_instance(value)

    def mangled(self, name: str, frame: Frame) -> str:
        """A private name as its class changes it."""
        at: Frame | None = frame
        while at is not None:
            if at.kind == "class":
                return f"_{str(at.names.get('__qualname__', '')).rpartition('.')[2].lstrip('_')}{name}"
            at = at.parent
        called = frame.called
        owner = called.function.owner if called is not None and called.function is not None else []
        return f"_{owner[0].__name__.lstrip('_')}{name}" if owner else name

    # what one part gives to the others

    def value(self, node: ast.expr, frame: Frame) -> Any:
        """See Expressions."""
        raise NotImplementedError

    def block(self, body: list[ast.stmt], frame: Frame) -> Any:
        """See Statements."""
        raise NotImplementedError

    def call(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """See Calls."""
        raise NotImplementedError

    def hosted(self, function: Function) -> Any:
        """See Calls."""
        raise NotImplementedError

    def assign(self, target: ast.expr, value: Any, frame: Frame) -> None:
        """See Statements."""
        raise NotImplementedError

    def items(self, value: Any, most: int | None = None) -> list[Any]:
        """See Statements."""
        raise NotImplementedError

    def super_of(self, frame: Frame) -> Any:
        """See Calls."""
        raise NotImplementedError

    def apply(self, function: Any, args: list[Any], kwargs: dict[str, Any], node: ast.AST | None = None) -> Any:
        """See Expressions."""
        raise NotImplementedError

    def make_class(self, node: ast.ClassDef, frame: Frame) -> Any:
        """See Classes."""
        raise NotImplementedError

    def import_(self, node: Any, frame: Frame) -> None:
        """See Modules."""
        raise NotImplementedError

    def changed_module(self, frame: Frame, name: str) -> None:
        """See Modules."""
