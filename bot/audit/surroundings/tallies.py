"""Failures that a test counts: what it catches or filters, where that goes, and whether the count is wanted."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.audit.controlflow.asserting import predicate
from bot.audit.reading.checks import handler_names
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every, parent_of, walk
from bot.audit.reading.program import ModuleInfo
from bot.audit.reading.scope import Scope
from bot.audit.reading.source import FunctionNode
from bot.audit.view import View

BROAD = frozenset({"Exception", "BaseException"})
_ADDS = {"append", "add", "appendleft", "put", "put_nowait", "extend", "insert"}
_TALKS = {"print", "debug", "info", "warning", "error", "exception", "log"}
_REPRODUCES = re.compile(
    r"reproduc|\brace\b|_race_|_race\b|race[ _]condition|\bstorm\b|_storm|under[ _]\w*[ _]?load|overload|"
    r"\bincident\b|\bbug\b|cascad",
    re.IGNORECASE,
)
_OUTAGE = re.compile(
    r"refus|unreach|unavailab|outage|offline|(\b|_)down(\b|_)|no[ _](server|service|broker|one|listener)|"
    r"not[ _]running|nobody|closed|(cannot|can't|could not|failed? to|fails? to|unable to)[ _]connect|"
    r"connect(ion)?[ _](error|fail|lost)|(\b|_)gone(\b|_)|(\b|_)dead(\b|_)|absent|missing|unresolv|"
    r"invalid[ _](host|address|url)|unknown[ _]host|bad[ _]host|dns[ _](error|fail)|"
    r"network[ _](error|fail)|not[ _]connected|without[ _]a?[ _]?(server|connection)",
    re.IGNORECASE,
)


@dataclass(frozen=True, eq=False)
class Tally:
    """A count of failures that an assertion wants to be there.

    `node` is the handler, or the filter of gathered results, `body` the code whose failures it counts, `caught` the
    names of what it catches, `name` the counter or list, `check` the assertion. `looked_at`: another assertion looks
    into what was caught.
    """

    node: ast.AST
    body: tuple[ast.AST, ...]
    caught: frozenset[str]
    name: str
    check: ast.AST
    looked_at: bool


def title(view: View) -> str:
    """What a test says it is about: its name, its docstring, its class's name, and what its assertions complain of."""
    parts = [view.node.name, ast.get_docstring(view.node) or "", *(cls.name for cls in view.case.classes)]
    for node in view.asserts:
        if node.msg is not None:
            parts += [str(item.value) for item in every(node.msg, ast.Constant)]
    for call in view.calls:
        if last_name(call.func).startswith("assert") or last_name(call.func) in _TALKS:
            parts += [item.value for item in every(call, ast.Constant) if isinstance(item.value, str)]
    return "\n".join(parts)


def claims_reproduction(view: View) -> bool:
    """Whether a test says that it shows a defect."""
    return bool(_REPRODUCES.search(title(view)))


def plans_outage(view: View) -> bool:
    """Whether a test's name or docstring says that the service it speaks to is not there, and reproduces nothing."""
    said = f"{view.node.name}\n{ast.get_docstring(view.node) or ''}"
    return bool(_OUTAGE.search(said)) and not _REPRODUCES.search(said)


def tallies(view: View) -> tuple[Tally, ...]:
    """The counts of failures in a test, handlers in functions inside it included; found once."""
    key = ("tallies", view.node)
    if key not in view.program.memo:
        trys: list[ast.Try | ast.TryStar] = list(view.trys)
        for body in view.helpers:
            trys += [*body.every(ast.Try), *body.every(ast.TryStar)]
        gathers = [item for item in view.calls if _returns_exceptions(item)]
        view.program.memo[key] = tuple(_Counting(view).run(trys, gathers)) if trys or gathers else ()
    known: tuple[Tally, ...] = view.program.memo[key]
    return known


