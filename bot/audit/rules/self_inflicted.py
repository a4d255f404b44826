"""The asserted exception is raised by the test itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.dataflow.flow import Asserted, Kind, Origin, asserted, is_weak, kinds, on_mock, replaced, resolve
from bot.audit.dataflow.origin import calls_in
from bot.audit.reading.checks import raises_names
from bot.audit.reading.definitions import ClassInfo, last_name
from bot.audit.reading.flat import every, walk
from bot.audit.reading.references import Instance, Made, is_product
from bot.audit.reading.source import FunctionNode
from bot.audit.rule import WARNING, Context, Example, Found, Rule, per_test, said
from bot.audit.rules.sut_replaced import own_replacements, rests_on
from bot.audit.surroundings.steered import shared_tool
from bot.audit.view import View

_FOREIGN = {Kind.PRODUCT, Kind.UNKNOWN, Kind.LIBRARY, Kind.AMBIENT}


def _look(context: Context, view: View) -> Iterator[Found]:
    if not context.program.product_modules:
        return
    own = [item for item in asserted(view) if item.own]
    for item in own:
        if item.style != "raises" or not isinstance(item.node, ast.With | ast.AsyncWith):
            continue
        names = frozenset[str]().union(*(raises_names(manager.context_expr) for manager in item.node.items))
        if (found := _by_stand_in(view, item, item.node, names)) is not None:
            yield found
        elif (tool := _raiser(item, names)) is not None and shared_tool(context, view, tool.node):
            pass  # whoever writes a tool for other tests may well see to it that it raises
        elif found := _raised_here(view, item.node, names) or _by_own_code(item, item.node, names):
            # Raising on purpose is no harm beside assertions on what the product made of it.
            yield (*found, WARNING) if any(_shows_more(each, item.node) for each in own) else found
        elif found := _through_product(view, item.node, names):
            yield found
    yield from _held_lock(view)
    yield from _held_database(view, own)


def _through_product(
    view: View, block: ast.With | ast.AsyncWith, names: frozenset[str]
) -> tuple[ast.AST, str] | None:
    """A call, out of the inside of a product object, of a function that the test put there and that raises.

    `worker._handlers["task"](...)`, `checkout.mailer.send(...)`: no method of the product is on the way.
    """
    only = block.body[0] if len(block.body) == 1 else None
    value = only.value if isinstance(only, ast.Expr | ast.Assign) else None
    call = value.value if isinstance(value, ast.Await) else value
    if not isinstance(call, ast.Call) or resolve(view, call.func) is not None:
        return None
    inside: ast.expr = call.func
    steps = 0
    while isinstance(inside, ast.Attribute | ast.Subscript):
        inside, steps = inside.value, steps + 1
        found = resolve(view, inside) if isinstance(inside, ast.Attribute) else None
        if isinstance(found, Instance) and is_product(found):
            return None  # `manager.hook.called()`: an object of the product stands in between
    owner = view.bare_scope.resolve(inside) if isinstance(inside, ast.Name) else None
    if steps < 2 or not isinstance(owner, Instance) or not is_product(owner):
        return None
    if any(calls_in(argument) for argument in call.args):
        return None
    for function in every(view.node, ast.FunctionDef, ast.AsyncFunctionDef):
        assert isinstance(function, FunctionNode)
        if function is view.node or not _raises(function, names):
            continue
        if not any(is_product(resolve(view, item)) for item in _decorators(function)):
            return call, (
                f"`{said(call)}` calls `{function.name}` (line {function.lineno}), which the test wrote to raise this: "
                "no code of the implementation is between them"
            )
    if _told_to_raise(view, call.func, names):
        return call, _TOLD.format(said(call), " or ".join(sorted(names)))
    return None


def _decorators(function: FunctionNode) -> Iterator[ast.expr]:
    """What decorates a function: one that the product has marked is for the product to call."""
    for item in function.decorator_list:
        yield item.func if isinstance(item, ast.Call) else item


_TAKES_DATABASE = re.compile(r"^\s*(BEGIN\s+(EXCLUSIVE|IMMEDIATE)|LOCK\s+TABLES?)\b", re.IGNORECASE)


def _held_database(view: View, own: list[Asserted]) -> Iterator[Found]:
    """A database that the test locks by a statement, to show that a connection of its own then has to wait."""
    taken = [
        call
        for call in view.calls
        if call.args
        and isinstance(call.args[0], ast.Constant)
        and _TAKES_DATABASE.match(str(call.args[0].value))
        and isinstance(call.func, ast.Attribute)
        and isinstance(resolve(view, call.func.value), Made)
    ]
    blocks = [item for item in own if item.style == "raises" and isinstance(item.node, ast.With | ast.AsyncWith)]
    if not taken or len(blocks) != len(own):
        return
    for item in blocks:
        calls = [call for part in item.operands for call in every(part, ast.Call)]
        foreign = [call for call in calls if isinstance(call.func, ast.Attribute)
                   and isinstance(resolve(view, call.func.value), Made)]
        if not calls or len(foreign) != len(calls):
            return
    yield blocks[0].node, (
        f"`{said(taken[0])}` (line {taken[0].lineno}) locks the database, and a connection of the test's own then "
        "meets the lock: no code of the implementation is in between"
    )


def _shows_more(item: Asserted, block: ast.With | ast.AsyncWith) -> bool:
    """Whether an assertion rests on the product, and not only on the error that the block caught."""
    caught = {last_name(manager.optional_vars) for manager in block.items if manager.optional_vars is not None}
    names = {part.id for operand in item.operands for part in walk(operand) if isinstance(part, ast.Name)}
    return item.node is not block and Kind.PRODUCT in item.kinds and not names & caught and not is_weak(item)


_TIMEOUTS = {"TimeoutError", "Timeout"}
_WAITS = {"wait_for", "fail_after", "timeout", "timeout_at"}


def _held_lock(view: View) -> Iterator[Found]:
    """A lock that the test takes itself, never to give it back before it asserts that the product waits for it."""
    taken = [node for node in view.nodes if isinstance(node, ast.Call) and _takes_lock(view, node)]
    if not taken:
        return
    own = [item for item in asserted(view) if item.own]
    for item in own:
        if _asserts_hang(item.node) and not any(_after_release(view, item, other) for other in own):
            earlier = [node for node in taken if node.lineno < getattr(item.node, "lineno", 0)]
            if earlier:
                yield (
                    item.node,
                    (
                        f"the code waits for a lock that the test itself holds: `{said(earlier[0])}` (line "
                        f"{earlier[0].lineno})"
                    ),
                )
                return


def _takes_lock(view: View, node: ast.Call) -> bool:
    """Whether a call takes a private lock of the product, or one that the test made with the language's library."""
    if last_name(node.func) != "acquire" or not isinstance(node.func, ast.Attribute):
        return False
    lock = node.func.value
    if isinstance(lock, ast.Attribute) and lock.attr.startswith("_") and "lock" in lock.attr.lower():
        return Kind.PRODUCT in kinds(view, lock.value)
    made = resolve(view, lock)
    name = made.by if isinstance(made, Made) else ""
    return name.rpartition(".")[2] in {"Lock", "RLock", "Semaphore"} and Kind.UNKNOWN not in kinds(view, lock)


