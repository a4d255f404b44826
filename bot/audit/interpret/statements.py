"""Statements that wait for nothing: each gives a signal how the block goes on."""

from __future__ import annotations

import ast
from collections import deque
from typing import Any

from bot.audit.interpret import ops
from bot.audit.interpret.expressions import Expressions
from bot.audit.interpret.frames import Frame, bound_in, forget_changed, held_by, inner_of
from bot.audit.interpret.matching import matches
from bot.audit.interpret.state import Met
from bot.audit.interpret.values import MOST_ITEMS, UNKNOWN, Bounded, GaveUp, bounded, is_instance, undecided

BREAK, CONTINUE, RETURN = "break", "continue", "return"


class Statements(Expressions):
    """Executes blocks. A signal None goes on; the result of a return is in the frame."""

    def block(self, body: list[ast.stmt], frame: Frame) -> Any:
        """Execute statements until one of them leaves the block."""
        methods = self.statement_methods
        for node in body:
            self.steps -= 1
            if self.steps < 0:
                self.exhausted()
            frame.node = node
            method = methods.get(type(node))
            if method is None:
                undecided(f"a {type(node).__name__}")
            signal = method(node, frame)
            if signal is not None:
                return signal
        return None

    def items(self, value: Any, most: int | None = None) -> list[Any]:
        """The items of a value, each counted; with `most`, no more than that many are taken."""
        found: list[Any] = []
        for item in ops.iterate(value):
            self.tick()
            found.append(item)
            if len(found) == most:
                break
            if len(found) > MOST_ITEMS:
                raise Bounded("too many items")
        return found

    def assign(self, target: ast.expr, value: Any, frame: Frame) -> None:
        """Bind a target to a value."""
        kind = type(target)
        if kind is ast.Name:
            self.store(target.id, value, frame)  # type: ignore[attr-defined]
        elif isinstance(target, ast.Attribute):
            name = target.attr
            if name.startswith("__") and not name.endswith("__"):
                name = self.mangled(name, frame)
            self.set_attribute(self.value(target.value, frame), name, value)
        elif isinstance(target, ast.Subscript):
            owner = self.value(target.value, frame)
            ops.set_item(owner, self.value(target.slice, frame), value)
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target, value, frame)
        else:
            undecided("an odd target")

    def set_attribute(self, owner: Any, name: str, value: Any) -> None:
        """Set an attribute of anything."""
        if owner is UNKNOWN and not self.is_inert(value, True):
            self.escaped = True
        self.changed_object(owner, name)
        ops.set_attribute(owner, name, value)

    def changed_object(self, owner: Any, name: str) -> None:
        """Note that an attribute of a module or class changes, before it does."""

    def _unpack(self, target: ast.Tuple | ast.List, value: Any, frame: Frame) -> None:
        if value is UNKNOWN:
            for part in target.elts:
                self.assign(part.value if isinstance(part, ast.Starred) else part, UNKNOWN, frame)
            return
        star = next((at for at, part in enumerate(target.elts) if isinstance(part, ast.Starred)), None)
        count = len(target.elts)
        items = self.items(value, count + 1 if star is None else None)
        if star is None:
            if len(items) != count:
                what = "too many values to unpack" if len(items) > count else "not enough values to unpack"
                ops.throw(ValueError(f"{what} (expected {count})"))
        else:
            if len(items) < count - 1:
                ops.throw(ValueError(f"not enough values to unpack (expected at least {count - 1})"))
            after = count - star - 1
            middle = items[star:len(items) - after]
            items = [*items[:star], middle, *items[len(items) - after:]]
        for part, item in zip(target.elts, items, strict=True):
            self.assign(part.value if isinstance(part, ast.Starred) else part, item, frame)

    def _expression(self, node: ast.Expr, frame: Frame) -> Any:
        self.value(node.value, frame)

    def _assign(self, node: ast.Assign, frame: Frame) -> Any:
        value = self.value(node.value, frame)
        for target in node.targets:
            self.assign(target, value, frame)

    def _annotated(self, node: ast.AnnAssign, frame: Frame) -> Any:
        if frame.kind == "class" and isinstance(node.target, ast.Name):
            self.annotate(node.target.id, node.annotation, frame)
        if node.value is not None:
            self.assign(node.target, self.value(node.value, frame), frame)

    def annotate(self, name: str, annotation: ast.expr, frame: Frame) -> None:
        """Note a field of a class."""

    def _augmented(self, node: ast.AugAssign, frame: Frame) -> Any:
        target = node.target
        op = type(node.op)
        if isinstance(target, ast.Name):
            old = self.load(target.id, frame)
            self.store(target.id, ops.binary(op, old, self.value(node.value, frame), inplace=True), frame)
        elif isinstance(target, ast.Attribute):
            name = target.attr
            if name.startswith("__") and not name.endswith("__"):
                name = self.mangled(name, frame)
            owner = self.value(target.value, frame)
            old = self.get(owner, name)
            self.set_attribute(owner, name, ops.binary(op, old, self.value(node.value, frame), inplace=True))
        else:
            owner = self.value(target.value, frame)
            key = self.value(target.slice, frame)
            old = ops.item(owner, key)
            ops.set_item(owner, key, ops.binary(op, old, self.value(node.value, frame), inplace=True))

    def _delete(self, node: ast.Delete, frame: Frame) -> Any:
        for target in node.targets:
            if isinstance(target, ast.Name):
                at = frame.root if frame.shape is not None and target.id in frame.shape.global_ else frame
                if target.id not in at.names:
                    self.load(target.id, frame)
                    undecided()
                if at.kind == "module":
                    self.changed_module(at, target.id)
                del at.names[target.id]
            elif isinstance(target, ast.Attribute):
                owner = self.value(target.value, frame)
                self.changed_object(owner, target.attr)
                ops.del_attribute(owner, target.attr)
            elif isinstance(target, ast.Subscript):
                owner = self.value(target.value, frame)
                ops.del_item(owner, self.value(target.slice, frame))
            else:
                undecided()

    def _return(self, node: ast.Return, frame: Frame) -> Any:
        frame.result = self.value(node.value, frame) if node.value is not None else None
        return RETURN

    def _pass(self, node: ast.stmt, frame: Frame) -> Any:
        return None

    def _break(self, node: ast.stmt, frame: Frame) -> Any:
        return BREAK

    def _continue(self, node: ast.stmt, frame: Frame) -> Any:
        return CONTINUE

    def _if(self, node: ast.If, frame: Frame) -> Any:
        test = self.value(node.test, frame)
        if test is UNKNOWN:
            undecided("a branch on something unknown")
        return self.block(node.body if ops.truth(test) else node.orelse, frame)

    def _while(self, node: ast.While, frame: Frame) -> Any:
        while True:
            self.tick()
            test = self.value(node.test, frame)
            if test is UNKNOWN:
                undecided("a loop on something unknown")
            if not ops.truth(test):
                return self.block(node.orelse, frame)
            signal = self.block(node.body, frame)
            if signal is BREAK:
                return None
            if signal is RETURN:
                return signal

    def _for(self, node: ast.For, frame: Frame) -> Any:
        for item in ops.iterate(self.value(node.iter, frame)):
            self.tick()
            self.assign(node.target, item, frame)
            signal = self.block(node.body, frame)
            if signal is BREAK:
                return None
            if signal is RETURN:
                return signal
        return self.block(node.orelse, frame)

    def _raise(self, node: ast.Raise, frame: Frame) -> Any:
        if node.exc is None:
            at: Frame | None = frame
            while at is not None and not at.caught:
                at = at.parent if at.kind == "comprehension" else None
            if at is None:
                undecided("a bare raise")
            ops.throw(at.caught[-1])
            return
        error = self.exception(self.value(node.exc, frame))
        if node.cause is None:
            ops.throw(error)
            return
        cause = self.value(node.cause, frame)
        ops.throw(error, None if cause is None else self.exception(cause))

    def exception(self, value: Any) -> Any:
        """The exception that a `raise` raises."""
        if value is UNKNOWN:
            undecided("an unknown exception")
        if isinstance(value, type) and issubclass(value, BaseException):
            value = self.apply(value, [], {})
        return value if isinstance(value, BaseException) else TypeError("exceptions must derive from BaseException")

    def _assert(self, node: ast.Assert, frame: Frame) -> Any:
        left: Any = UNKNOWN
        right: Any = UNKNOWN
        test = node.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            left, right = self.value(test.left, frame), self.value(test.comparators[0], frame)
            value = ops.compare(type(test.ops[0]), left, right)
        else:
            value = self.value(test, frame)
        holds = None if value is UNKNOWN else ops.truth(value)
        self.assertion(Met(node.__dict__.get("_of", node), holds, left, right), frame)
        if holds is False:
            if not frame.info.product:
                ops.throw(AssertionError("the assertion does not hold", UNKNOWN))  # pytest writes a text of its own
            ops.throw(AssertionError(*([] if node.msg is None else [self.value(node.msg, frame)])))

    def assertion(self, met: Met, frame: Frame) -> None:
        """Record an assertion; one that may or may not hold leaves the rest in doubt."""
        if not frame.info.product:
            self.met.append(met)
        if met.holds is None:
            if frame.info.product or self.tries:
                undecided("an assertion on something unknown, which something may catch")
            self.doubtful = True

    def _try(self, node: ast.Try, frame: Frame) -> Any:
        if not node.finalbody:
            return self._handled(node, frame)
        try:
            signal = self._handled(node, frame)
        except GaveUp:
            raise
        except BaseException as error:
            self.genuine(error)
            inner = self.block(node.finalbody, frame)
            if inner is not None:
                return inner
            raise
        inner = self.block(node.finalbody, frame)
        return inner if inner is not None else signal

    def _handled(self, node: ast.Try, frame: Frame) -> Any:
        self.tries += bool(node.handlers)
        depth = self.depth
        try:
            signal = self.block(node.body, frame)
        except GaveUp:
            raise
        except BaseException as error:
            self.tries -= bool(node.handlers)
            self.depth = depth
            self.genuine(error)
            handler = self.handler_for(node.handlers, error, frame)
            if handler is None:
                raise
            return self.handle(handler, error, frame)
        self.tries -= bool(node.handlers)
        return signal if signal is not None else self.block(node.orelse, frame)

    def handler_for(self, handlers: list[ast.ExceptHandler], error: BaseException, frame: Frame) -> Any:
        """The handler that takes an exception."""
        for handler in handlers:
            if handler.type is None:
                return handler
            wanted = self.value(handler.type, frame)
            for kind in wanted if isinstance(wanted, tuple) else (wanted,):
                if kind is UNKNOWN or not isinstance(kind, type):
                    undecided("a handler of an unknown exception")
                if isinstance(error, kind):
                    return handler
        return None

    def handle(self, handler: ast.ExceptHandler, error: BaseException, frame: Frame) -> Any:
        """Run a handler's body."""
        self.places = [place for place in self.places if place[0] is not error]
        if handler.name:
            self.store(handler.name, error, frame)
        frame.caught.append(error)
        try:
            return self.block(handler.body, frame)
        finally:
            frame.caught.pop()
            if handler.name:
                frame.names.pop(handler.name, None)

    def _with(self, node: ast.With, frame: Frame) -> Any:
        return self._managed(node, 0, frame)

    def _managed(self, node: ast.With, at: int, frame: Frame) -> Any:
        if at == len(node.items):
            return self.block(node.body, frame)
        item = node.items[at]
        manager = self.value(item.context_expr, frame)
        if manager is UNKNOWN:
            return self._under_unknown(node, at, frame)
        entered = ops.enter(manager)
        depth, catches = self.depth, getattr(manager, "catches", False)
        self.tries += catches
        try:
            if item.optional_vars is not None:
                self.assign(item.optional_vars, entered, frame)
            signal = self._managed(node, at + 1, frame)
        except GaveUp:
            raise
        except BaseException as error:
            self.tries -= catches
            self.depth = depth
            self.genuine(error)
            if not ops.leave(manager, error):
                raise
            return None
        self.tries -= catches
        ops.leave(manager, None)
        return signal

    def _under_unknown(self, node: Any, at: int, frame: Frame) -> Any:
        self.doubt("an unknown context manager, where its exception would be caught")
        if node.items[at].optional_vars is not None:
            self.assign(node.items[at].optional_vars, UNKNOWN, frame)
        self.tries += 1
        try:
            signal = self._managed(node, at + 1, frame)
        except GaveUp:
            raise
        except BaseException:  # noqa: BLE001
            undecided("an exception under an unknown context manager")
        self.tries -= 1
        return signal

    def _match(self, node: ast.Match, frame: Frame) -> Any:
        subject = self.value(node.subject, frame)
        if subject is UNKNOWN:
            undecided("a match on something unknown")
        for case in node.cases:
            names: dict[str, Any] = {}
            if matches(case.pattern, subject, names, lambda item: self.value(item, frame)):
                for name, value in names.items():
                    self.store(name, value, frame)
                if case.guard is None or ops.truth(self.value(case.guard, frame)):
                    return self.block(case.body, frame)
        return None

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> Any:
        decorators = [self.value(item, frame) for item in node.decorator_list]
        made = self.function(node, frame, node.name)
        for decorator in reversed(decorators):
            made = self.decorated(decorator, made)
        self.store(node.name, made, frame)

    def decorated(self, decorator: Any, made: Any) -> Any:
        """What a decorator makes of a function or class."""
        if decorator is UNKNOWN:
            self.escaped = True
            self.leaked |= bool(self.importing)
            return UNKNOWN
        return bounded(self.apply(decorator, [made], {}))

    def _class(self, node: ast.ClassDef, frame: Frame) -> Any:
        decorators = [self.value(item, frame) for item in node.decorator_list]
        made = self.make_class(node, frame)
        for decorator in reversed(decorators):
            made = self.decorated(decorator, made)
        self.store(node.name, made, frame)

    def _import(self, node: ast.Import | ast.ImportFrom, frame: Frame) -> Any:
        self.import_(node, frame)

    def forget(self, node: ast.AST, frame: Frame) -> None:
        """Take all that a statement binds, and what it may have changed, as unknown."""
        defines = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        for item in ast.walk(node):
            for name in bound_in(item):
                frame.names[name] = UNKNOWN
            if isinstance(item, ast.Name | ast.Attribute) and not defines:
                held = held_by(item, frame.names)
                if isinstance(item, ast.Name) and (
                        isinstance(held, type | list | dict | set | deque) or is_instance(held)):
                    frame.names[item.id] = UNKNOWN  # it may have been changed
                elif (inner := inner_of(held)) is not None:
                    forget_changed(inner.node, inner.frame.root, set())
