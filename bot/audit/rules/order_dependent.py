"""A test that needs what another test left behind."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bot.audit.reading.bindings import fixture_name
from bot.audit.reading.definitions import is_name, last_name
from bot.audit.reading.flat import every, imports_in, walk
from bot.audit.reading.reach import SETUPS
from bot.audit.reading.source import FunctionNode
from bot.audit.rule import ERROR, WARNING, Context, Example, Found, Rule, per_test
from bot.audit.surroundings.levels import markers
from bot.audit.view import View

_MUTATES = {"append", "add", "update", "extend", "insert", "setdefault", "appendleft", "put"}
_EMPTIES = {"clear", "pop", "reset", "remove", "popitem"}
_ORDER_MARKS = {"order", "dependency", "run", "incremental", "first", "last", "second"}
_CLIENT = re.compile(
    r"Client|Session$|Runner|RequestFactory|^(FastAPI|Flask|Starlette|Quart|Sanic|Application|APIRouter)$"
)
"""What speaks to an app or is one: `client.put(...)` is a request, and changes nothing of the client."""
_ENOUGH = 2
"""One writer may be the test itself, so two are kept."""
_WIDE = {"module", "session", "class", "package"}


@dataclass
class _State:
    """What one function does to state that outlives it, by the name of the state, in the order of the text."""

    sets: dict[str, int] = field(default_factory=dict)
    adds: dict[str, int] = field(default_factory=dict)
    reads: dict[str, ast.AST] = field(default_factory=dict)
    resets: set[str] = field(default_factory=set)
    restored: set[str] = field(default_factory=set)


def _state(node: FunctionNode, shared: frozenset[str], classes: frozenset[str]) -> _State:
    """What a function does to module names in `shared`, and to attributes of the classes of the tests."""
    found = _State()
    classes -= {item.name for item in every(node, ast.ClassDef)}
    declared = {name for item in every(node, ast.Global) for name in item.names}
    local = {item.id for item in every(node, ast.Name) if isinstance(item.ctx, ast.Store)} - declared
    local |= {item.arg for item in every(node.args, ast.arg)}
    outer = shared - local
    for name in every(node, ast.Name):
        if isinstance(name.ctx, ast.Store) and name.id in declared:
            found.sets.setdefault(name.id, name.lineno)
    found.restored |= _restored(node) & declared
    for attribute in every(node, ast.Attribute):
        _of_attribute(found, attribute, _shared_name(attribute, outer, classes))
    for item in every(node, ast.Subscript):
        if isinstance(item.ctx, ast.Store) and (key := _shared_name(item.value, outer, classes)):
            found.adds.setdefault(key, item.lineno)
    for call in every(node, ast.Call):
        key = _shared_name(call.func.value, outer, classes) if isinstance(call.func, ast.Attribute) else ""
        if key and last_name(call.func) in _MUTATES and not _is_request(call):
            found.adds.setdefault(key, call.lineno)
        elif key and last_name(call.func) in _EMPTIES:
            found.resets.add(key)
    for name in every(node, ast.Name):
        if isinstance(name.ctx, ast.Load) and (key := _shared_name(name, outer, classes)):
            found.reads.setdefault(key, name)
    return found


def _restored(node: FunctionNode) -> set[str]:
    """The names that a function sets in a `finally`."""
    return {
        name.id
        for guarded in every(node, ast.Try)
        for part in guarded.finalbody
        for name in every(part, ast.Name)
        if isinstance(name.ctx, ast.Store)
    }


def _is_request(call: ast.Call) -> bool:
    """Whether `put` sends something to an address, rather than putting it in a queue."""
    first = call.args[0] if call.args else None
    text = first.value if isinstance(first, ast.Constant) else None
    named = any(word.arg not in {"block", "timeout", "item"} for word in call.keywords)
    return last_name(call.func) == "put" and (named or (isinstance(text, str) and text[:1] == "/"))


def _shared_name(item: ast.AST, outer: frozenset[str], classes: frozenset[str]) -> str:
    """The name of state that outlives a function; "" for all else."""
    if isinstance(item, ast.Name):
        return item.id if item.id in outer else ""
    return f"class {item.attr}" if isinstance(item, ast.Attribute) and _is_class(item.value, classes) else ""


def _of_attribute(found: _State, attribute: ast.Attribute, key: str) -> None:
    load = isinstance(attribute.ctx, ast.Load)
    if is_name(attribute.value, "self"):
        if load:
            found.reads.setdefault(f"class {attribute.attr}", attribute)
        else:
            found.resets.add(f"class {attribute.attr}")
    elif key and load:
        found.reads.setdefault(key, attribute)
    elif key:
        found.sets.setdefault(key, attribute.lineno)


def _is_class(node: ast.AST, classes: frozenset[str]) -> bool:
    """`TestFlow`, `cls`, `self.__class__`, `type(self)`."""
    if isinstance(node, ast.Name):
        return node.id in classes or node.id == "cls"
    if isinstance(node, ast.Attribute):
        return node.attr == "__class__" and is_name(node.value, "self")
    return (
        isinstance(node, ast.Call) and last_name(node.func) == "type"
        and any(is_name(item, "self") for item in node.args)
    )


def _shared(context: Context, view: View) -> tuple[dict[str, dict[str, _State]], set[str]]:
    """What the tests of a file do to its state, by test, and what its fixtures and set-ups put right."""
    key = ("shared state", view.source.path)
    memo = view.program.memo
    if key not in memo:
        tree = view.source.tree
        clients = frozenset(
            last_name(target)
            for item in tree.body
            if isinstance(item, ast.Assign) and isinstance(item.value, ast.Call)
            for target in item.targets
            if _CLIENT.search(last_name(item.value))
        )
        plain = frozenset(
            last_name(target)
            for item in tree.body
            if isinstance(item, ast.Assign | ast.AnnAssign)
            for target in (item.targets if isinstance(item, ast.Assign) else [item.target])
        )
        declared = frozenset(name for item in every(tree, ast.Global) for name in item.names)
        # What is imported is an object of its own, not a list of the tests: `logger.add` registers something.
        declared -= {alias.asname or alias.name for item in imports_in(tree) for alias in item.names}
        plain -= clients - declared
        classes = frozenset(
            item.name
            for item in every(tree, ast.ClassDef)
            if item.name.startswith("Test") or any("TestCase" in last_name(base) for base in item.bases)
        )
        states: dict[str, dict[str, _State]] = {}
        for case in context.cases:
            if case.source is view.source:
                owner = case.classes[-1].name if case.classes else ""
                states.setdefault(owner, {})[case.id] = _state(case.node, plain | declared, classes)
        put_right: set[str] = set()
        functions: list[FunctionNode] = [*every(tree, ast.FunctionDef), *every(tree, ast.AsyncFunctionDef)]
        for function in functions:
            around = function.name in SETUPS | {"tearDown", "teardown_method", "asyncTearDown", "teardown_function"}
            if fixture_name(function) or (around and function.name not in {"setUpClass", "setup_class"}):
                said = _state(function, plain | declared, classes)
                put_right |= {*said.sets, *said.adds, *said.resets}
        memo[key] = states, put_right
    known: tuple[dict[str, dict[str, _State]], set[str]] = memo[key]
    return known


def _left_behind(context: Context, view: View) -> Iterator[Found]:
    states, put_right = _shared(context, view)
    owner = view.case.classes[-1].name if view.case.classes else ""
    mine = states[owner][view.case.id] if view.case.id in states.get(owner, {}) else None
    if mine is None:
        return
    for name, node in mine.reads.items():
        own = mine.sets.get(name)
        if name in put_right or name in mine.resets or (own is not None and own <= getattr(node, "lineno", 0)):
            continue
        if (
            mine.adds.get(name) is not None
            and mine.adds[name] <= getattr(node, "lineno", 0)
            and not _counts(view, name)
        ):
            continue
        own_id = view.case.id
        writer = next((test for test in _writers(view, states, owner).get(name, ()) if test != own_id), None)
        if writer is not None and _matters(view, node):
            message = (
                f"`{name.removeprefix('class ')}` holds what {writer.rpartition('::')[2]} left there: alone, or in "
                "another order, this test has another outcome"
            )
            yield node, message
            return


def _writers(view: View, states: dict[str, dict[str, _State]], owner: str) -> dict[str, list[str]]:
    """The first two tests that leave something in each shared name, as a class sees it: its own attributes only."""
    key = ("writers", view.source.path, owner)
    if key not in view.program.memo:
        found: dict[str, list[str]] = {}
        for cls, tests in states.items():
            for test, state in tests.items():
                for name in {*state.sets, *state.adds} - state.restored:
                    known = found.setdefault(name, [])
                    if len(known) < _ENOUGH and (cls == owner or not name.startswith("class ")):
                        known.append(test)
        view.program.memo[key] = found
    known_writers: dict[str, list[str]] = view.program.memo[key]
    return known_writers


def _counts(view: View, name: str) -> bool:
    """Whether an assertion counts what is in shared state, its own part included."""
    plain = name.removeprefix("class ")
    return any(
        last_name(call.func) == "len" and any(last_name(item) == plain for item in call.args)
        for check in view.checks
        for call in every(check, ast.Call)
    )


def _matters(view: View, node: ast.AST) -> bool:
    """Whether what is read has a part in an assertion or in a call."""
    names: set[str] = set()
    for assign in view.every(ast.Assign):
        if node in walk(assign.value):
            names.update(last_name(target) for target in assign.targets)
    within: Iterable[ast.AST] = (*view.checks, *view.calls)
    return any(node in walk(item) or any(name.id in names for name in every(item, ast.Name)) for item in within)


def _marks(view: View) -> Iterator[Found]:
    for name in markers(view.case):
        if name in _ORDER_MARKS and f"mark.{name}" in view.source.text:
            yield view.node, f"`pytest.mark.{name}` fixes the order of tests", WARNING
            return


def _wide_fixture(view: View) -> Iterator[Found]:
    """A list or dict that a fixture makes once for many tests and that this test changes."""
    for argument in view.node.args.args:
        fixture = view.bare_scope.fixture(argument.arg)
        if fixture is None or not _is_wide(fixture.node):
            continue
        gives = [item.value for item in every(fixture.node, ast.Return)]
        gives += [item.value for item in every(fixture.node, ast.Yield)]
        if not any(isinstance(item, ast.List | ast.Dict | ast.Set) for item in gives):
            continue
        for call in view.calls:
            if (
                isinstance(call.func, ast.Attribute)
                and call.func.attr in _MUTATES
                and _is(call.func.value, argument.arg)
            ):
                yield call, f"`{argument.arg}` is shared by many tests, and this one changes it", WARNING
        for item in view.every(ast.Subscript):
            if isinstance(item.ctx, ast.Store) and _is(item.value, argument.arg):
                yield item, f"`{argument.arg}` is shared by many tests, and this one changes it", WARNING


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _is_wide(node: FunctionNode) -> bool:
    return any(
        word.arg == "scope" and isinstance(word.value, ast.Constant) and word.value.value in _WIDE
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call)
        for word in decorator.keywords
    )


def _files(context: Context, view: View) -> Iterator[Found]:
    """A file of a fixed name that only another test writes."""
    key = ("files", view.source.path)
    if key not in view.program.memo:
        view.program.memo[key] = {
            case.id: (_paths(case.node, writes=True), _paths(case.node, writes=False))
            for case in context.cases
            if case.source is view.source
        }
    known: dict[str, tuple[dict[str, ast.AST], dict[str, ast.AST]]] = view.program.memo[key]
    written, read = known.get(view.case.id, ({}, {}))
    for path, node in read.items():
        if path in written:
            continue
        writer = next((test for test, (others, _) in known.items() if test != view.case.id and path in others), None)
        if writer is not None:
            yield node, f"{path!r} is written by {writer.rpartition('::')[2]} only", ERROR


def _paths(node: FunctionNode, *, writes: bool) -> dict[str, ast.AST]:
    found: dict[str, ast.AST] = {}
    for call in every(node, ast.Call):
        name, path = last_name(call.func), ""
        if name == "open" and call.args and isinstance(call.args[0], ast.Constant):
            mode = str(call.args[1].value) if len(call.args) > 1 and isinstance(call.args[1], ast.Constant) else "r"
            if any(letter in mode for letter in "wax") is writes:
                path = str(call.args[0].value)
        elif isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call):
            inner = call.func.value
            texts = {"write_text", "write_bytes", "touch"} if writes else {"read_text", "read_bytes"}
            if (
                last_name(inner.func) == "Path"
                and name in texts
                and inner.args
                and isinstance(inner.args[0], ast.Constant)
            ):
                path = str(inner.args[0].value)
        if path:
            found.setdefault(path, call)
    return found


def _look(context: Context, view: View) -> Iterator[Found]:
    yield from _left_behind(context, view)
    yield from _marks(view)
    yield from _wide_fixture(view)
    yield from _files(context, view)


RULE = Rule(
    id="order-dependent",
    defect_class="order-dependent",
    title="What another test left behind is needed",
    rationale="Run alone, in another order or in parallel, the test has another outcome.",
    hint="Build the state in the test itself or in a fixture.",
    check=per_test(_look),
    good=Example(
        test="""\
import pytest
from product.service import Shop


@pytest.fixture
def shop():
    shop = Shop()
    shop.add('tea')
    return shop


def test_add(shop):
    assert shop.items == ['tea']


def test_clear(shop):
    shop.clear()
    assert shop.items == []
""",
        implementation="""\
class Shop:
    def __init__(self):
        self.items = []

    def add(self, name):
        self.items.append(name)

    def clear(self):
        self.items = []
""",
    ),
    bad=Example(
        test="""\
from product.service import create, load

created = {}


def test_1_create():
    created['id'] = create('tea')
    assert created['id'] > 0


def test_2_load():
    assert load(created['id']) == 'tea'
""",
        implementation="""\
ITEMS = {}


def create(name):
    ITEMS[len(ITEMS) + 1] = name
    return len(ITEMS)


def load(number):
    return ITEMS[number]
""",
    ),
)
