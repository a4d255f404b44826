"""Exceptions: what a `try` or a context manager catches, and where a path goes on then."""

from __future__ import annotations

import ast

from bot.audit.controlflow.asserting import RAISES, watches
from bot.audit.controlflow.branches import Branches
from bot.audit.controlflow.ways import Out, Path, Raised, Turn, catches, matches
from bot.audit.reading.checks import raises_names
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every, parent_of

_STOPS = {"move_on_after", "move_on_at", "CancelScope", "fail_after", "fail_at", "timeout", "timeout_at"}
_STOPS |= {"create_task_group", "TaskGroup", "open_nursery", "BlockingPortal", "ExitStack", "AsyncExitStack"}


class Catching(Branches):
    """Goes through `try` and `with`."""

    def _try(self, node: ast.Try | ast.TryStar, paths: list[Path], out: Out) -> list[Path]:
        inner, rest = Out(), Out()
        self.guards += 1
        ends = self.block(node.body, paths, inner)
        self.guards -= 1
        self.guards += bool(node.finalbody)
        passed = Turn(node, "passed", at=min(len(path.checks) for path in paths))
        caught = self._handled(node, inner, rest, passed)
        rest.left += [(how, path.via(passed) if node.handlers else path) for how, path in inner.left]
        ends = self.block(node.orelse, [path.via(passed) for path in ends] if node.handlers else ends, rest)
        self.guards -= bool(node.finalbody)
        return self._finally(node.finalbody, [*ends, *caught], rest, out)

    def _handled(self, node: ast.Try | ast.TryStar, inner: Out, rest: Out, passed: Turn) -> list[Path]:
        """Where the handlers go on. What no handler catches goes by the way on which nothing was caught."""
        starts: dict[ast.ExceptHandler, dict[Path, Turn]] = {}
        for path, raised in inner.raised:
            certain = False
            for handler in node.handlers:
                match = catches(handler, raised)
                if match is False:
                    continue
                asserted = raised.kind in {"assertion", "fail"} or raised.name == "AssertionError"
                turn = Turn(handler, "caught", cause=raised.cause, asserted=asserted, at=len(path.checks), of=node)
                # One path for each set of passed assertions: the first cause stands for the others.
                before = starts.setdefault(handler, {})
                if path not in before or (asserted and not before[path].asserted):
                    before[path] = turn
                if match is True:
                    certain = True
                    break
            if not certain and (raised.kind != "call" or self.guards):
                rest.raised.append((path.via(passed) if raised.outright else path, raised))
        found: list[Path] = []
        for handler, entries in starts.items():
            self.reached.update(handler.body[:1])
            begin = [path.without({handler.name or ""}).via(turn) for path, turn in entries.items()]
            found += self.block(handler.body, begin, rest)
        return found

    def _finally(self, body: list[ast.stmt], ends: list[Path], rest: Out, out: Out) -> list[Path]:
        if not body:
            out.take(rest)
            return ends
        ends = self.block(body, ends, out)
        for how in ("return", "break", "continue", "skip"):
            leaving = [path for way, path in rest.left if way == how]
            out.left += [(how, path) for path in (self.block(body, leaving, out) if leaving else [])]
        for path, raised in rest.raised:
            through = Out()
            if self.block(body, [path], through):
                out.raised.append((path, raised))
            turn = Turn(body[0], "suppressed", cause=raised.cause, asserted=raised.kind == "assertion")
            out.left += [(how, item.via(turn)) for how, item in through.left]
        return ends

    def _with(self, node: ast.With | ast.AsyncWith, at: int, paths: list[Path], out: Out) -> list[Path]:
        if at == len(node.items):
            return self.block(node.body, paths, out)
        manager = node.items[at].context_expr
        target = node.items[at].optional_vars
        made = self._made(manager)
        expects = isinstance(made, ast.Call) and last_name(made.func) in RAISES
        suppresses = isinstance(made, ast.Call) and last_name(made.func) == "suppress"
        if not expects:
            paths = self.expressions(manager, paths, out)
        if target is not None:
            stored = {item.id for item in every(target, ast.Name)}
            paths = [path.without(stored) for path in paths]
        if not (expects or suppresses):
            if watches(manager) or self._parameter(manager):
                self.fallible.add(node)
                self.may_raise(paths, Raised("assertion", node), out)
                paths = [path.after(node) for path in paths]
            if not _may_stop(made):
                return self._with(node, at + 1, paths, out)
            inner = Out()
            self.guards += 1
            ends = self._with(node, at + 1, paths, inner)
            self.guards -= 1
            stopped = [path for path, raised in inner.raised if _stops(path, raised)]
            out.left += inner.left
            out.raised += [(path, item) for path, item in inner.raised if item.kind != "call" or self.guards]
            return [*ends, *stopped]
        inner = Out()
        self.guards += 1
        ends = self._with(node, at + 1, paths, inner)
        self.guards -= 1
        if suppresses:
            return [*ends, *self._suppressed(node, made, inner, out)]
        self.fallible.add(node)
        self.may_raise(paths, Raised("assertion", node), out)
        out.left += inner.left
        inside = {item.id for item in every(node, ast.Name) if not isinstance(item.ctx, ast.Load)}
        return [path.without(inside).after(node) for path in paths]

    def _suppressed(self, node: ast.With | ast.AsyncWith, made: ast.expr, inner: Out, out: Out) -> list[Path]:
        names = raises_names(made)
        found: dict[Path, None] = {}
        for path, raised in inner.raised:
            if matches(names, raised) is not False:
                asserted = raised.kind in {"assertion", "fail"}
                turn = Turn(node, "suppressed", cause=raised.cause, asserted=asserted, at=len(path.checks))
                found[path.via(turn)] = None
            if matches(names, raised) is not True and (raised.kind != "call" or self.guards):
                out.raised.append((path, raised))
        out.left += inner.left
        return list(found)

    def _made(self, manager: ast.expr) -> ast.expr:
        """The call that made a context manager, where a local name stands for it."""
        if isinstance(manager, ast.Name):
            bound = self.depends.scope.bound(self.node).get(manager.id, [])
            values = [value for kind, value in bound if kind == "value" and isinstance(value, ast.expr)]
            if len(values) == len(bound) == 1:
                return values[0]
        return manager

    def _parameter(self, manager: ast.expr) -> bool:
        """Whether a test's parameter says what is expected: `with expectation:`."""
        parameters = {item.arg for item in (*self.node.args.args, *self.node.args.kwonlyargs)}
        made = self._made(manager)
        chosen = isinstance(made, ast.IfExp) and any(isinstance(item, ast.Call) for item in (made.body, made.orelse))
        return (isinstance(manager, ast.Name) and manager.id in parameters) or chosen


def _may_stop(manager: ast.expr) -> bool:
    """Whether a context manager may end its block early and go on after it: a cancel scope or a task group."""
    return isinstance(manager, ast.Name | ast.Attribute) or last_name(manager) in _STOPS


def _stops(path: Path, raised: Raised) -> bool:
    """Whether what was raised may be the end of a cancelled scope: at an `await`, also where a handler raises it again.

    An `await` in a handler is mostly that of a loop which waits; it is left out.
    """
    if raised.kind == "explicit":
        return not raised.outright
    awaited = isinstance(raised.cause, ast.Await) or isinstance(parent_of(raised.cause), ast.Await)
    return raised.kind == "call" and awaited and not any(turn.kind == "caught" for turn in path.turns)
