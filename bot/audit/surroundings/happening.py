"""Whether the failure that a test prepares ever happens: asked of an interpretation of the test with marks in its text.

A mark is an assertion that is put into a copy of the test's own code, so that an interpretation records whether it was
reached and whether it held. Nothing is executed, and the product's code stays as it is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.audit.interpret.changes import copied
from bot.audit.interpret.interpretation import Run, interpreted
from bot.audit.reading.checks import MOCKS
from bot.audit.reading.definitions import ClassInfo, last_name
from bot.audit.reading.flat import every, every_in, parent_of
from bot.audit.reading.source import FunctionNode
from bot.audit.rule import said
from bot.audit.view import View

_CLAIMS = re.compile(
    r"(?<![a-z])(fail(s|ed|ing|ure|ures|over)?|errors?|outages?|down|unavailab\w*|time(d|s)?_?outs?|slow|refus\w*|lost|"
    r"loses|broken|breaks|crash\w*|disconnect\w*|drop(s|ped)?|retr(y|ies|ied)|fall(s|ing)?_?back|recover\w*|surviv\w*|"
    r"degrad\w*|overload\w*|flaky|transient|interrupt\w*|corrupt\w*|unreachable|resilien\w*|toler\w*|unstable)"
    r"(?![a-z])")
_SPARED = re.compile(
    r"(?<![a-z])(cache[sd]?|cached|skip\w*|disabled?|only|instead|nothing|never|without|no|ignores?|before|avoid\w*|"
    r"not_(call|send|ask|use|reach|touch|invoke|hit|retr|quer|fetch|run|happen|trigger|execut)\w*|unless|already|"
    r"short_circuit\w*|bypass\w*|default|empty|healthy|happy|success\w*|lazy|lazily|unused)(?![a-z])")
_FORBIDS = re.compile(r"should(n't| not)|must not|never|not be|unexpected|not reached|unreachable|may not",
                      re.IGNORECASE)
_ASKING = {"called", "call_count", "call_args", "call_args_list", "mock_calls", "method_calls", "await_count",
           "awaited", "await_args", "await_args_list", "called_once"}
_ERROR = re.compile(
    r"(Error|Exception|Timeout|Refused|Down|Unavailable|Closed|Failure|Failed|Disconnect|Expired)$")
_OF_THE_LANGUAGE = {"AssertionError", "NotImplementedError", "StopIteration", "StopAsyncIteration", "KeyError",
                    "AttributeError"}
_MOST_MARKS = 30


@dataclass(eq=False)
class _Marks:
    """The marks of one test: `came` are met when an error of a double comes, `missed` hold when one did not.

    `begun` are met when a function of a double is called that may raise.
    """

    came: dict[ast.AST, ast.AST] = field(default_factory=dict)
    missed: dict[ast.AST, tuple[ast.AST, ast.expr, int]] = field(default_factory=dict)
    begun: dict[ast.AST, FunctionNode] = field(default_factory=dict)
    changed: dict[ast.AST, ast.AST] = field(default_factory=dict)

    @property
    def many(self) -> bool:
        return not 0 < len(self.came) + len(self.missed) <= _MOST_MARKS


def claims_failure(view: View) -> bool:
    """Whether a test's name says that something fails around the code under test, and not that it is spared that."""
    name = view.node.name.lower()
    return bool(_CLAIMS.search(name)) and not _SPARED.search(name)


