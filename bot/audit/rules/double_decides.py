"""The product runs, but a quirk of the test's own double fixes the outcome beforehand."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from bot.audit.dataflow.flow import Kind, asserted, on_product, resolve
from bot.audit.dataflow.overriding import overrides, serialises
from bot.audit.reading.checks import MOCKS, handler_names
from bot.audit.reading.definitions import ClassInfo, last_name, own_nodes
from bot.audit.reading.flat import walk
from bot.audit.reading.references import Bound, Instance
from bot.audit.reading.source import FunctionNode
from bot.audit.rule import Context, Example, Found, Rule, per_test, said
from bot.audit.view import View

_CLOCKS = {"time", "monotonic", "perf_counter", "now", "time_ns", "loop_time"}
_MOVING = ("advance", "tick", "move", "shift", "forward", "sleep", "set", "fail", "break", "stop", "go_", "drop",
           "disconnect", "kill", "block")


def _look(context: Context, view: View) -> Iterator[Found]:
    if not context.program.product_modules or not asserted(view) or not on_product(view):
        return
    for cls in view.reach.classes:
        if cls.module.product or cls.node.name.startswith("Test") or cls.node in view.case.classes:
            continue
        if not any(Kind.PRODUCT in item.kinds for item in asserted(view)):
            return
        found = (
            _moves_by_itself(view, cls) or _does_not_move(view, cls) or _starts_late(cls)
            or _heals_itself(cls) or _tries_again(cls)
        )
        if found is not None:
            making = (node for node in view.nodes if isinstance(node, ast.Call) and _makes(view, node, cls))
            yield next(making, view.node), f"the double `{cls.node.name}` decides the outcome: {found}"
        elif method := serialises(cls):
            yield view.node, (
                f"the double `{cls.node.name}` decides the outcome: `{method}` lets only one in at a time by a lock "
                "of its own, so what it measures is that lock"
            )
    for item in overrides(view):
        if flag := item.only_once:
            yield view.node, (
                f"the double `{item.cls.node.name}` decides the outcome: its `{item.method.name}` leads to the real "
                f"one only until `{flag}` is set, at the first call"
            )
    yield from _always_true(view)


def _makes(view: View, node: ast.Call, cls: ClassInfo) -> bool:
    found = resolve(view, node.func)
    return isinstance(found, ClassInfo) and found.node is cls.node


def _methods(cls: ClassInfo) -> Iterator[FunctionNode]:
    yield from (item for item in cls.node.body if isinstance(item, FunctionNode))


def _touched(method: FunctionNode, *, stored: bool) -> set[str]:
    """The attributes of `self` that a method stores (or reads)."""
    own = method.args.args[0].arg if method.args.args else ""
    found: set[str] = set()
    for node in walk(method):
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == own:
            found |= {node.attr} if isinstance(node.ctx, ast.Load) is not stored else set()
    return found


def _calls_of(view: View, cls: ClassInfo, method: FunctionNode) -> list[ast.Call]:
    """Where the test itself calls a method of a double."""
    return [
        node
        for node in view.nodes
        if isinstance(node, ast.Call)
        and last_name(node.func) == method.name
        and isinstance(found := resolve(view, node.func), Bound)
        and found.function.node is method
    ]


def _number(node: ast.expr | None) -> float | None:
    plain = isinstance(node, ast.Constant) and isinstance(node.value, int | float)
    return float(node.value) if plain and isinstance(node, ast.Constant) else None  # type: ignore[arg-type]


def _moves_by_itself(view: View, cls: ClassInfo) -> str | None:
    """A clock that leaps further at each look than the test moves it."""
    for reader in _methods(cls):
        if reader.name not in {"__call__", *_CLOCKS}:
            continue
        for node in own_nodes(reader):
            if not isinstance(node, ast.AugAssign) or not isinstance(node.op, ast.Add):
                continue
            step, target = _number(node.value), last_name(node.target)
            for mover in _methods(cls):
                if mover is reader or target not in _touched(mover, stored=True) or mover.name == "__init__":
                    continue
                moves = [_number(call.args[0]) or 0 for call in _calls_of(view, cls, mover) if call.args]
                if step is not None and moves and step >= max(moves):
                    return f"it moves on by {step:g} whenever it is read, whatever `{mover.name}` is called with"
    return None


def _does_not_move(view: View, cls: ClassInfo) -> str | None:
    """A switch of the double that the test uses and that nothing in it looks at."""
    for mover in _methods(cls):
        if not mover.name.startswith(_MOVING) or any(isinstance(node, ast.Return) and node.value for node in
                                                     own_nodes(mover)):
            continue
        written = _touched(mover, stored=True)
        if not written or not _calls_of(view, cls, mover) or len(cls.order) > 1:
            continue
        others = [method for method in _methods(cls) if method is not mover and method.name != "__init__"]
        read = set[str]().union(*(_touched(method, stored=False) for method in others))
        if any(isinstance(node, ast.Call) for node in own_nodes(mover)):
            continue  # it does something beside
        if not others or written & read or _read_outside(view, written):
            continue
        return f"`{mover.name}` only sets {', '.join(f'`{name}`' for name in sorted(written))}, which nothing reads"
    return None


def _read_outside(view: View, names: set[str]) -> bool:
    """Whether the product or the test's file reads an attribute of one of these names from outside."""
    for module in (view.module, *view.program.product_modules):
        for node in walk(module.source.tree):
            if not isinstance(node, ast.Attribute) or node.attr not in names or not isinstance(node.ctx, ast.Load):
                continue
            if module is not view.module or getattr(node.value, "id", "") != "self":
                return True
    return False