def led_to(view: View, nodes: Iterable[ast.AST]) -> Iterator[tuple[ast.AST, Scope]]:
    """Some nodes of a test and the bodies of the tests' own functions that their calls enter, each with its scope."""
    waiting: list[tuple[ast.AST, Scope]] = [(node, view.bare_scope) for node in nodes]
    seen: set[ast.AST] = set()
    while waiting and len(seen) < 30:
        node, scope = waiting.pop(0)
        yield node, scope
        for call in every(node, ast.Call):
            found = scope.resolve(call.func)
            function = getattr(found, "function", found)
            module, inner = getattr(function, "module", None), getattr(function, "node", None)
            known = not isinstance(module, ModuleInfo) or module.product or inner in seen
            if not known and isinstance(module, ModuleInfo) and isinstance(inner, FunctionNode):
                seen.add(inner)
                outer = getattr(function, "outer", ())
                of = Scope.of(view.program, module, (*outer, inner), getattr(function, "owner", None))
                waiting += [(part, of) for part in inner.body]


class _Counting:
    def __init__(self, view: View) -> None:
        self.view = view
        self.errors = _error_names(view)
        self.assigned: list[tuple[frozenset[str], ast.expr]] = []
        for assign in view.every(ast.Assign):
            self.assigned.append((_stored(assign.targets), assign.value))
        self.assigned += [(_stored([one.target]), one.value) for one in view.every(ast.AnnAssign) if one.value]
        self.assigned += [(_stored([one.target]), one.value) for one in view.every(ast.AugAssign)]
        self.assigned += [(_stored([one.target]), one.value) for one in view.every(ast.NamedExpr)]
        self.assigned += [(_stored([loop.target]), loop.iter) for loop in view.every(ast.For)]
        self.assigned += [(_stored([loop.target]), loop.iter) for loop in view.every(ast.AsyncFor)]
        self.checks = [(check, predicate(check)) for check in view.checks]

    def run(self, trys: Iterable[ast.Try | ast.TryStar], gathers: Iterable[ast.Call]) -> Iterator[Tally]:
        for node in trys:
            for handler in node.handlers:
                marks = self._marks(handler)
                success = {name for part in (*node.body, *node.orelse) for name in _filled(part)}
                mixed = (marks & success) | self._returned(node, handler)
                caught = handler_names(handler)
                yield from self._wanted(handler, tuple(node.body), caught, marks - mixed, mixed)
        for call in gathers:
            names = self._bound_to(call)
            yield from self._wanted(call, tuple(call.args), BROAD, frozenset(), names)

    def _marks(self, handler: ast.ExceptHandler) -> frozenset[str]:
        return frozenset(name for part in handler.body for name in _filled(part))

    def _returned(self, node: ast.AST, handler: ast.ExceptHandler) -> frozenset[str]:
        """The names that hold what a function inside the test gives, where a handler in it gives a value back."""
        function = parent_of(node)
        while function is not None and not isinstance(function, FunctionNode):
            function = parent_of(function)
        if function is None or function is self.view.node:
            return frozenset()
        if not any(item.value for part in handler.body for item in every(part, ast.Return)):
            return frozenset()
        return frozenset(
            name
            for names, value in self.assigned
            for name in names
            if any(last_name(item.func) == function.name for item in every(value, ast.Call))
            or any(item.id == function.name for item in every(value, ast.Name))
        )

    def _bound_to(self, call: ast.Call) -> frozenset[str]:
        return frozenset(name for names, value in self.assigned if call in walk(value) for name in names)

    def _wanted(
        self,
        node: ast.AST,
        body: tuple[ast.AST, ...],
        caught: frozenset[str],
        marks: frozenset[str],
        mixed: frozenset[str],
    ) -> Iterator[Tally]:
        """The checks that want what was marked; what successes go into as well counts once it was filtered."""
        names = set(marks)
        filtered = {name for bound, value in self.assigned if _filters(value, mixed, self.errors) for name in bound}
        names |= filtered
        if not names and not mixed:
            return
        for _ in range(4):
            for bound, value in self.assigned:
                if _reads(value, names) and _carries(value):
                    names |= bound
        inside = set(walk(node)) if isinstance(node, ast.ExceptHandler) else set()
        check, name = None, ""
        for one, test in self.checks:
            if test is not None and one not in inside and check is None:
                name = _wants_some(test, names) or (
                    "the results" if _filters(test, mixed, self.errors) and _wants_filtered(test) else ""
                )
                check = one if name else None
        if check is None:
            return
        others = [other for other, _ in self.checks if other is not check]
        looked = any(_looks_into(other, names | set(mixed)) for other in (*others, *_inside_checks(inside)))
        exact = predicate(check)
        looked = looked or (exact is not None and _compares_content(exact))
        place = node if self.view.program.home_of(node) is self.view.module else self.view.node
        yield Tally(place, body, caught, name, check, looked)


