"""Generators and coroutines: the statements and expressions in which interpreted code waits or yields."""

from __future__ import annotations

import ast
import asyncio
import copy
from typing import Any

from bot.audit.interpret import ops
from bot.audit.interpret.expressions import Held
from bot.audit.interpret.frames import Frame
from bot.audit.interpret.statements import BREAK, RETURN, Statements
from bot.audit.interpret.values import UNKNOWN, GaveUp, Task, Yielded, bounded, undecided, weigh

_INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_WAITS = (ast.Await, ast.Yield, ast.YieldFrom, ast.AsyncFor, ast.AsyncWith)


def suspends(node: ast.AST) -> bool:
    """Whether a node itself may wait or yield, not a function that it defines."""
    known = node.__dict__.get("_suspends")
    if known is None:
        known = isinstance(node, _WAITS) or (isinstance(node, ast.comprehension) and bool(node.is_async))
        if not known and isinstance(node, _INNER):
            known = any(suspends(item) for item in getattr(node, "decorator_list", []))
        elif not known:
            known = any(suspends(item) for item in ast.iter_child_nodes(node))
        node.__dict__["_suspends"] = known
    return bool(known)


class Suspending(Statements):
    """Executes what may be suspended: each function here is a generator of suspensions."""

    def slow_block(self, body: list[ast.stmt], frame: Frame) -> Any:
        """Execute statements until one leaves the block."""
        for node in body:
            self.tick()
            frame.node = node
            if suspends(node):
                signal = yield from self._slow(node, frame)
            else:
                method = self.statement_methods.get(type(node))
                if method is None:
                    undecided(f"a {type(node).__name__}")
                signal = method(node, frame)
            if signal is not None:
                return signal
        return None

    def _slow(self, node: ast.stmt, frame: Frame) -> Any:
        if isinstance(node, ast.If):
            test = yield from self.slow_value(node.test, frame)
            if test is UNKNOWN:
                undecided("a branch on something unknown")
            return (yield from self.slow_block(node.body if ops.truth(test) else node.orelse, frame))
        if isinstance(node, ast.While):
            return (yield from self._slow_while(node, frame))
        if isinstance(node, ast.For | ast.AsyncFor):
            return (yield from self._slow_for(node, frame))
        if isinstance(node, ast.With | ast.AsyncWith):
            return (yield from self._slow_with(node, 0, frame))
        if isinstance(node, ast.Try):
            return (yield from self._slow_try(node, frame))
        if isinstance(node, ast.Match) or isinstance(node, _INNER):  # noqa: SIM101
            undecided("a statement that waits in an odd place")
        if isinstance(node, ast.Assert) and node.msg is not None:
            if suspends(node.msg):
                undecided("a message that waits")
            plain = copy.copy(node)
            plain.msg = None
            held = yield from self._computed(plain, frame)
            held.msg = node.msg  # it is made only where the assertion does not hold
            held.__dict__["_of"] = node
        else:
            held = yield from self._computed(node, frame)
        return self.statement_methods[type(node)](held, frame)

    def _slow_while(self, node: ast.While, frame: Frame) -> Any:
        while True:
            self.tick()
            test = yield from self.slow_value(node.test, frame)
            if test is UNKNOWN:
                undecided("a loop on something unknown")
            if not ops.truth(test):
                return (yield from self.slow_block(node.orelse, frame))
            signal = yield from self.slow_block(node.body, frame)
            if signal is BREAK:
                return None
            if signal is RETURN:
                return signal

    def _slow_for(self, node: ast.For | ast.AsyncFor, frame: Frame) -> Any:
        items = yield from self.slow_value(node.iter, frame)
        is_async = isinstance(node, ast.AsyncFor)
        iterator: Any = self._async_items(items) if is_async else ops.iterate(items)
        while True:
            self.tick()
            try:
                item = (yield from self.awaited(type(iterator).__anext__(iterator))) if is_async else next(iterator)
            except (StopAsyncIteration if is_async else StopIteration):  # noqa: B030
                return (yield from self.slow_block(node.orelse, frame))
            self.assign(node.target, item, frame)
            signal = yield from self.slow_block(node.body, frame)
            if signal is BREAK:
                return None
            if signal is RETURN:
                return signal

    def _async_items(self, value: Any) -> Any:
        if value is UNKNOWN:
            undecided("a loop over something unknown")
        return type(value).__aiter__(value)

    def _slow_with(self, node: ast.With | ast.AsyncWith, at: int, frame: Frame) -> Any:  # noqa: PLR0912
        if at == len(node.items):
            return (yield from self.slow_block(node.body, frame))
        item = node.items[at]
        manager = yield from self.slow_value(item.context_expr, frame)
        unknown, is_async = manager is UNKNOWN, isinstance(node, ast.AsyncWith)
        if unknown:
            self.doubt("an unknown context manager, where its exception would be caught")
            yield from self.awaited(UNKNOWN) if is_async else ()
        entered = UNKNOWN if unknown else (
            (yield from self.awaited(type(manager).__aenter__(manager))) if is_async else ops.enter(manager))
        depth, catches = self.depth, unknown or getattr(manager, "catches", False)
        self.tries += catches
        try:
            if item.optional_vars is not None:
                self.assign(item.optional_vars, entered, frame)
            signal = yield from self._slow_with(node, at + 1, frame)
        except GaveUp:
            raise
        except BaseException as error:
            self.tries -= catches
            self.depth = depth
            self.genuine(error)
            if unknown:
                undecided("an exception under an unknown context manager")
            if is_async:
                done = yield from self.awaited(
                    type(manager).__aexit__(manager, type(error), error, error.__traceback__))
            else:
                done = ops.leave(manager, error)
            if done is UNKNOWN:
                undecided()
            if not done:
                raise
            return None
        self.tries -= catches
        if not unknown:
            if is_async:
                yield from self.awaited(type(manager).__aexit__(manager, None, None, None))
            else:
                ops.leave(manager, None)
        return signal

    def _slow_try(self, node: ast.Try, frame: Frame) -> Any:
        if not node.finalbody:
            return (yield from self._slow_handled(node, frame))
        try:
            signal = yield from self._slow_handled(node, frame)
        except GaveUp:
            raise
        except BaseException as error:
            self.genuine(error)
            inner = yield from self.slow_block(node.finalbody, frame)
            if inner is not None:
                return inner
            raise
        inner = yield from self.slow_block(node.finalbody, frame)
        return inner if inner is not None else signal

    def _slow_handled(self, node: ast.Try, frame: Frame) -> Any:
        self.tries += bool(node.handlers)
        depth = self.depth
        try:
            signal = yield from self.slow_block(node.body, frame)
        except GaveUp:
            raise
        except BaseException as error:
            self.tries -= bool(node.handlers)
            self.depth = depth
            self.genuine(error)
            handler = self.handler_for(node.handlers, error, frame)
            if handler is None:
                raise
            self.places = [place for place in self.places if place[0] is not error]
            if handler.name:
                self.store(handler.name, error, frame)
            frame.caught.append(error)
            try:
                return (yield from self.slow_block(handler.body, frame))
            finally:
                frame.caught.pop()
                if handler.name:
                    frame.names.pop(handler.name, None)
        self.tries -= bool(node.handlers)
        return signal if signal is not None else (yield from self.slow_block(node.orelse, frame))

    def slow_value(self, node: ast.expr, frame: Frame) -> Any:  # noqa: C901
        """What an expression gives that may wait."""
        if not suspends(node):
            return self.value(node, frame)
        self.tick()
        if isinstance(node, ast.Await):
            value = yield from self.slow_value(node.value, frame)
            return (yield from self.awaited(value))
        if isinstance(node, ast.Yield):
            value = None if node.value is None else (yield from self.slow_value(node.value, frame))
            called = frame.called
            is_async = called is not None and called.shape is not None and called.shape.is_async
            return (yield Yielded(value) if is_async else value)
        if isinstance(node, ast.YieldFrom):
            value = yield from self.slow_value(node.value, frame)
            return (yield from ops.iterate(value))
        if isinstance(node, ast.BoolOp):
            value = None
            for part in node.values:
                value = yield from self.slow_value(part, frame)
                if value is UNKNOWN:
                    undecided("a condition on something unknown")
                if ops.truth(value) is isinstance(node.op, ast.Or):
                    break
            return value
        if isinstance(node, ast.IfExp):
            test = yield from self.slow_value(node.test, frame)
            if test is UNKNOWN:
                undecided("a condition on something unknown")
            return (yield from self.slow_value(node.body if ops.truth(test) else node.orelse, frame))
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp):
            inner = Frame("comprehension", {}, frame, frame.info)
            found: Any = {} if isinstance(node, ast.DictComp) else []
            yield from self._slow_loop(node, 0, inner, frame, found)
            weigh(found)
            return bounded(set(found) if isinstance(node, ast.SetComp) else found)
        if isinstance(node, ast.GeneratorExp | ast.Lambda):
            undecided("an async generator expression")
        held = yield from self._computed(node, frame)
        return self.value(held, frame)

    def _slow_loop(self, node: Any, at: int, inner: Frame, frame: Frame, found: Any) -> Any:
        if at == len(node.generators):
            if isinstance(node, ast.DictComp):
                key = yield from self.slow_value(node.key, inner)
                ops.set_item(found, key, (yield from self.slow_value(node.value, inner)))
            else:
                found.append((yield from self.slow_value(node.elt, inner)))
            return
        part = node.generators[at]
        items = yield from self.slow_value(part.iter, inner if at else frame)
        iterator: Any = self._async_items(items) if part.is_async else ops.iterate(items)
        for name in ast.walk(part.target):
            if isinstance(name, ast.Name):
                inner.names.setdefault(name.id, None)
        while True:
            self.tick()
            try:
                item = (yield from self.awaited(type(iterator).__anext__(iterator))) if part.is_async \
                    else next(iterator)
            except (StopAsyncIteration if part.is_async else StopIteration):  # noqa: B030
                return
            self.assign(part.target, item, inner)
            for test in part.ifs:
                if not ops.truth((yield from self.slow_value(test, inner))):
                    break
            else:
                yield from self._slow_loop(node, at + 1, inner, frame, found)

    def _computed(self, node: Any, frame: Frame) -> Any:
        """A copy of a node in which the expressions under it are replaced by their values, computed in order."""
        clone = copy.copy(node)
        for name in node._fields:
            part = getattr(node, name, None)
            if isinstance(part, ast.expr) and not isinstance(getattr(part, "ctx", None), ast.Store | ast.Del):
                setattr(clone, name, (yield from self._held_part(part, frame)))
            elif isinstance(part, list):
                done = []
                for item in part:
                    if isinstance(item, ast.expr) and not isinstance(getattr(item, "ctx", None), ast.Store | ast.Del):
                        done.append((yield from self._held_part(item, frame)))
                    elif isinstance(item, ast.keyword):
                        done.append((yield from self._computed(item, frame)))
                    else:
                        done.append(item)
                setattr(clone, name, done)
        clone.__dict__["_suspends"] = False
        clone.__dict__["_of"] = node
        return clone

    def _held_part(self, part: ast.expr, frame: Frame) -> Any:
        if isinstance(part, ast.Starred | ast.Slice | ast.FormattedValue | ast.NamedExpr) \
                or (isinstance(part, ast.Compare) and len(part.ops) == 1):
            return (yield from self._computed(part, frame))
        return Held((yield from self.slow_value(part, frame)), part)

    def awaited(self, value: Any) -> Any:
        """Wait for something."""
        if value is UNKNOWN:
            try:
                others = len(asyncio.all_tasks()) > 1
            except RuntimeError:
                others = False
            if self.escaped or others:
                undecided("an await of something unknown")
            self.doubt("an await of something unknown, where its exception would be caught")
            return UNKNOWN
        if isinstance(value, Task):
            if value.run.gi_frame is None:
                ops.throw(RuntimeError("cannot reuse already awaited coroutine"))
            return (yield from value.run)
        wait: Any = getattr(type(value), "__await__", None)
        if wait is None:
            ops.throw(TypeError(f"object {type(value).__name__} can't be used in 'await' expression"))
        return (yield from wait(value))