def _starts_late(cls: ClassInfo) -> str | None:
    """A double whose clock starts at the first question, so that the first answer is always the same."""
    for method in _methods(cls):
        for node in own_nodes(method):
            if not (isinstance(node, ast.If) and isinstance(test := node.test, ast.Compare)):
                continue
            attribute = test.left.attr if isinstance(test.left, ast.Attribute) else ""
            if not attribute or not isinstance(test.ops[0], ast.Is):
                continue
            started = any(
                isinstance(item, ast.Assign)
                and last_name(item.targets[0]) == attribute
                and any(isinstance(part, ast.Call) and last_name(part.func) in _CLOCKS for part in walk(item.value))
                for item in node.body
            )
            elapsed = any(
                isinstance(item, ast.BinOp) and isinstance(item.op, ast.Sub) and last_name(item.right) == attribute
                for item in own_nodes(method)
            )
            elsewhere = any(attribute in _touched(other, stored=True) for other in _methods(cls)
                            if other is not method and other.name != "__init__")
            if started and elapsed and not elsewhere:
                return f"its clock starts only at the first call of `{method.name}`, so that the first answer is fixed"
    return None


def _heals_itself(cls: ClassInfo) -> str | None:
    """A double that catches and repeats the very errors that it raises."""
    for method in _methods(cls):
        for loop in (node for node in own_nodes(method) if isinstance(node, ast.For | ast.While)):
            for attempt in (node for node in walk(loop) if isinstance(node, ast.Try)):
                raised = _raised_in(cls, attempt)
                for handler in attempt.handlers:
                    caught = handler_names(handler)
                    names = {name for name in raised if any(_catches(item, name) for item in caught)}
                    again = not any(isinstance(node, ast.Raise | ast.Return) for node in walk(handler))
                    if names and again:
                        return f"`{method.name}` repeats its own {' and '.join(sorted(names))}, so none ever leaves it"
    return None


def _tries_again(cls: ClassInfo) -> str | None:
    """A double that counts its own attempts in a loop until it succeeds, so that it fails for nobody."""
    for method in _methods(cls):
        for loop in (node for node in own_nodes(method) if isinstance(node, ast.For | ast.While)):
            parts = [part for statement in loop.body for part in walk(statement)]
            counted = {
                ast.dump(part.target.value) + part.target.attr
                for part in parts
                if isinstance(part, ast.AugAssign) and isinstance(part.target, ast.Attribute)
            }
            if any(isinstance(part, ast.Raise | ast.Await | ast.Yield) for part in parts):
                continue
            for branch in (part for part in parts if isinstance(part, ast.If)):
                asked = {ast.dump(part.value) + part.attr for part in walk(branch.test)
                         if isinstance(part, ast.Attribute)}
                if asked & counted and any(isinstance(item, ast.Return) for item in branch.body):
                    return f"`{method.name}` tries by itself until it succeeds, so no failure ever leaves it"
    return None


def _raised_in(cls: ClassInfo, attempt: ast.Try) -> set[str]:
    """The errors that the double itself raises in the body of a `try`, also by its own methods called there."""
    inside = [part for statement in attempt.body for part in walk(statement)]
    called = {last_name(part.func) for part in inside if isinstance(part, ast.Call)}
    methods = [method for method in _methods(cls) if method.name in called]
    every_part = [*inside, *(part for method in methods for part in walk(method))]
    return {last_name(part.exc) for part in every_part if isinstance(part, ast.Raise) and part.exc is not None}


