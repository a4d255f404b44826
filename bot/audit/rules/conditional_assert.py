"""Every assertion stands under a condition that the run may not meet."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.controlflow.paths import Path, Paths, Turn, paths_in
from bot.audit.reading.bindings import parametrized
from bot.audit.reading.definitions import is_name, last_name
from bot.audit.reading.flat import every
from bot.audit.reading.references import is_product
from bot.audit.reading.source import FunctionNode
from bot.audit.rule import ERROR, WARNING, Context, Example, Found, Rule, per_test, said
from bot.audit.vacuity.vacuous import deciding, is_weak, silent, vacuous
from bot.audit.view import View


def _decides_elsewhere(view: View, paths: Paths, turn: Turn) -> bool:
    """Whether a path that goes the other way at a turn is decided by an assertion."""
    return any(turn.parts_from(other) and not silent(view, path) for path in paths.green for other in path.turns)


def _asks_what_exists(turn: Turn) -> bool:
    """Whether a condition is about a name of the language's own, as `hasattr(cls, "__del__")`."""
    test = turn.node.test if isinstance(turn.node, ast.If) else None
    return test is not None and any(
        isinstance(item.value, str) and item.value.startswith("__") for item in every(test, ast.Constant)
    )


def _turns(view: View, paths: Paths, path: Path, kinds: set[str]) -> list[Turn]:
    return [
        turn
        for turn in path.turns
        if turn.kind in kinds and turn.run and not _asks_what_exists(turn) and _decides_elsewhere(view, paths, turn)
    ]


def _filters(view: View, turn: Turn) -> bool:
    """Whether a condition picks elements in a loop: that none is picked is what the loop's source says."""
    for item in view.above(turn.node):
        if isinstance(item, ast.For | ast.AsyncFor):
            bound = {name.id for name in every(item, ast.Name) if not isinstance(name.ctx, ast.Load)}
            asked = turn.node.test if isinstance(turn.node, ast.If) else turn.node
            return any(name.id in bound for name in every(asked, ast.Name))
    return False


def _waits(turn: Turn) -> bool:
    """Whether a loop goes on until something says that it is done: `while not event.is_set()`."""
    test = turn.node.test if isinstance(turn.node, ast.While) else None
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and isinstance(test.operand, ast.Call)


def _only_absent(turn: Turn) -> bool:
    """Whether what is asked is only there to look for what must not be in it: `if found: assert x not in found`."""
    node = turn.node
    return isinstance(node, ast.If) and all(
        isinstance(item, ast.Assert)
        and isinstance(item.test, ast.Compare)
        and isinstance(item.test.ops[0], ast.NotIn)
        and ast.dump(item.test.comparators[0]) == ast.dump(node.test)
        for item in node.body
    )


def _asks_library(view: View, turn: Turn) -> bool:
    """Whether a condition asks something inside an object, which is not the product's, whether it has a name."""
    test = turn.node.test if isinstance(turn.node, ast.If) else None
    if not (isinstance(test, ast.Call) and last_name(test.func) == "hasattr" and len(test.args) == 2):
        return False
    owner = test.args[0]
    inside = isinstance(owner, ast.Attribute) and last_name(owner.value) not in {"self", "cls"}
    return inside and view.bare_scope.resolve(owner) is None


_MOST_FIXTURES = 4
"""So many fixtures that ask for each other are followed."""
_ABILITY = re.compile(r"ipv?6|ipv?4|support|platform|windows|linux|posix|pypy|cpython|version", re.IGNORECASE)


def _asked(view: View, turn: Turn) -> tuple[ast.expr, ...]:
    """What a condition asks, the values of its local names beside it."""
    test = turn.node.test if isinstance(turn.node, ast.If) else None
    if test is None:
        return ()
    bound = view.bare_scope.bound(view.node)
    values = [value for name in every(test, ast.Name) for _, value in bound.get(name.id, [])]
    return (test, *(value for value in values if isinstance(value, ast.expr)))


def _asks_machine(view: View, turn: Turn) -> bool:
    """Whether a condition is about the machine: a variable of its environment, or what it is able to do."""
    for part in _asked(view, turn):
        for call in every(part, ast.Call):
            if view.bare_scope.dotted(call.func) in {"os.getenv", "os.environ.get"}:
                return True
            helper = is_name(call.func, last_name(call.func)) or (
                isinstance(call.func, ast.Attribute) and is_name(call.func.value, "self")
            )
            bare = helper and not call.args and not call.keywords
            if bare and _ABILITY.search(last_name(call.func)) and not is_product(view.bare_scope.resolve(call.func)):
                return True
    return False


def _asks_alive(view: View, turn: Turn) -> bool:
    """Whether a condition is if an object is still alive: that it is not says the most."""
    bound = view.bare_scope.bound(view.node)
    for part in _asked(view, turn):
        for call in every(part, ast.Call):
            made = bound.get(call.func.id, []) if isinstance(call.func, ast.Name) and not call.args else []
            if any(isinstance(value, ast.Call) and last_name(value) == "ref" for _, value in made):
                return True
    return False


def _is_one_of_two(turn: Turn) -> bool:
    """Whether `if x == 1: pass`, `else: assert x == 2`: no third value passes, so the condition asserts, too."""
    node = turn.node
    if not isinstance(node, ast.If) or not node.orelse or not all(isinstance(item, ast.Pass) for item in node.body):
        return False
    test, first = node.test, node.orelse[0]
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq | ast.In)):
        return False
    return (
        isinstance(first, ast.Assert)
        and isinstance(first.test, ast.Compare)
        and isinstance(first.test.ops[0], ast.Eq | ast.In)
        and ast.dump(first.test.left) == ast.dump(test.left)
    )


