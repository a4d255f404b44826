"""A test interpreted: one run a parameter set, with its outcome, its assertions, and what product code took part."""

from __future__ import annotations

import ast
import types
import unittest
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Literal
from unittest import mock

from bot.audit.interpret import fixtures, host, loop, ops
from bot.audit.interpret.expressions import Held
from bot.audit.interpret.frames import Frame, Function, inner_of
from bot.audit.interpret.keeping import Kept
from bot.audit.interpret.patterns import is_safe
from bot.audit.interpret.pytests import AsyncCase, Fixture, Mark, MarkMaker, MonkeyPatch, Pytests, Raises, Skipped
from bot.audit.interpret.sampling import SAMPLES
from bot.audit.interpret.state import Met
from bot.audit.interpret.tokens import Tokens
from bot.audit.interpret.values import (
    CONTAINERS,
    MOST_STEPS,
    UNKNOWN,
    GaveUp,
    Seat,
    Task,
    Undecided,
    is_instance,
    is_interpreted,
    size_of,
    undecided,
    weigh,
)
from bot.audit.view import View

Outcome = Literal["passed", "failed", "unknown"]
_FILE_STEPS = 30_000
"""Steps that all tests of one file may take together."""
_MOST_COUNTED = 200
_MOST_ANEW = 1_000
"""Steps that importing all modules anew for each test may take."""
_ASYNC_MARKS = {"asyncio", "anyio", "trio"}


@dataclass(frozen=True, eq=False)
class Run:
    """One run. `why` says what is not known; `node` is where in the test's files it failed, `raised` in which frames.

    `entered` are the product functions that ran, by their definition, `called` those that did after the set-up.
    `in_product`: the exception arose in product code.
    """

    outcome: Outcome
    why: str = ""
    error: BaseException | None = None
    node: ast.AST | None = None
    in_product: bool = False
    met: tuple[Met, ...] = ()
    entered: Mapping[ast.AST, Function] = field(default_factory=dict)
    called: Mapping[ast.AST, Function] = field(default_factory=dict)
    row: str = ""


@dataclass(frozen=True, eq=False)
class Interpretation:
    """All runs of a test."""

    runs: tuple[Run, ...]

    @property
    def outcome(self) -> Outcome:
        """Passed or failed where each run did; failed where any certainly does."""
        kinds = {run.outcome for run in self.runs}
        return "failed" if "failed" in kinds else "passed" if kinds == {"passed"} else "unknown"


