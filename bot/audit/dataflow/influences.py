"""What may change a value where it is used."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.audit.dataflow.inputs import Inputs
from bot.audit.dataflow.libraries import Kind, kind_of_call, takes_only
from bot.audit.dataflow.origin import AMBIENT, Callers, Item, Origin, SelfAttribute, kind_of_class
from bot.audit.dataflow.replacing import is_patch
from bot.audit.reading.definitions import ClassInfo, last_name
from bot.audit.reading.program import External
from bot.audit.reading.references import function_of, is_product
from bot.audit.reading.variables import ScopeNode, variables

_CARRYING = (
    ast.keyword, ast.Starred, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.Await, ast.IfExp, ast.ListComp,
    ast.GeneratorExp, ast.SetComp, ast.DictComp,
)
"""What a value passes through unchanged on the way up: it is then part of the whole."""


_LOGGING = {"debug", "info", "warning", "error", "exception", "critical", "log"}


def _only_looks(called: ast.expr) -> bool:
    """Whether a call is an assertion, or writes to a log."""
    owner = last_name(called.value).lower() if isinstance(called, ast.Attribute) else ""
    name = last_name(called)
    return name.startswith("assert") or (name in _LOGGING and owner.strip("_") in {"log", "logger", "logging"})


@dataclass(eq=False)
class Influences:
    """What may change a variable where it is used. `home` is the function that the variable belongs to."""

    inside: Inputs
    home: ScopeNode | None

    def of(self, use: ast.expr) -> Iterator[Item]:
        """What one use of the variable (or of a function or lambda, as a value) brings to it."""
        below: ast.AST = use
        changed = False
        for item in self.inside.source_of(use).above(use):
            if isinstance(item, ast.Attribute | ast.Subscript):
                if isinstance(item, ast.Subscript) and item.slice is below:
                    if not isinstance(item.ctx, ast.Load):
                        yield from self.held([item])  # a key of what others may go through
                    break
                if not isinstance(item.ctx, ast.Load):
                    told = self.inside.on_mock(item)
                    if isinstance(item, ast.Subscript):
                        yield item.slice  # a key of its own class says itself what it equals
                    yield from (
                        Origin(Kind.LITERAL, node=part)
                        if told and isinstance(part, ast.Call) and self.inside.is_plain(part)
                        else part
                        for part in self.inside.stored(item)
                    )
                    changed = True
                    break
            elif isinstance(item, ast.Call):
                brought = list(self._in_call(item, below))
                if not brought and item.func is not below:
                    break
                # Any method may change what it is called on, and a mock keeps that it was called.
                changed = changed or bool(brought) or below is not use or self.inside.on_mock(item.func)
                yield from brought
            elif not isinstance(item, _CARRYING):
                yield from self._ended(item, below, use)
                break
            below = item
        if changed:
            yield from self.inside.deciding(use)
            function = self.inside.enclosing(use)
            if function is not None and function is not self.home:
                yield Callers(function)

    def _in_call(self, call: ast.Call, below: ast.AST) -> Iterator[Item]:
        if call.func is not below:
            yield from self._callee(call, below)
            return
        mocked = self.inside.on_mock(call.func)
        for item in (*call.args, *(word.value for word in call.keywords)):
            if not (mocked and self.inside.is_plain(item)):
                yield item

    def _ended(self, item: ast.AST, below: ast.AST, use: ast.expr) -> Iterator[Item]:
        """Where the value goes to, at the statement (or the like) in which it is used."""
        if isinstance(item, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
            if item.value is below:
                yield from self.held(item.targets if isinstance(item, ast.Assign) else [item.target])
        elif isinstance(item, ast.For | ast.AsyncFor | ast.comprehension):
            if item.iter is below:
                yield from self.held([item.target])
        elif isinstance(item, ast.withitem):
            yield from self.held([item.optional_vars] if item.optional_vars is not None else [])
        elif isinstance(item, ast.Return | ast.Yield | ast.YieldFrom) or (
            isinstance(item, ast.Lambda) and item is not use
        ):
            function = self.inside.enclosing(below)
            if function is not None:
                yield Callers(function)

    def held(self, targets: Iterable[ast.expr]) -> Iterator[Item]:
        """The variables that hold the value now, too."""
        for target in targets:
            for item in [target] if not isinstance(target, ast.Tuple | ast.List) else target.elts:
                root = item
                while isinstance(root, ast.Attribute | ast.Subscript | ast.Starred):
                    if isinstance(root, ast.Attribute) and self.inside.is_own(root.value):
                        yield SelfAttribute(root.attr)
                        break
                    root = root.value
                if isinstance(root, ast.Name):
                    variable = variables(self.inside.home_of(root)).of.get(root)
                    if variable is not None:
                        yield variable
                elif isinstance(root, ast.Call):
                    yield root

    def _callee(self, call: ast.Call, below: ast.AST) -> Iterator[Item]:
        """What a call does to one of its arguments: nothing at all where it only looks at it."""
        found = self.inside.resolve(call.func)
        if (isinstance(found, External) and takes_only(found.name)) or _only_looks(call.func):
            return
        given = self.inside.given(call, found)
        if is_patch(call, self.inside.scope_at(call)):
            yield AMBIENT
        if isinstance(found, External):
            yield Origin(kind_of_call(found.name, call), found.name, call)
        elif is_product(found):
            data = isinstance(found, ClassInfo) and kind_of_class(found) is Kind.CONSTANT
            yield Origin(Kind.CONSTANT if data else Kind.PRODUCT, ast.unparse(call.func)[:80], call)
        elif isinstance(found, ClassInfo):
            yield found.node
        elif (function := function_of(found)) is not None:
            yield function.node
        else:
            yield call.func
        inner = below.value if isinstance(below, ast.keyword | ast.Starred) else below
        yield from (item for item in given if item is not inner)