def _sifts(view: View, turn: Turn) -> bool:
    """Whether a test that is run on many inputs leaves at once where one gives nothing to look at.

    `if found is None: return`, with `found` made of a parameter: the other inputs reach the assertions.
    """
    node = turn.node
    if not isinstance(node, ast.If) or not _asks_if_there(node.test):
        return False
    given = {name for name in _arguments(view.node) if _is_varied(view, name)}
    bound = view.bare_scope.bound(view.node)
    waiting = [name.id for name in every(node.test, ast.Name)]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in given:
            return True
        values = [value for kind, value in bound.get(name, []) if kind == "value" and isinstance(value, ast.expr)]
        waiting += [part.id for value in values for part in every(value, ast.Name)]
    return False


def _asks_if_there(test: ast.expr) -> bool:
    """Whether a condition only asks whether there is something: `found is None`, `not url.query or url.fragment`."""
    if isinstance(test, ast.BoolOp):
        return all(map(_asks_if_there, test.values))
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test = test.operand
    if isinstance(test, ast.Compare):
        last = test.comparators[0]
        none = isinstance(last, ast.Constant) and last.value is None
        return none and isinstance(test.ops[0], ast.Is | ast.IsNot) and isinstance(test.left, ast.Name)
    return isinstance(test, ast.Attribute)


def _arguments(node: FunctionNode) -> list[str]:
    return [item.arg for item in (*node.args.args, *node.args.kwonlyargs)]


def _is_varied(view: View, name: str, depth: int = 0) -> bool:
    """Whether pytest gives an argument several values: by a mark, a fixture with parameters, or a hook."""
    if name in parametrized(view.node) or any(name in parametrized(cls) for cls in view.case.classes):
        return True
    fixture = view.bare_scope.fixture(name)
    if fixture is None:
        hooks = (module for module in (view.module, *view.program.conftests))
        return name != "self" and any("pytest_generate_tests" in module.bindings for module in hooks)
    for decorator in fixture.node.decorator_list:
        if isinstance(decorator, ast.Call) and any(word.arg == "params" for word in decorator.keywords):
            return True
    return depth < _MOST_FIXTURES and any(
        _is_varied(view, item, depth + 1) for item in _arguments(fixture.node) if item != name
    )


def _is_generated(view: View) -> bool:
    """Whether the test is run with many generated inputs, of which a condition picks those that it is about."""
    return any(last_name(item) == "given" for item in view.node.decorator_list)


def _condition(turn: Turn) -> str:
    node = turn.node
    if isinstance(node, ast.If | ast.While):
        word = "if" if isinstance(node, ast.If) else "while"
        return f"{word} {said(node.test)}"
    if isinstance(node, ast.For | ast.AsyncFor):
        return f"for {said(node.target)} in {said(node.iter)}"
    return f"match {said(turn.of.subject)}" if isinstance(turn.of, ast.Match) else "match"


def _look(context: Context, view: View) -> Iterator[Found]:
    paths = paths_in(view)
    if not paths.complete or len(paths.green) < 2:
        return
    # A handler that drops an error has rules of its own.
    bare = [path for path in paths.green if silent(view, path) and not _caught(path)]
    for kinds, most in (({"if", "case", "while"}, ERROR), ({"loop"}, WARNING)):
        for path in bare:
            if most is ERROR and any(turn.kind == "loop" and not turn.taken for turn in path.turns):
                continue
            if turns := _turns(view, paths, path, kinds):
                turn = turns[-1]
                meant = _filters(view, turn) or _asks_library(view, turn) or _waits(turn) or _only_absent(turn)
                meant = meant or _asks_machine(view, turn) or _asks_alive(view, turn) or _is_generated(view)
                meant = meant or _is_one_of_two(turn) or _sifts(view, turn)
                yield (
                    turn.node,
                    (
                        f"every assertion depends on `{_condition(turn)}`, and so on the run; else the test passes "
                        "without checking anything"
                    ),
                    WARNING if meant else most,
                )
                return
    yield from _only_weak(view, paths)


def _only_weak(view: View, paths: Paths) -> Iterator[Found]:
    """Where all that is asserted in any case is that something is there."""
    for path in paths.green:
        real = deciding(view, path)
        if not real or not all(map(is_weak, real)) or _caught(path):
            continue
        for turn in path.turns:
            if turn.kind == "if" and turn.run and not _asks_what_exists(turn) and _stronger(view, paths, turn):
                yield (
                    turn.node,
                    f"what the test checks depends on `{_condition(turn)}`; otherwise it only wants `{said(real[0])}`",
                    WARNING,
                )
                return


def _stronger(view: View, paths: Paths, turn: Turn) -> bool:
    return any(
        turn.parts_from(other) and any(check not in vacuous(view) and not is_weak(check) for check in path.checks)
        for path in paths.green
        for other in path.turns
    )


def _caught(path: Path) -> bool:
    return any(turn.kind in {"caught", "suppressed"} for turn in path.turns)


RULE = Rule(
    id="conditional-assert",
    defect_class="conditional-assert",
    title="The assertions may never be reached",
    rationale="If the result is not as the condition wants it, the test is silent and green.",
    hint="Assert the condition itself, then what follows from it.",
    check=per_test(_look),
    good=Example(
        test="""\
from product.service import find


def test_find():
    found = find()
    assert found.name == 'x'
    if found.extra:
        assert found.extra == 1
""",
        implementation="""\
def find():
    return None
""",
    ),
    bad=Example(
        test="""\
from product.service import find


def test_find():
    found = find()
    if found:
        assert found.name == 'x'
""",
        implementation="""\
def find():
    return None
""",
    ),
)