def never_happens(view: View, *, auto: bool) -> tuple[ast.AST, str] | None:
    """Where a test prepares a failure that certainly never comes, though its name claims it, and why; None otherwise.

    Only for a test that certainly passes and whose doubles raise nothing at all in the course of it.
    """
    if not claims_failure(view) or not _may_raise(view):
        return None
    plain = interpreted(view, auto=auto)
    if plain.outcome != "passed" or not any(run.called for run in plain.runs):
        return None
    marks = _marks(view)
    if marks.many:
        return None
    found = interpreted(view, marks.changed, auto=auto)
    if found.outcome != "passed" or any(_came(run, marks) for run in found.runs) or _meant(view, marks, found.runs):
        return None
    if marks.missed:
        place, exact, most = next(iter(marks.missed.values()))
        times = f" more than {most} times" if most else ""
        return place, (f"nothing in the course of the test calls `{ast.unparse(exact)}`{times}, so the error that it "
                       "was told to raise never comes")
    place = next(iter(marks.came.values()))
    return place, f"`{said(place)}` of the double is never reached, so the failure that the test is about never comes"


def _came(run: Run, marks: _Marks) -> bool:
    """Whether an error of a double came in a run, or may have."""
    held = {item.node for item in run.met if item.holds}
    return any(item.node in marks.came for item in run.met) or any(mark not in held for mark in marks.missed)


def _meant(view: View, marks: _Marks, runs: tuple[Run, ...]) -> bool:
    """Whether the code under test has one of the doubles, and leaves it alone in this state."""
    asked = _asked_for(runs)
    begun = {marks.begun[item.node] for run in runs for item in run.met if item.node in marks.begun}
    return any(not most and _spared(view, exact, asked) for _, exact, most in marks.missed.values()) or any(
        function.name in asked and _handed(view, function) for function in set(marks.begun.values()) - begun
    )


def _asked_for(runs: tuple[Run, ...]) -> set[str]:
    """The names that the product functions which run call on other objects."""
    functions = {node for run in runs for node in run.entered}
    return {last_name(call.func) for node in functions for call in every(node, ast.Call)}


def _spared(view: View, exact: ast.expr, asked: set[str]) -> bool:
    """Whether the code under test has a double and calls such a thing, but not in this state: that may be the point."""
    return root_of(exact) in _arguments_of(view.calls) and (isinstance(exact, ast.Name) or last_name(exact) in asked)


def _arguments_of(calls: tuple[ast.Call, ...]) -> set[str]:
    """The variables that calls are given, as they are."""
    return {root_of(item) for call in calls for item in (*call.args, *(word.value for word in call.keywords))
            if isinstance(item, ast.Name | ast.Attribute)}


def _handed(view: View, function: FunctionNode) -> bool:
    """Whether the test hands on an object with a function, or the function itself."""
    owner = parent_of(function)
    made = owner.name if isinstance(owner, ast.ClassDef) else function.name
    names = {made} | {target.id for node in view.every(ast.Assign) if last_name(node.value) == made
                      for target in node.targets if isinstance(target, ast.Name)}
    inline = any(last_name(item) == made for call in view.calls
                 for item in (*call.args, *(word.value for word in call.keywords)) if isinstance(item, ast.Call))
    return inline or bool(names & _arguments_of(view.calls))


def _may_raise(view: View) -> bool:
    return (
        any(item.attr == "side_effect" for item in view.attributes)
        or any(word.arg == "side_effect" for call in _all_calls(view) for word in call.keywords)
        or any(True for _ in _raises(view))
    )


def _all_calls(view: View) -> Iterator[ast.Call]:
    yield from view.calls
    for decorator in view.node.decorator_list:
        yield from every(decorator, ast.Call)


def _marks(view: View) -> _Marks:
    marks = _Marks()
    copy = copied(view.node)
    twins = dict(zip(ast.walk(view.node), ast.walk(copy), strict=True))
    for function, raised in list(_raises(view)):
        if function is None:
            _put_before(copy, twins[raised], raised, marks)
            continue
        if function not in marks.changed:
            marks.changed[function] = copied(function)
        made = marks.changed[function]
        twin = dict(zip(ast.walk(function), ast.walk(made), strict=True))[raised]
        _put_before(made, twin, raised, marks)
    _put_first(view, copy, twins, marks)
    for node, exact, most in _told(view, copy, twins):
        count = ast.Attribute(exact, "call_count", ast.Load())
        mark = ast.Assert(ast.Compare(count, [ast.LtE()], [ast.Constant(most)]), None)
        marks.missed[mark] = (node, exact, most)
        copy.body = [*copy.body, mark]
    marks.changed[view.node] = ast.fix_missing_locations(copy)
    for made in marks.changed.values():
        ast.fix_missing_locations(made)
    return marks


