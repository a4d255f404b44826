"""Static evaluation of statements, as far as their flow is certain."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from bot.audit.evaluating.calling import Calls
from bot.audit.evaluating.expecting import names_of
from bot.audit.evaluating.expressions import ABSENT, Frame, GaveUp, Raised, Returned
from bot.audit.evaluating.values import UNKNOWN, Box, Closure, Kind, Known, Place, Problem, Several, Thing, Value
from bot.audit.reading.checks import handler_names
from bot.audit.reading.definitions import ClassInfo, FunctionInfo, last_name
from bot.audit.reading.flat import every, walk
from bot.audit.reading.scope import Scope
from bot.audit.reading.source import FunctionNode

_MOST_ROUNDS = 50
_MOST_TURNS = 200
_EXPECTING = {"raises", "assertRaises", "assertRaisesRegex"}
UNITTEST: dict[str, type[ast.cmpop]] = {
    "assertEqual": ast.Eq,
    "assertEquals": ast.Eq,
    "assertNotEqual": ast.NotEq,
    "assertIs": ast.Is,
    "assertIsNot": ast.IsNot,
    "assertGreater": ast.Gt,
    "assertGreaterEqual": ast.GtE,
    "assertLess": ast.Lt,
    "assertLessEqual": ast.LtE,
    "assertIn": ast.In,
    "assertNotIn": ast.NotIn,
    "assertDictEqual": ast.Eq,
    "assertListEqual": ast.Eq,
}


_PLAIN_MANAGERS = {"patch", "object", "dict", "multiple", "Lock", "RLock", "context", "nullcontext", "subTest"}
_CUTTING = re.compile(r"move_on|fail_after|cancel|timeout|scope|suppress|ignor|group|nursery|stack", re.IGNORECASE)


class _Next(Exception):
    """`continue` was met."""


class _Ended(Exception):
    """`break` was met."""


class Statements(Calls):
    """Evaluates statements. What assertions mean, `_judge` and `_expected`, is the subclass's."""

    def _judge(self, node: ast.AST, test: ast.expr, frame: Frame) -> None:
        raise NotImplementedError

    def _expected(self, node: ast.With | ast.AsyncWith, item: ast.withitem, frame: Frame) -> None:
        raise NotImplementedError

    def _block(self, body: Iterable[ast.stmt], frame: Frame) -> None:
        for statement in body:
            self._step()
            self._statement(statement, frame)

    def _statement(self, node: ast.stmt, frame: Frame) -> None:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            self._assign(node, frame)
        elif isinstance(node, ast.Expr):
            self._expression_statement(node.value, frame)
        elif isinstance(node, ast.Assert):
            self._assert(node, frame)
        elif isinstance(node, ast.If):
            self._if(node, frame)
        elif isinstance(node, ast.With | ast.AsyncWith):
            self._with(node, frame)
        elif isinstance(node, ast.For):
            self._for(node, frame)
        elif isinstance(node, ast.While):
            self._while(node, frame)
        elif isinstance(node, ast.Delete):
            self._delete(node, frame)
        elif isinstance(node, ast.Try):
            self._try(node, frame)
        else:
            self._leave(node, frame)

    def _leave(self, node: ast.stmt, frame: Frame) -> None:
        if isinstance(node, ast.Return):
            raise Returned(self._value(node.value, frame) if node.value else Known(None))
        if isinstance(node, ast.Raise):
            raise Raised(self._problem(node, frame))
        if isinstance(node, ast.Continue):
            raise _Next
        if isinstance(node, ast.Break):
            raise _Ended
        if isinstance(node, FunctionNode):
            self._unsure += bool(node.decorator_list)
            plain_one = not node.decorator_list and not free_names(node)
            frame.names[node.name] = Closure(node, frame.scope, frame.names) if plain_one else UNKNOWN
            if not plain_one:
                self._let_go(node, frame)
        elif isinstance(node, ast.ClassDef):
            frame.names[node.name] = UNKNOWN
            self._unsure += 1
            self._let_go(node, frame)
        elif isinstance(node, ast.Match):
            self._match(node, frame)
        elif not isinstance(node, ast.Pass | ast.Import | ast.ImportFrom | ast.Global | ast.Nonlocal):
            self._unsure += 1
            self._forget(node, frame)
            if _leaves(node):
                raise GaveUp

    def _match(self, node: ast.Match, frame: Frame) -> None:
        subject = self._value(node.subject, frame)
        for case in node.cases:
            decided = self._fits(case.pattern, subject, frame)
            if decided and case.guard is not None:
                decided = self._truth(self._value(case.guard, frame), frame)
            if decided is None:
                self._unsure += 1
                self._forget(node, frame)
                if _leaves(node):
                    raise GaveUp
                return
            if decided:
                self._block(case.body, frame)
                return

    def _fits(self, pattern: ast.pattern, subject: Value, frame: Frame) -> bool | None:
        if isinstance(pattern, ast.MatchValue):
            return self._compared(ast.Eq(), subject, self._value(pattern.value, frame), frame)
        if isinstance(pattern, ast.MatchSingleton):
            return self._compared(ast.Is(), subject, Known(pattern.value), frame)
        if isinstance(pattern, ast.MatchOr):
            answers = [self._fits(item, subject, frame) for item in pattern.patterns]
            return True if True in answers else None if None in answers else False
        if isinstance(pattern, ast.MatchAs) and pattern.pattern is None:
            if pattern.name:
                frame.names[pattern.name] = subject
            return True
        return None

    def _let_go(self, node: ast.AST, frame: Frame) -> None:
        """Code that may run at any time sees these names: what they hold escapes, now and later."""
        self._nonlocal.update(free_names(node))
        for item in every(node, ast.Name):
            self._captured.add(item.id)
            self._escape(frame.names.get(item.id, UNKNOWN))
            if item.id in self._nonlocal and item.id in frame.names:
                frame.names[item.id] = UNKNOWN

    def _assert(self, node: ast.Assert, frame: Frame) -> None:
        if frame.scope is self.scope:
            self._judge(node, node.test, frame)
        elif self._truth(self._value(node.test, frame), frame) is not True:
            self._unsure += 1

    def _problem(self, node: ast.Raise, frame: Frame) -> Problem:
        """The exception that a `raise` raises; one whose class is unknown has no names."""
        unknown = Problem((), UNKNOWN, False)
        if node.exc is None:
            raise GaveUp
        kind = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        if isinstance(kind, ast.Name) and kind.id in frame.names:
            value = frame.names[kind.id]
            return value if isinstance(value, Problem) else unknown
        found = frame.scope.resolve(kind)
        named = names_of(found)
        if named is None:
            self._unsure += 1
            return unknown
        message: Value = UNKNOWN
        if isinstance(node.exc, ast.Call) and isinstance(found, ClassInfo) and found.method("__init__") is not None:
            before = self._unsure
            made = self._value(node.exc, frame)
            self._unsure = before  # that an exception can be made is taken for granted
            module = frame.scope.module
            place = Place(module.source.path, node.lineno, module.product)
            return Problem(named[0], UNKNOWN, named[1], place, made if isinstance(made, Thing) else None)
        own = getattr(found, "has_own", lambda name: False)
        if isinstance(node.exc, ast.Call) and len(node.exc.args) == 1 and not node.exc.keywords:
            given = self._value(node.exc.args[0], frame)
            message = given if not (own("__init__") or own("__str__")) and named[0][0] != "KeyError" else UNKNOWN
        module = frame.scope.module
        return Problem(named[0], message, named[1], Place(module.source.path, node.lineno, module.product))

    def _assign(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign, frame: Frame) -> None:
        if isinstance(node, ast.AugAssign):
            before = self._value(node.target, frame)
            after = self._operation(node.op, before, self._value(node.value, frame), frame)
            if isinstance(before, Box) and isinstance(after, Box) and not before.lost:
                before.items[:], before.keys[:] = after.items, after.keys  # it changes in place
                return
            self._store(node.target, after, frame)
            if isinstance(before, Box | Thing):
                self._escape(before)
        elif node.value is not None:
            value = self._value(node.value, frame)
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                self._store(target, value, frame)

    def _expression_statement(self, node: ast.expr, frame: Frame) -> None:
        if isinstance(node, ast.Yield):
            raise Returned(self._value(node.value, frame) if node.value else Known(None))
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
        ):
            name = node.func.attr
            if node.func.value.id == "self" and frame.scope is self.scope and self._asserted(node, name, frame):
                return
            if self._set_variable(node, name, frame):
                return
        self._value(node, frame)

    def _asserted(self, node: ast.Call, name: str, frame: Frame) -> bool:
        if name in UNITTEST and len(node.args) >= 2:
            test = ast.Compare(left=node.args[0], ops=[UNITTEST[name]()], comparators=[node.args[1]])
            self._judge(node, ast.copy_location(test, node), frame)
            return True
        if name in {"assertTrue", "assertFalse"} and node.args:
            tested = node.args[0] if name == "assertTrue" else ast.UnaryOp(ast.Not(), node.args[0])
            self._judge(node, ast.copy_location(tested, node) if name == "assertFalse" else tested, frame)
            return True
        return False

    def _set_variable(self, node: ast.Call, name: str, frame: Frame) -> bool:
        """`monkeypatch.setenv`, `monkeypatch.delenv`, `os.environ.pop`, `os.environ.update`."""
        key = node.args[0] if node.args else None
        environ = frame.scope.dotted(node.func) if name in {"pop", "update", "setdefault", "clear"} else ""
        if name == "setenv" and len(node.args) >= 2 and isinstance(key, ast.Constant):
            self._environment[str(key.value)] = self._value(node.args[1], frame)
        elif (name == "delenv" or environ == "os.environ.pop") and isinstance(key, ast.Constant):
            self._environment[str(key.value)] = ABSENT
        elif environ == "os.environ.clear":
            self._environment, self._emptied = {}, True
        elif environ == "os.environ.update" and isinstance(key, ast.Dict):
            self._variables(key, frame)
        elif environ.startswith("os.environ."):
            self._environment, self._emptied = {}, False
        else:
            return False
        return True

    def _variables(self, given: ast.Dict, frame: Frame) -> None:
        for key, value in zip(given.keys, given.values, strict=True):
            if isinstance(key, ast.Constant):
                self._environment[str(key.value)] = self._value(value, frame)

    def _delete(self, node: ast.Delete, frame: Frame) -> None:
        for target in node.targets:
            if isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Slice):
                owner, key = self._value(target.value, frame), self._value(target.slice, frame)
                if isinstance(owner, Box) and owner.kind == "dict" and not owner.lost:
                    try:
                        place = owner.at(key)
                    except ValueError:
                        place = None
                    if place is not None:
                        del owner.keys[place], owner.items[place]
                        continue
            self._unsure += 1
            self._forget(target, frame)

    def _while(self, node: ast.While, frame: Frame) -> None:
        for _ in range(_MOST_TURNS):
            decided = self._truth(self._value(node.test, frame), frame)
            if decided is None:
                break
            if not decided:
                self._block(node.orelse, frame)
                return
            try:
                self._block(node.body, frame)
            except _Next:
                continue
            except _Ended:
                return
        self._unsure += 1
        self._forget(node, frame)
        if next(every(node, ast.Return), None) is not None:
            raise GaveUp

    def _if(self, node: ast.If, frame: Frame) -> None:
        decided = self._truth(self._value(node.test, frame), frame)
        if decided is None:
            self._unsure += 1
            if isinstance(node.body[-1], ast.Raise):
                self._block(node.orelse, frame)  # where it raises, the test ends, and nothing is said of what follows
                return
            if _leaves(node):
                raise GaveUp
            self._forget(node, frame)
            return
        self._block(node.body if decided else node.orelse, frame)

    def _for(self, node: ast.For, frame: Frame) -> None:
        items = self._elements(self._value(node.iter, frame), frame)
        if items is None or len(items) > _MOST_ROUNDS:
            self._unsure += 1
            self._forget(node, frame)
            if next(every(node, ast.Return), None) is not None:
                raise GaveUp
            return
        for item in tuple(items):
            self._store(node.target, item, frame)
            try:
                self._block(node.body, frame)
            except _Next:
                continue
            except _Ended:
                return
        self._block(node.orelse, frame)

    def _try(self, node: ast.Try, frame: Frame) -> None:
        """A `try` whose body certainly does not raise, or certainly raises what a handler does or does not catch."""
        before = self._unsure
        raised: Problem | None = None
        try:
            self._block(node.body, frame)
        except Raised as error:
            raised = error.problem
        except (Returned, _Next, _Ended):
            if self._unsure == before and not node.finalbody:
                raise
            raise GaveUp from None
        if self._unsure != before or node.finalbody or (raised is not None and not raised.complete):
            self._unsure += 1
            self._forget(node, frame)
            if _leaves(node) or raised is not None:
                raise GaveUp
            return
        if raised is None:
            self._block(node.orelse, frame)
            return
        for handler in node.handlers:
            if handler_names(handler) & set(raised.names):
                if handler.name:
                    frame.names[handler.name] = raised
                self._block(handler.body, frame)
                return
        raise Raised(raised)

    def _with(self, node: ast.With | ast.AsyncWith, frame: Frame) -> None:
        before = dict(self._environment), self._emptied
        quiet, certain = False, True
        for item in node.items:
            called = last_name(item.context_expr)
            harmless = self._is_harmless(item.context_expr, frame)
            certain = certain and harmless is not False
            self._unsure += harmless is not True
            if called in _EXPECTING and isinstance(item.context_expr, ast.Call) and len(node.items) == 1:
                self._expected(node, item, frame)
                return
            quiet = quiet or called in {*_EXPECTING, "suppress", "warns", "subTest", "deprecated_call"}
            self._patched_environment(item.context_expr, frame)
            self._value(item.context_expr, frame)
            if item.optional_vars is not None:
                self._store(item.optional_vars, UNKNOWN, frame)
        try:
            if quiet:
                self._unsure += 1
                self._forget_all(node.body, frame)
                if _leaves(node):
                    raise GaveUp  # it may end here
            else:
                doubts = self._unsure
                self._block(node.body, frame)
                if not certain and (self._unsure != doubts or next(every(node, ast.Await), None) is not None):
                    self._forget_all(node.body, frame)  # the block may have been left early, and quietly
        finally:
            self._environment, self._emptied = before

    def _is_harmless(self, node: ast.expr, frame: Frame) -> bool | None:
        """Whether entering and leaving a manager does nothing of note.

        None where it may raise, False where it may end its block early or take an exception away.
        """
        name = last_name(node)
        if name in _PLAIN_MANAGERS or self._external(node, frame).startswith("unittest.mock."):
            return True
        if isinstance(node, ast.Call) and not self._external(node, frame):
            return False
        return False if _CUTTING.search(name) or not isinstance(node, ast.Call) else None

    def _patched_environment(self, node: ast.expr, frame: Frame) -> None:
        if not isinstance(node, ast.Call) or not self._external(node, frame).endswith("patch.dict") or not node.args:
            return
        first = node.args[0]
        named = isinstance(first, ast.Constant) and first.value == "os.environ"
        if not named and self._external(first, frame) != "os.environ":
            return
        options = {word.arg: word.value for word in node.keywords}
        clear = options.get("clear")
        if isinstance(clear, ast.Constant) and clear.value is True:
            self._environment, self._emptied = {}, True
        given = node.args[1] if len(node.args) > 1 else options.get("values")
        if isinstance(given, ast.Dict):
            self._variables(given, frame)
        elif given is not None:
            values = self._value(given, frame)
            if isinstance(values, Box) and not values.lost:
                self._environment |= {str(key.value): item for key, item in values.pairs() if isinstance(key, Known)}
            else:
                self._environment, self._emptied = {}, False
        for name, value in options.items():
            if name not in {"clear", "values", None}:
                self._environment[str(name)] = self._value(value, frame)

    def _external(self, node: ast.expr, frame: Frame) -> str:
        return frame.scope.dotted(node.func if isinstance(node, ast.Call) else node)

    def _fixture_value(self, fixture: FunctionInfo, bound: dict[str, Value], frame: Frame) -> Value:
        """What a fixture gives a test: what it returns, or what it yields at its top level."""
        body = fixture.node.body
        inner = Frame(
            Scope.of(self.program, fixture.module, (fixture.node,), fixture.owner, frame.scope.replaced), dict(bound)
        )
        self._calls += 1
        try:
            self._block(body, inner)
        except Returned as returned:
            return returned.value
        except (GaveUp, Raised):
            for value in inner.names.values():
                self._escape(value)
            return UNKNOWN
        finally:
            self._calls -= 1
        return Known(None)

    # stores

    def _store(self, target: ast.expr, value: Value, frame: Frame) -> None:
        if isinstance(target, ast.Name):
            if target.id in self._captured:
                self._escape(value)
            frame.names[target.id] = UNKNOWN if target.id in self._nonlocal else value
        elif isinstance(target, ast.Attribute):
            self._store_attribute(target, value, frame)
        elif isinstance(target, ast.Subscript):
            self._store_item(target, value, frame)
        elif isinstance(target, ast.Tuple | ast.List):
            known = value.items if isinstance(value, Several) and len(value.items) == len(target.elts) else None
            self._unsure += known is None
            for at, item in enumerate(target.elts):
                inner = item.value if isinstance(item, ast.Starred) else item
                self._store(inner, known[at] if known is not None and inner is item else UNKNOWN, frame)

    def _store_attribute(self, target: ast.Attribute, value: Value, frame: Frame) -> None:
        owner = self._value(target.value, frame)
        if isinstance(owner, Thing):
            method = owner.cls.method(target.attr)
            if (method is not None and method.is_property) or _may_be_descriptor(owner.cls, target.attr):
                self._escape(owner)
                self._unsure += 1
                owner.attributes = dict.fromkeys(owner.attributes, UNKNOWN)
                return
            if not owner.cls.takes_attributes:
                self._unsure += 1
            owner.attributes[target.attr] = value
        else:
            self._unsure += 1
            self._escape(value)
            self._forget_attribute(target.attr)
            self._patched.add(target.attr)

    def _store_item(self, target: ast.Subscript, value: Value, frame: Frame) -> None:
        if self._external(target.value, frame) == "os.environ" and isinstance(target.slice, ast.Constant):
            self._environment[str(target.slice.value)] = value
            return
        owner = self._value(target.value, frame)
        key = self._value(target.slice, frame) if not isinstance(target.slice, ast.Slice) else UNKNOWN
        if isinstance(owner, Box) and owner.kind == "dict" and not owner.lost:
            if owner.put(key, value):
                return
            owner.lost = False  # so that what is in it escapes, too
        if isinstance(owner, Box) and isinstance(key, Known) and owner.replace_item(key.value, value):
            return
        if isinstance(owner, Thing) and self._own_way(owner, "__setitem__", [key, value], frame) is not None:
            return
        self._unsure += 1
        self._escape(value)
        self._escape(owner)
        for item in walk(target.value):
            if isinstance(item, ast.Name):
                self._escape(frame.names.get(item.id, UNKNOWN))
                if not isinstance(frame.names.get(item.id), Thing | Kind):
                    frame.names[item.id] = UNKNOWN
            elif isinstance(item, ast.Attribute):
                self._forget_attribute(item.attr)

    def _forget_attribute(self, name: str) -> None:
        """An attribute of some object was assigned: it may be any of those that have it."""
        for thing in self._things:
            if name in thing.attributes:
                thing.attributes[name] = UNKNOWN
            elif _may_be_descriptor(thing.cls, name):
                thing.attributes = dict.fromkeys(thing.attributes, UNKNOWN)

    def _forget_all(self, body: Iterable[ast.stmt], frame: Frame) -> None:
        for statement in body:
            self._forget(statement, frame)

    def _forget(self, node: ast.AST, frame: Frame) -> None:
        """Take everything that a statement may change as unknown: it may run once, often or not at all."""
        for item in walk(node):
            self._step()
            if isinstance(item, ast.Name):
                if isinstance(item.ctx, ast.Load):
                    self._escape(frame.names.get(item.id, UNKNOWN))
                else:
                    frame.names[item.id] = UNKNOWN
            elif isinstance(item, ast.Attribute) and not isinstance(item.ctx, ast.Load):
                self._forget_attribute(item.attr)
                self._patched.add(item.attr)


def free_names(node: ast.AST) -> frozenset[str]:
    """The names that functions in a node declare `nonlocal` or `global`."""
    found = {name for item in every(node, ast.Nonlocal) for name in item.names}
    return frozenset(found | {name for item in every(node, ast.Global) for name in item.names})


def _leaves(node: ast.AST) -> bool:
    return any(True for kind in (ast.Return, ast.Break, ast.Continue) for _ in every(node, kind))


def _may_be_descriptor(cls: ClassInfo, name: str) -> bool:
    """Whether a class keeps under a name what a call made, which may take the setting of it for something else."""
    member = next((item.members[name] for item in cls.order if name in item.members), None)
    value = member.value if isinstance(member, ast.Assign | ast.AnnAssign) else None
    return isinstance(value, ast.Call) and not any(item.is_dataclass for item in cls.order)