class Machine(Tokens, Pytests):
    """The interpreter of one program's tests."""

    def set_up(self) -> None:
        """Make the tables; called once."""
        super().set_up()
        self.statement_methods = {
            ast.Expr: self._expression, ast.Assign: self._assign, ast.AnnAssign: self._annotated,
            ast.AugAssign: self._augmented, ast.Delete: self._delete, ast.Return: self._return, ast.Pass: self._pass,
            ast.Break: self._break, ast.Continue: self._continue, ast.If: self._if, ast.While: self._while,
            ast.For: self._for, ast.Raise: self._raise, ast.Assert: self._assert, ast.Try: self._try,
            ast.With: self._with, ast.Match: self._match, ast.FunctionDef: self._function,
            ast.AsyncFunctionDef: self._function, ast.ClassDef: self._class, ast.Import: self._import,
            ast.ImportFrom: self._import, ast.Global: self._pass, ast.Nonlocal: self._pass,
        }
        self.expression_methods = {
            Held: self._held, ast.Attribute: self._attribute, ast.Subscript: self._subscript, ast.Slice: self._slice,
            ast.BinOp: self._binary, ast.UnaryOp: self._unary, ast.BoolOp: self._boolean, ast.Compare: self._compare,
            ast.IfExp: self._conditional, ast.NamedExpr: self._named, ast.List: self._list, ast.Tuple: self._tuple,
            ast.Set: self._set, ast.Dict: self._dict, ast.JoinedStr: self._text, ast.FormattedValue: self._formatted,
            ast.Lambda: self._lambda, ast.Call: self._call, ast.Await: self._await, ast.ListComp: self._comprehension,
            ast.SetComp: self._comprehension, ast.DictComp: self._comprehension,
            ast.GeneratorExp: self._comprehension,
        }
        self.loaded: set[str] = set()
        self.hopeless = False
        self.imported_steps = 0
        self.spent: dict[str, int] = {}
        self.at_import: set[ast.AST] = set()

    def watched_call(self, node: ast.Call, function: Any, args: list[Any], kwargs: dict[str, Any],
                     frame: Frame) -> Any:
        """A call as the text has it: assertions that are calls are recorded."""
        owner = getattr(function, "__self__", None) if type(function) is types.MethodType else None
        name = getattr(function, "__name__", "")
        if isinstance(owner, unittest.TestCase | mock.NonCallableMock) and name.startswith("assert") \
                and inner_of(getattr(function, "__func__", None)) is None:
            return self._asserting(node, function, args, kwargs, frame)
        found = self.apply(function, args, kwargs, node)
        if isinstance(found, Raises):
            found.node = node.__dict__.get("_of", node)
        return found

    def _asserting(self, node: ast.Call, function: Any, args: list[Any], kwargs: dict[str, Any],
                   frame: Frame) -> Any:
        node = node.__dict__.get("_of", node)
        sides = (*args, UNKNOWN, UNKNOWN)[:2]
        if function.__name__.startswith(("assertRaises", "assertLogs", "assertWarns", "assertNoLogs")):
            found = self.apply(function, args, kwargs, node)
            if isinstance(found, Raises):
                found.node = node
            return found
        kwargs = {key: value for key, value in kwargs.items() if key != "msg"}
        try:
            if any(item is UNKNOWN for item in (*args, *kwargs.values())):
                undecided()
            args = _weighed(function, args, kwargs)
            ops.invoke(function, args, kwargs)
        except Undecided:
            self.assertion(Met(node, None, *sides), frame)
            return None
        except AssertionError:
            self.assertion(Met(node, False, *sides), frame)
            raise
        self.assertion(Met(node, True, *sides), frame)
        return None

    # one test

    def prepare(self, view: View) -> None:
        """Import the test's file and the conftests above it."""
        path = view.source.path
        if path in self.loaded and self.reusable:
            return
        self.touched = True
        if not self.reusable:
            self.forget_modules()
        self.begin()
        self.imported_steps = 0
        folder = PurePosixPath(path).parent
        for info in sorted(self.program.conftests, key=lambda item: len(item.source.path)):
            if folder.is_relative_to(PurePosixPath(info.source.path).parent):
                self.module(info)
        self.module(view.module)
        self.at_import.update(self.entered)
        self.undo.clear()
        self.reusable = self.remember() and self.reusable
        if not self.reusable and (self.imported_steps > _MOST_ANEW or len(self.modules) > 4):
            self.hopeless = True
        self.loaded.add(path)

    def forget_modules(self) -> None:
        """Import all anew."""
        self.modules.clear()
        self.frames.clear()
        self.kept = Kept()
        self.undo.clear()
        self.seen.clear()
        self.keep.clear()
        dict.clear(self.environment)

    def runs(self, view: View, changed: dict[ast.AST, Any], auto: bool) -> tuple[Run, ...]:
        """All runs of a test."""
        self.changed = {}
        if self.hopeless:
            return (Run("unknown", "modules whose state cannot be put back"),)
        if self.spent.get(view.source.path, 0) > _FILE_STEPS:
            return (Run("unknown", "too many steps in this file"),)
        self.prepare(view)
        try:
            self.begin()
            function, cls, marks, names, layers = self._found(view)
            rows = fixtures.rows_of(marks, names, layers)
        except GaveUp as error:
            return (Run("unknown", str(error)),)
        except Exception as error:  # noqa: BLE001
            return (Run("unknown", f"set-up: {type(error).__name__}"),)
        finally:
            self._end()
            self.touched |= self.steps != MOST_STEPS
        if len(rows) > fixtures.MOST_ROWS:
            rows = rows[:fixtures.MOST_ROWS]
            more = True
        else:
            more = False
        done = []
        for at in range(len(rows)):
            if at and not self.reusable:
                self.prepare(view)
                function, cls, marks, names, layers = self._found(view)
                rows = fixtures.rows_of(marks, names, layers)
            self.changed = changed
            done.append(self._run(function, cls, marks, names, layers, rows[at], auto))
            self.spent[view.source.path] = self.spent.get(view.source.path, 0) + MOST_STEPS - max(self.steps, 0)
            self.changed = {}
        if more:
            done.append(Run("unknown", "too many parameter sets"))
        return tuple(done)

    def _found(self, view: View) -> Any:
        owner: Any = self.module(view.module)
        cls: Any = None
        marks: list[Any] = []
        for node in view.case.classes:
            owner = cls = vars(owner).get(node.name, UNKNOWN)
            if not is_interpreted(cls):
                undecided("a class that is not known")
        if cls is not None:
            for item in cls.__mro__:
                marks += _listed(vars(item).get("_marks", []) if is_interpreted(item) else [])
                marks += _listed(vars(item).get("pytestmark", []))
        marks += _listed(self.module(view.module).__dict__.get("pytestmark", []))
        function = vars(owner).get(view.node.name, UNKNOWN)
        static = isinstance(function, staticmethod)
        real = getattr(function, "__func__", function)
        marks = [*getattr(real, "__dict__", {}).get("_marks", ()), *marks]
        inner = inner_of(getattr(real, "__dict__", {}).get("_inner", real))
        if inner is None or inner.node is not view.node:
            undecided("a test function that is not known")
        names = list(fixtures.needed(inner))
        if cls is not None and not static:
            names = names[1:]
        names = names[sum(patch.gives for patch in real.__dict__.get("_patches", ())):]
        layers = fixtures.layers_of(self, view.module, cls)
        for mark in marks:
            if mark.name == "usefixtures":
                names = [*(name for name in mark.args if type(name) is str), *names]
        names = [*fixtures.autouse(layers), *names]
        return real, cls, marks, list(dict.fromkeys(names)), layers

    def _end(self) -> None:
        self.over = True
        for patch in reversed(list(self.patching)):
            if isinstance(patch, MonkeyPatch):
                patch.undo()
            elif patch.current:
                patch.__exit__(None, None, None)
        self.patching.clear()
        self.started.clear()
        self.close_loops()

    def _run(self, function: Any, cls: Any, marks: list[Any], names: list[str], layers: Any, row: dict[str, Any],
             auto: bool) -> Run:
        """One run; where it asks for the time or something random, what holds in each of a few samples."""
        given = (function, cls, marks, names, layers, row, auto)
        run = self._sampled(*given)
        if run.outcome == "failed" and self.timed and not self.changed:
            self.dark = True  # it is red for certain only where no time that was made up takes part
            run = self._sampled(*given)
            self.dark = False
        return run

    def _sampled(self, *given: Any) -> Run:
        first: Run | None = None
        for self.sample in range(SAMPLES):
            self.fresh_sample()
            run = self._once(*given)
            first = first or run
            if run.outcome != first.outcome or run.node is not first.node:
                return replace(run, outcome="unknown", why="it depends on the time or on something random")
            if not self.sampled or run.outcome == "unknown" or not self.reusable:
                break
        assert first is not None
        return first

    def _once(self, function: Any, cls: Any, marks: list[Any], names: list[str], layers: Any, row: dict[str, Any],
              auto: bool) -> Run:
        before = set(self.modules)
        self.before_call: dict[ast.AST, Function] = {}
        self.in_call: dict[ast.AST, Function] = {}
        self.phase = "setup"
        self.put_back()
        self.begin()
        node, error, why = None, None, ""
        outcome: Outcome = "unknown"
        in_product = False
        try:
            self._check_marks(marks, function, cls, auto)
            self._go(function, cls, names, layers, row)
            outcome = "unknown" if self.doubtful else "passed"
            why = "an assertion on something unknown" if self.doubtful else ""
        except GaveUp as gave_up:
            why = str(gave_up)
        except Skipped:
            why = "it skips itself"
        except BaseException as raised:  # noqa: BLE001
            try:
                self.genuine(raised)
                frames = [place for place in self.places if place[0] is raised]
                mine = [place for place in frames if not place[1].info.product]
                if self.phase != "call":
                    undecided(f"an exception in the set-up: {type(raised).__name__}")
                outcome, error = "failed", raised
                if type(raised) is AssertionError and weigh(*raised.args):
                    raised.args = ("the assertion does not hold",)  # for whoever asks for its text outside
                node = mine[-1][2] if mine else None
                in_product = bool(frames) and frames[0][1].info.product
                if isinstance(raised, unittest.SkipTest) or node is None:
                    outcome = "unknown"
            except GaveUp as gave_up:
                outcome, why = "unknown", str(gave_up)
            except RecursionError:
                outcome, why = "unknown", "too deep"
        self.touched |= self.steps != MOST_STEPS
        met, called = tuple(self.met), self.in_call
        entered = {**self.before_call, **self.entered}
        try:
            self._end()
        except (Exception, GaveUp):  # noqa: BLE001 - what interpreted code raises when its patches are undone
            self.patching.clear()
            self.started.clear()
            self.close_loops()
            outcome, why, self.reusable = "unknown", "what is patched cannot be put back", False
        for path in set(self.modules) - before:
            del self.modules[path], self.frames[path]
        return Run(outcome, why, error, node, in_product, met, entered, called, ", ".join(map(str, row)))

    phase = "setup"

    def _check_marks(self, marks: list[Any], function: Any, cls: Any, auto: bool) -> None:
        for mark in marks:
            if mark.name == "skip":
                raise Skipped
            if mark.name == "skipif":
                test = (*mark.args, mark.kwargs.get("condition", UNKNOWN))[0]
                if test is UNKNOWN or isinstance(test, str):
                    undecided("an unknown condition of a skip")
                if test:
                    raise Skipped
            if mark.name == "xfail":
                undecided("an expected failure")
        inner = inner_of(function.__dict__.get("_inner", function))
        if inner is not None and isinstance(inner.node, ast.AsyncFunctionDef) and not auto \
                and not (cls is not None and issubclass(cls, AsyncCase)) \
                and not any(mark.name in _ASYNC_MARKS for mark in marks):
            undecided("an async test that nothing awaits")

    def _go(self, function: Any, cls: Any, names: list[str], layers: Any, row: dict[str, Any]) -> None:
        self.touched = True
        self.phase = "setup"
        instance: Any = None
        args: list[Any] = []
        unit = cls is not None and issubclass(cls, unittest.TestCase)
        if cls is not None:
            instance = cls(function.__name__) if unit else cls()
            args = [instance]
        if isinstance(vars(cls).get(function.__name__) if cls is not None else None, staticmethod):
            args = []
        setting = fixtures.Setting(self, layers, instance, row)
        self._hook(instance, ("setUpClass", "setup_class"))
        self._hook(instance, ("setup_method", "setUp", "asyncSetUp", "setup"))
        for name in names:
            setting.get(name)
        kwargs = {name: setting.get(name) for name in names if name in _arguments(function)}
        if unit and layers and not names:
            kwargs = {}
        self.phase = "call"
        self.before_call, self.entered = self.entered, {}
        self._await_or(self.apply(function, args, kwargs))
        self.phase = "teardown"
        self.in_call = dict(self.entered)
        self._hook(instance, ("asyncTearDown", "tearDown", "teardown_method"))
        if unit:
            instance.doCleanups()
        setting.end()

    def _await_or(self, value: Any) -> Any:
        return loop.run(self.current_loop(), value) if isinstance(value, Task) else value

    def _hook(self, instance: Any, names: tuple[str, ...]) -> None:
        for name in names:
            found = getattr(instance, name, None)
            inner = inner_of(getattr(found, "__func__", None))
            if inner is None:
                continue
            takes = len(fixtures.needed(inner)) - 1
            self._await_or(self.apply(found, [UNKNOWN] * takes, {}))