def _error_names(view: View) -> frozenset[str]:
    """The names of the exception classes that the files at hand define."""
    memo = view.program.memo
    if ("error names",) not in memo:
        memo["error names",] = frozenset(
            cls.node.name
            for cls in view.program.classes
            if any(last_name(base).endswith(("Error", "Exception")) for item in cls.order for base in item.node.bases)
        )
    known: frozenset[str] = memo["error names",]
    return known


def _inside_checks(inside: set[ast.AST]) -> list[ast.AST]:
    return [item for item in inside if isinstance(item, ast.Assert)]


def _returns_exceptions(call: ast.Call) -> bool:
    return last_name(call.func) == "gather" and any(
        word.arg == "return_exceptions" and isinstance(word.value, ast.Constant) and word.value.value is True
        for word in call.keywords
    )


def _stored(targets: Iterable[ast.expr]) -> frozenset[str]:
    found = {item.id for target in targets for item in every(target, ast.Name) if isinstance(item.ctx, ast.Store)}
    found |= {
        root for target in targets if isinstance(target, ast.Attribute | ast.Subscript) and (root := _root(target))
    }
    return frozenset(found)


def _root(node: ast.expr) -> str:
    """The name that an attribute or item is of; `self.x` and `stats["failed"]` as one name."""
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and isinstance(node.slice, ast.Constant):
        return f"{node.value.id}[{node.slice.value!r}]" if isinstance(node.slice.value, str) else node.value.id
    while isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}:
        return f"self.{node.attr}"
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _filled(statement: ast.AST) -> Iterator[str]:
    """The counters and lists that a statement adds to, and the flags that it sets to something true."""
    for added in every(statement, ast.AugAssign):
        if isinstance(added.op, ast.Add) and (root := _root(added.target)):
            yield root
    for call in every(statement, ast.Call):
        if isinstance(call.func, ast.Attribute) and call.func.attr in _ADDS and (root := _root(call.func.value)):
            yield root
    for assign in every(statement, ast.Assign):
        false = isinstance(assign.value, ast.Constant) and not assign.value.value
        if not false:
            for target in assign.targets:
                if root := _root(target):
                    yield root


def _reads(node: ast.AST, names: Iterable[str]) -> bool:
    wanted = set(names)
    return any(item.id in wanted for item in every(node, ast.Name)) or any(
        _root(item) in wanted for item in every(node, ast.Attribute, ast.Subscript)
    )


def _carries(value: ast.expr) -> bool:
    """Whether a value made of a count still tells of the count: a length, sum, rate, copy or filter of it."""
    calls = [last_name(item.func) for item in every(value, ast.Call)]
    return all(
        name
        in {
            "len",
            "sum",
            "list",
            "set",
            "tuple",
            "float",
            "int",
            "isinstance",
            "sorted",
            "round",
            "any",
            "max",
            "min",
            "str",
            "Counter",
            "qsize",
            "get",
            "count",
            "type",
        }
        for name in calls
    )


def _filters(value: ast.AST, mixed: frozenset[str], errors: frozenset[str]) -> bool:
    """Whether an expression keeps the failures out of results: `[r for r in results if isinstance(r, Exception)]`."""
    if not mixed:
        return False
    made: list[ast.ListComp | ast.GeneratorExp | ast.SetComp] = [
        *every(value, ast.ListComp),
        *every(value, ast.GeneratorExp),
        *every(value, ast.SetComp),
    ]
    for item in made:
        first = item.generators[0]
        tests = first.ifs or ([item.elt] if isinstance(item, ast.GeneratorExp) else [])
        if _reads(first.iter, mixed) and any(_picks_failures(test, errors) for test in tests):
            return True
    return any(
        last_name(call.func) == "count"
        and call.args
        and isinstance(call.func, ast.Attribute)
        and _root(call.func.value) in mixed
        and _names_failure(call.args[0])
        for call in every(value, ast.Call)
    )