def _catches(caught: str, raised: str) -> bool:
    one, two = getattr(builtins, caught, None), getattr(builtins, raised, None)
    if isinstance(one, type) and isinstance(two, type):
        return issubclass(two, one)
    return caught in {raised, "Exception", "BaseException"}


def _always_true(view: View) -> Iterator[Found]:
    """A truth that is only that of a mock nobody told what to answer."""
    bare = {
        name
        for name, bindings in view.bare_scope.bound(view.node).items()
        if len(bindings) == 1
        and isinstance(call := bindings[0][1], ast.Call)
        and last_name(call) in MOCKS - {"AsyncMock"}
        and not (call.args or call.keywords or _told_anything(view, name))
    }
    for node in view.asserts if bare else ():
        call = node.test.value if isinstance(node.test, ast.Await) else node.test
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            continue
        owner, found = resolve(view, call.func.value), resolve(view, call.func)
        if not (isinstance(owner, Instance) and owner.call is not None and isinstance(found, Bound)):
            continue
        returns = [item.value for item in own_nodes(found.function.node) if isinstance(item, ast.Return)]
        held = _attribute_of_self(returns[0]) if len(returns) == 1 and returns[0] is not None else ""
        if held and found.function.module.product and _given(owner, held) in bare:
            mock = _given(owner, held)
            yield node, f"`{said(call)}` answers with what `{mock}` gives, and a mock told nothing is always true"


def _told_anything(view: View, name: str) -> bool:
    """Whether the test sets anything of a mock."""
    for node in view.nodes:
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            root: ast.expr = node
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name) and root.id == name:
                return True
        if isinstance(node, ast.Call) and last_name(node.func) == "configure_mock":
            return True
    return False


def _attribute_of_self(node: ast.expr) -> str:
    """The attribute of `self` whose answer an expression is: `self.redis.ping()` gives `redis`."""
    value = node.value if isinstance(node, ast.Await) else node
    if not isinstance(value, ast.Call):
        return ""
    while isinstance(value, ast.Call | ast.Attribute):
        if isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name) and value.value.id == "self":
            return value.attr
        value = value.func if isinstance(value, ast.Call) else value.value
    return ""


def _given(owner: Instance, attribute: str) -> str:
    """The name of the variable that a constructor call puts into an attribute as it is."""
    stored = [value for item in owner.cls.order for value in item.set_by_methods.get(attribute, [])]
    constructor = owner.cls.method("__init__")
    source = stored[0] if len(stored) == 1 else None
    source = source.values[0] if isinstance(source, ast.BoolOp) and isinstance(source.op, ast.Or) else source
    if not isinstance(source, ast.Name) or constructor is None or owner.call is None:
        return ""
    names = [item.name for item in constructor.parameters.without_first().positional]
    by_name = {word.arg: word.value for word in owner.call.keywords} | dict(zip(names, owner.call.args, strict=False))
    value = by_name.get(source.id)
    return value.id if isinstance(value, ast.Name) else ""


RULE = Rule(
    id="double-decides",
    defect_class="double-decides",
    title="The double fixes the outcome",
    rationale=(
        "A clock that leaps by itself, a switch that switches nothing, a fake that heals itself or a bare mock that is "
        "always true gives the same verdict whatever the code under test does."
    ),
    hint="Let the double behave as the real thing does, and change the code once to see the test fail.",
    check=per_test(_look),
    good=Example(
        test="""\
from product.service import Cache


class Clock:
    def __init__(self):
        self.now = 0

    def advance(self, seconds):
        self.now += seconds

    def __call__(self):
        return self.now


def test_expiry():
    clock = Clock()
    cache = Cache(60, clock)
    cache.set("a")
    clock.advance(61)
    assert cache.get() is None
""",
        implementation="""\
class Cache:
    def __init__(self, ttl, clock):
        self.ttl = ttl
        self.clock = clock

    def set(self, value):
        self.value = value
        self.at = self.clock()

    def get(self):
        return self.value if self.clock() - self.at < self.ttl else None
""",
    ),
    bad=Example(
        test="""\
from product.service import Cache


class Clock:
    def __init__(self):
        self.now = 0

    def advance(self, seconds):
        self.now += seconds

    def __call__(self):
        self.now += 1000
        return self.now


def test_expiry():
    clock = Clock()
    cache = Cache(60, clock)
    cache.set("a")
    clock.advance(61)
    assert cache.get() is None
""",
        implementation="""\
class Cache:
    def __init__(self, ttl, clock):
        self.ttl = ttl
        self.clock = clock

    def set(self, value):
        self.value = value
        self.at = self.clock()

    def get(self):
        return self.value if self.clock() - self.at < self.ttl else None
""",
    ),
)