def _weighed(function: Any, args: list[Any], kwargs: dict[str, Any]) -> list[Any]:
    """The arguments of an assertion that is a call: not too large to compare or to show."""
    name, owner = function.__name__, function.__self__
    args = [ops.listed(item) if hasattr(type(item), "__next__") and not is_instance(item) and not isinstance(item, Task)
            else item for item in args]
    weigh(*args, *kwargs.values())
    if isinstance(owner, mock.NonCallableMock):
        weigh(owner.mock_calls, owner.call_args_list)
    elif name in {"assertRegex", "assertNotRegex"}:
        text, pattern = (*args, None, None)[:2]
        if kwargs or type(text) is not str or not is_safe(pattern, len(text)):
            undecided("a pattern that may take long")
    elif name == "assertCountEqual" \
            and sum(size_of(item) for item in args[:2] if isinstance(item, CONTAINERS)) > _MOST_COUNTED:
        undecided("too many items to count")
    return args


def _arguments(function: Any) -> set[str]:
    inner = inner_of(function.__dict__.get("_inner", function))
    return set(fixtures.needed(inner)) if inner is not None else set()


def _listed(marks: Any) -> list[Any]:
    found = marks if isinstance(marks, list | tuple) else [marks]
    return [mark for mark in found if isinstance(mark, Mark | MarkMaker)]