def _picks_failures(test: ast.expr, errors: frozenset[str]) -> bool:
    if isinstance(test, ast.BoolOp):
        return any(_picks_failures(item, errors) for item in test.values)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return not isinstance(test.operand, ast.Call) or last_name(test.operand.func) != "isinstance"
    if isinstance(test, ast.Call):
        return (
            last_name(test.func) == "isinstance"
            and len(test.args) == 2
            and any(
                item.id.endswith(("Exception", "Error")) or item.id in errors for item in every(test.args[1], ast.Name)
            )
        ) or (last_name(test.func) == "startswith" and len(test.args) == 1 and _names_failure(test.args[0]))
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        other = test.comparators[0]
        if isinstance(test.ops[0], ast.In):
            return _names_failure(test.left)
        if isinstance(test.ops[0], ast.Eq | ast.Is):
            return _names_failure(other) or (isinstance(other, ast.Constant) and other.value is False)
        return (
            isinstance(test.ops[0], ast.NotEq)
            and isinstance(other, ast.Constant)
            and (other.value in ("ok", "success", "OK", "passed", True))
        )
    return False


def _names_failure(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and bool(
            re.search(r"fail|err|race|lost|refus|reject|timeout|drop|crash|unavail|down", node.value, re.IGNORECASE)
        )
    )


def _wants_filtered(test: ast.AST) -> bool:
    if isinstance(test, ast.Call):
        return last_name(test.func) == "any"
    return isinstance(test, ast.Compare) and _at_least(test)


def _wants_some(test: ast.AST, names: set[str]) -> str:
    """The name that must hold some for a condition to be true; "" when none need."""
    if isinstance(test, ast.BoolOp):
        found = [_wants_some(item, names) for item in test.values]
        together = all(found) if isinstance(test.op, ast.Or) else any(found)
        return next((item for item in found if item), "") if together else ""
    if isinstance(test, ast.Name | ast.Attribute | ast.Subscript):
        root = _root(test)
        return root if root in names else ""
    name = next((item for item in sorted(names) if _reads(test, {item})), "")
    if isinstance(test, ast.Call):
        return name if last_name(test.func) in {"any", "len", "bool", "is_set"} else ""
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and _is_amount(test.left) and _at_least(test):
        return name if _reads(test.left, names) else ""
    return ""


def _is_amount(node: ast.expr) -> bool:
    """Whether an expression is a count, a rate or the thing itself, and not something inside it."""
    if isinstance(node, ast.Call):
        return last_name(node.func) in {"len", "sum", "qsize", "count"}
    if isinstance(node, ast.BinOp):
        return _is_amount(node.left)
    return isinstance(node, ast.Name | ast.Attribute | ast.Subscript)


def _at_least(test: ast.Compare) -> bool:
    """Whether a comparison fails for nothing: `> 0`, `>= 2`, `== 10`, `!= 0`, `is not None`."""
    op, bound = test.ops[0], test.comparators[0]
    value = bound.value if isinstance(bound, ast.Constant) else None
    nothing = isinstance(bound, ast.Constant) and not value
    if isinstance(bound, ast.List | ast.Dict | ast.Tuple):
        nothing = not (bound.keys if isinstance(bound, ast.Dict) else bound.elts)
        return nothing and isinstance(op, ast.NotEq)
    if isinstance(op, ast.GtE):
        return not nothing
    if isinstance(op, ast.Eq):
        return not nothing and not (isinstance(value, str))
    return isinstance(op, ast.Gt) or (isinstance(op, ast.NotEq | ast.IsNot) and nothing)


def _compares_content(test: ast.expr) -> bool:
    """Whether a condition says what was caught: a type, a text, or a list of what must be in it."""
    return any(
        isinstance(item, ast.Constant) and isinstance(item.value, str) and len(item.value) > 2 for item in walk(test)
    ) or any(
        last_name(call.func) in {"isinstance", "type", "issubclass", "match", "search"}
        and not any(item.id in {"Exception", "BaseException"} for item in every(call, ast.Name))
        for call in every(test, ast.Call)
    )


def _looks_into(check: ast.AST, names: set[str]) -> bool:
    test = check if isinstance(check, ast.Call) else predicate(check)
    return test is not None and _reads(test, names) and _compares_content(test)


__all__ = ["BROAD", "Tally", "claims_reproduction", "led_to", "plans_outage", "tallies", "title"]