def _asserts_hang(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return isinstance(node.test, ast.Call) and last_name(node.test.func) == "is_alive"
    if isinstance(node, ast.Call) and last_name(node.func) == "assertTrue" and node.args:
        return last_name(node.args[0]) == "is_alive"
    if isinstance(node, ast.With | ast.AsyncWith):
        managers = [manager.context_expr for manager in node.items]
        waits = any(isinstance(item, ast.Call) and last_name(item.func) in _WAITS for item in walk(node))
        return waits and any(raises_names(manager) & _TIMEOUTS for manager in managers)
    return False


def _after_release(view: View, hang: Asserted, other: Asserted) -> bool:
    """Whether another assertion stands after the lock was given back, and so shows what became of the waiting code."""
    released = [node.lineno for node in view.nodes if isinstance(node, ast.Call) and last_name(node.func) == "release"]
    line = getattr(other.node, "lineno", 0)
    return other is not hang and bool(released) and line > min(released) and Kind.PRODUCT in other.kinds


def _of_tool(manager: ast.expr) -> bool:
    """Whether the expecting is done by an object that the test holds (`self.case.assertRaises`): it is under test."""
    called = manager.func if isinstance(manager, ast.Call) else manager
    return isinstance(called, ast.Attribute) and isinstance(called.value, ast.Attribute)


def _raised_here(
    view: View, block: ast.With | ast.AsyncWith, names: frozenset[str]
) -> tuple[ast.AST, str] | None:
    """A `raise` of the expected exception in the block itself, with nothing around it that could be under test."""
    if any(not raises_names(manager.context_expr) or _of_tool(manager.context_expr) for manager in block.items):
        return None
    waiting: list[ast.stmt] = list(block.body)
    while waiting:
        statement = waiting.pop(0)
        if isinstance(statement, ast.Raise) and statement.exc is not None and last_name(statement.exc) in names:
            raised = statement.exc.func if isinstance(statement.exc, ast.Call) else statement.exc
            made = resolve(view, raised)
            if made is None or (isinstance(made, ClassInfo) and not is_product(made) and _derived(made)):
                return None  # a class that the product makes or takes part in: its own behaviour may be the point
            return statement, f"`{said(statement)}` raises the exception that the test expects: it is the test's own"
        if isinstance(statement, ast.If | ast.For | ast.AsyncFor | ast.While):
            waiting += [*statement.body, *statement.orelse]
    return None


def _by_stand_in(
    view: View, item: Asserted, block: ast.With | ast.AsyncWith, names: frozenset[str]
) -> tuple[ast.AST, str] | None:
    """A call in the block of a stand-in that the test told to raise, before any product code could."""
    replacements = {replacement.node for replacement, _ in own_replacements(view)}
    for statement in block.body:
        for call in sorted(calls_in(statement), key=lambda node: node.col_offset):
            found = replaced(view, call.func) if isinstance(call, ast.Call) else None
            if found is not None and found.node in replacements and rests_on(view, item, found):
                return call, _TOLD.format(said(call), " or ".join(sorted(names)))
        value = statement.value if isinstance(statement, ast.Expr | ast.Assign) else None
        value = value.value if isinstance(value, ast.Await) else value
        if isinstance(value, ast.Call) and on_mock(view, value.func) and _told_to_raise(view, value.func, names):
            return value, _TOLD.format(said(value), " or ".join(sorted(names)))
        if kinds(view, statement) & _FOREIGN:
            return None
    return None


_TOLD = "`{}` calls the stand-in that the test told to raise {}: the exception is the test's own"


def _told_to_raise(view: View, called: ast.expr, names: frozenset[str]) -> bool:
    """Whether a mock was given one of the exceptions as its side effect."""
    for node in view.nodes:
        if isinstance(node, ast.keyword | ast.Assign):
            told = node.arg if isinstance(node, ast.keyword) else last_name(node.targets[0])
            if told == "side_effect" and any(last_name(part) in names for part in walk(node.value)):
                return True
    return False


def _by_own_code(
    item: Asserted, block: ast.With | ast.AsyncWith, names: frozenset[str]
) -> tuple[ast.AST, str] | None:
    local = _raiser(item, names)
    if local is None:
        return None
    return block, (f"the expected exception is raised by `{local.name}` (line {getattr(local.node, 'lineno', 0)}), "
                   "which the tests define themselves")


def _raiser(item: Asserted, names: frozenset[str]) -> Origin | None:
    """The definition of the tests that raises an expected exception, with nothing else in the block that could."""
    if not names or item.kinds & _FOREIGN:
        return None
    found = [origin for origin in item.origins if origin.kind is Kind.LOCAL and _raises(origin.node, names)]
    local = min(found, key=lambda origin: getattr(origin.node, "lineno", 0), default=None)
    tests = local is not None and isinstance(local.node, ast.ClassDef) and local.node.name.startswith("Test")
    return None if tests else local


def _derived(cls: ClassInfo) -> bool:
    """Whether a class of the tests is made by something else than the language alone."""
    return bool(cls.node.decorator_list) or any(item.module.product for item in cls.order)


def _raises(node: ast.AST | None, names: frozenset[str]) -> bool:
    return isinstance(node, FunctionNode | ast.ClassDef) and any(
        isinstance(item, ast.Raise) and item.exc is not None and last_name(item.exc) in names for item in walk(node)
    )


RULE = Rule(
    id="self-inflicted",
    defect_class="self-inflicted",
    title="The test raises what it expects",
    rationale="An exception that the test raises, or tells its own stand-in to raise, shows nothing about the code.",
    hint="Let a collaborator raise and assert what the code under test makes of it.",
    check=per_test(_look),
    good=Example(
        test="""\
from unittest.mock import Mock
import pytest
from product.service import load, Unavailable


def test_load():
    store = Mock(side_effect=OSError)
    with pytest.raises(Unavailable):
        load(store)
""",
        implementation="""\
class Unavailable(Exception):
    pass


def load(store):
    try:
        return store()
    except OSError as error:
        raise Unavailable from error
""",
    ),
    bad=Example(
        test="""\
from unittest.mock import Mock
import pytest
from product.service import Service


def test_load():
    service = Service()
    service.load = Mock(side_effect=TimeoutError)
    with pytest.raises(TimeoutError):
        service.load()
""",
        implementation="""\
class Service:
    def load(self):
        return 1
""",
    ),
)