def interpreted(view: View, changed: Mapping[ast.AST, ast.AST] | None = None, *, auto: bool = False) -> Interpretation:
    """What a test would do, with some product functions replaced. Pure: nothing of the files is ever executed.

    `auto`: async tests run without a mark. Every exception and every hang that the text can provoke ends as unknown.
    """
    memo = view.program.memo
    key = ("interpreted", view.case.node, auto)
    if not changed and key in memo:
        known: Interpretation = memo[key]
        return known
    if "interpreter" not in memo:
        memo["interpreter"] = machine = Machine(view.program)
        machine.set_up()
    machine = memo["interpreter"]
    before, Seat.machine = Seat.machine, machine
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runs = machine.runs(view, dict(changed or {}), auto)
            host.close_coroutines()
    except GaveUp as gave_up:
        runs = (Run("unknown", str(gave_up)),)
    except Exception as error:  # noqa: BLE001 - hostile code chooses what is raised
        runs = (Run("unknown", f"the interpreter itself: {type(error).__name__}"),)
    finally:
        machine.over, Seat.machine = True, before
        host.close_coroutines()
    found = Interpretation(runs)
    if not changed:
        memo[key] = found
    return found


__all__ = ["Fixture", "Interpretation", "Machine", "Run", "interpreted"]