def _put_before(root: ast.AST, twin: ast.AST, original: ast.AST, marks: _Marks) -> None:
    """Put a mark before a statement of a copy."""
    for item in ast.walk(root):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(item, name, None)
            if isinstance(block, list) and any(one is twin for one in block):
                mark = ast.Assert(ast.Constant(True), None)
                block.insert(next(at for at, one in enumerate(block) if one is twin), mark)
                marks.came[mark] = original
                return


def _put_first(view: View, copy: FunctionNode, twins: dict[ast.AST, ast.AST], marks: _Marks) -> None:
    """Put a mark at the beginning of each function of a double that has a `raise` with a mark."""
    within = {item for raised in marks.came.values() for item in view.source.above(raised)
              if isinstance(item, FunctionNode) and item is not view.node}
    for function in within:
        twin = twins.get(function)
        made = twin if isinstance(twin, FunctionNode) else marks.changed.get(function)
        if isinstance(made, FunctionNode) and made is not copy:
            mark = ast.Assert(ast.Constant(True), None)
            made.body.insert(0, mark)
            marks.begun[mark] = function


# what is told to raise


def _told(view: View, copy: FunctionNode, twins: dict[ast.AST, ast.AST]) -> Iterator[tuple[ast.AST, ast.expr, int]]:
    """The mocks that the test tells to raise: where, how to read each at the end, and the calls before it raises."""
    asked = {root_of(item) for item in view.attributes if item.attr in _ASKING or item.attr.startswith("assert_")}
    for node in view.every(ast.Assign):
        target = node.targets[0]
        if isinstance(target, ast.Attribute) and target.attr == "side_effect" and root_of(target) not in asked:
            most = _errors_after(node.value)
            if most is not None and _plain(target.value):
                yield node, copied(_loaded(target.value)), most
        named = isinstance(target, ast.Name | ast.Attribute) and root_of(target) not in asked
        if named and isinstance(node.value, ast.Call) and (most := _effect(node.value)) is not None:
            yield node, copied(_loaded(target)), most
    for block in view.withs:
        for at, item in enumerate(block.items):
            made = item.context_expr
            if not (isinstance(made, ast.Call) and (most := _effect(made)) is not None):
                continue
            name = item.optional_vars
            if name is None:
                twin = twins[block]
                assert isinstance(twin, ast.With | ast.AsyncWith)
                name = ast.Name(f"_double_{len(twins)}_{block.lineno}_{at}", ast.Store())
                twin.items[at].optional_vars = name
            if isinstance(name, ast.Name) and name.id not in asked:
                yield made, ast.Name(name.id, ast.Load()), most
    yield from _told_by_decorators(view, asked)


def _told_by_decorators(view: View, asked: set[str]) -> Iterator[tuple[ast.AST, ast.expr, int]]:
    arguments = [item.arg for item in view.node.args.args if item.arg not in {"self", "cls"}]
    for decorator in reversed(view.node.decorator_list):
        if not (isinstance(decorator, ast.Call) and "patch" in ast.unparse(decorator.func)):
            continue
        gives = len(decorator.args) <= (2 if last_name(decorator.func) == "object" else 1)
        if not gives or any(word.arg == "new" for word in decorator.keywords):
            continue
        if not arguments:
            return
        name = arguments.pop(0)
        most = _effect(decorator)
        if most is not None and name not in asked:
            yield decorator, ast.Name(name, ast.Load()), most


def _effect(call: ast.Call) -> int | None:
    """How many calls a mock answers before it raises, by its keyword; None when it does not, or no mock is made."""
    name = last_name(call.func)
    if name not in MOCKS and name not in {"patch", "object"}:
        return None
    given = next((word.value for word in call.keywords if word.arg == "side_effect"), None)
    return None if given is None else _errors_after(given)


def _errors_after(effect: ast.expr) -> int | None:
    if isinstance(effect, ast.List | ast.Tuple):
        return next((at for at, item in enumerate(effect.elts) if is_error(item)), None)
    return 0 if is_error(effect) else None


def is_error(node: ast.expr) -> bool:
    """Whether what a mock is told to do is to raise, by the name of what it raises, and not to forbid the call."""
    if not isinstance(node, ast.Name | ast.Attribute | ast.Call) or last_name(node) == "AssertionError":
        return False
    called = node.func if isinstance(node, ast.Call) else node
    return bool(_ERROR.search(last_name(called))) and not _forbids(node)


def _forbids(node: ast.AST) -> bool:
    return any(isinstance(item.value, str) and _FORBIDS.search(item.value) for item in every(node, ast.Constant))


def _plain(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and _plain(node.value))


def _loaded(node: ast.expr) -> ast.expr:
    return ast.Name(node.id, ast.Load()) if isinstance(node, ast.Name) else (
        ast.Attribute(node.value, node.attr, ast.Load()) if isinstance(node, ast.Attribute) else node)


def root_of(node: ast.expr) -> str:
    """The variable that an expression starts with, with its attribute for `self`."""
    first = ""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        first = node.attr if isinstance(node, ast.Attribute) else first
        node = node.func if isinstance(node, ast.Call) else node.value
    name = node.id if isinstance(node, ast.Name) else ""
    return f"self.{first}" if name == "self" else name


# doubles that are written as classes and functions


def _raises(view: View) -> Iterator[tuple[FunctionNode | None, ast.Raise]]:
    """The `raise` statements of doubles that this test lets fail, with their method; None for code inside the test."""
    for node in view.every(ast.Raise):
        inner = [item for item in view.above(node) if isinstance(item, FunctionNode | ast.Lambda)]
        if inner and _fails(node):
            yield None, node
    for cls in view.reach.classes:
        home = cls.module
        if home.product or cls.node.name.startswith("Test") or parent_of(cls.node) is not home.source.tree:
            continue
        for method in cls.node.body:
            if isinstance(method, FunctionNode):
                for node in every_in(method.body, ast.Raise):
                    if _fails(node) and _switched_on(view, cls, method, node):
                        yield method, node


def _fails(node: ast.Raise) -> bool:
    return node.exc is not None and last_name(node.exc) not in _OF_THE_LANGUAGE and not _forbids(node.exc)


def _switched_on(view: View, cls: ClassInfo, method: FunctionNode, raised: ast.Raise) -> bool:
    """Whether the test sets what the condition before a `raise` looks at: by the constructor, or as an attribute."""
    read: set[str] = set()
    for item in cls.module.source.above(raised):
        if item is method:
            break
        if isinstance(item, ast.If):
            read |= {part.attr for part in every(item.test, ast.Attribute)}
    parameters = {
        value.id
        for name in read
        for value in cls.set_by_methods.get(name, [])
        if isinstance(value, ast.Name)
    }
    for call in view.calls:
        if last_name(call.func) == cls.node.name and isinstance(call.func, ast.Name):
            init = cls.members.get("__init__")
            names = [item.arg for item in init.args.args[1:]] if isinstance(init, FunctionNode) else []
            given = dict(zip(names, call.args, strict=False)) | {word.arg or "": word.value for word in call.keywords}
            if any(name in parameters and not _off(value) for name, value in given.items()):
                return True
    return any(
        isinstance(target, ast.Attribute) and target.attr in read and not _off(node.value)
        for node in view.every(ast.Assign)
        for target in node.targets
    )


def _off(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not node.value
