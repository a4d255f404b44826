"""Both the success and the failure of the call pass."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from bot.audit.controlflow.asserting import predicate
from bot.audit.controlflow.conditions import Dependence
from bot.audit.controlflow.paths import Path, Paths, Turn, paths_in
from bot.audit.reading.checks import handler_names, is_check, raises_names
from bot.audit.reading.definitions import ClassInfo, last_name
from bot.audit.reading.flat import every, walk
from bot.audit.reading.program import External
from bot.audit.reading.references import is_product, module_of
from bot.audit.rule import ERROR, WARNING, Context, Example, Found, Rule, per_test, said
from bot.audit.rules.swallowed_failure import (
    BROAD,
    broadly_caught,
    cleans_up,
    concerns_product,
    enters_loops,
    gives_up_sometimes,
)
from bot.audit.vacuity.accepting import accepts_both
from bot.audit.vacuity.vacuous import deciding, deciding_here, is_weak
from bot.audit.view import View

_TEXT_METHODS = frozenset(dir(str)) | frozenset(dir(bytes))
_ENDS_QUIETLY = {"CancelledError", "KeyboardInterrupt", "SystemExit", "GeneratorExit", "StopIteration"}


def fails(body: list[ast.stmt]) -> bool:
    """Whether statements can end the test as failed by themselves, rather than by a comparison."""
    for node in [item for statement in body for item in walk(statement)]:
        if isinstance(node, ast.Raise) or (
            isinstance(node, ast.Call) and last_name(node.func) in {"fail", "skip", "xfail"}
        ):
            return True
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant) and not node.test.value:
            return True
    return False


def _outside(view: View, path: Path, turn: Turn, inside: set[ast.AST], *, after: bool) -> bool:
    """Whether a path passes an assertion that can fail there and stands outside a statement."""
    at = turn.at if after else 0
    return any(check not in inside and check in path.checks[at:] for check in deciding_here(view, path))


def _asks_parameters(view: View, node: ast.Try | ast.TryStar, path: Path) -> bool:
    """Whether what a path asserts in a `try` includes that its parameters want this way."""
    inside = set(walk(node))
    depends = Dependence(view.scope, view.node)
    given = {item.arg for item in (*view.node.args.args, *view.node.args.kwonlyargs)} - {"self"}
    for check in path.checks:
        test = predicate(check)
        if check not in inside or test is None or depends.on_run(test):
            continue
        if any(name.id in given for name in every(test, ast.Name)):
            return True
    return False


def _by_design(view: View, node: ast.Try | ast.TryStar, calls: list[ast.Call]) -> bool:
    """Whether what a `try` runs is not the product's: whoever reads the test sees what it raises."""
    if all(isinstance(item, ast.Import | ast.ImportFrom) for item in node.body) and any(map(_asserts, node.handlers)):
        return True  # with a module and without it, each has its assertions
    if not concerns_product(view, *node.body) or (calls and all(_is_own(view, item) for item in calls)):
        return True  # code of the test or of the language that raises by design
    if _asks_special(node):
        return True
    awaits = any(isinstance(item, ast.Await) for item in walk(node))
    return bool(calls) and not awaits and _of_text(view, calls)  # `name.encode("ascii")` of a literal


def _asks_special(node: ast.Try | ast.TryStar) -> bool:
    """Whether a `try` only reads a name of the language's own, which not all things have: `x.__qualname__`."""
    only = node.body[0] if len(node.body) == 1 else None
    value = only.value if isinstance(only, ast.Assign) else None
    special = isinstance(value, ast.Attribute) and value.attr.startswith("__") and value.attr.endswith("__")
    return special and all(handler_names(item) == {"AttributeError"} for item in node.handlers)


def _of_try(view: View, paths: Paths, node: ast.Try | ast.TryStar) -> Iterator[Found]:
    inside = set(walk(node))
    calls = [item for statement in node.body for item in every(statement, ast.Call)]
    if _by_design(view, node, calls) or cleans_up(view, node):
        return
    depends = Dependence(view.scope, view.node)
    generated = any(last_name(item) == "given" for item in view.node.decorator_list)
    passed = [(path, turn) for path in paths.green if enters_loops(path) for turn in path.turns if turn.node is node]
    if not passed:
        return
    # If success is judged, what stands before the `try` does not judge the failure.
    judged = any(_outside(view, path, turn, set(), after=True) or _inside(view, path, inside) for path, turn in passed)
    for handler in node.handlers:
        if handler_names(handler) <= _ENDS_QUIETLY or (generated and not handler_names(handler) & BROAD):
            continue  # that only this error comes, whatever is generated, is what such a test shows
        if _of_import(node, handler):
            continue  # what a test does without a module that it asks for is another matter
        if _own_signal(view, handler) or _raises_elsewhere(depends, handler) or _reads_otherwise(handler, node):
            continue
        for path in paths.green:
            turn = next((turn for turn in path.turns if turn.node is handler and turn.kind == "caught"), None)
            if turn is None or not enters_loops(path) or node in path.checks or _asks_parameters(view, node, path):
                continue
            if _outside(view, path, turn, inside, after=judged):
                continue
            if broadly_caught(turn) and not _inside(view, path, inside) and not deciding_here(view, path):
                continue  # swallowed
            if turn.asserted and (not broadly_caught(turn) or gives_up_sometimes(handler)):
                continue
            cause = next((item for item in calls if is_product(view.bare_scope.resolve(item.func))), None)
            cause = cause or next((item for item in calls if not _is_known(view, item)), calls[0] if calls else None)
            message = (
                f"`{said(cause or node)}` may succeed or raise {'/'.join(sorted(handler_names(handler)))}: the test "
                "passes either way"
            )
            meant = _each_time(view, path, node, handler, passed) or _once_more(view, path, turn, node)
            meant = meant or _cannot_patch(node, handler)
            yield handler, message, WARNING if meant else ERROR
            break


def _kept_either_way(view: View, node: ast.Try | ast.TryStar) -> Iterator[Found]:
    """`try: x = call()`, `except Error as e: x = e`, and then only that there is an x: result and error both do."""
    inside = set(walk(node))
    after = [item for item in view.asserts if item.lineno > (node.end_lineno or node.lineno)]
    if not node.handlers or not after or len(after) != len(view.checks):
        return
    stored = {item.id for item in view.names if item in inside and isinstance(item.ctx, ast.Store)}
    for name in sorted(stored):
        kept = [_stored_by(handler.body, name) for handler in node.handlers]
        ways = [_stored_by([*node.body, *node.orelse], name), *_before(view, node, name)]
        good = next((value for value in ways if value is not None), None)
        if good is None or not all(kept):
            continue
        if all(
            value is not None and _accepts(item.test, name, value, good, handler.name)
            for item in after
            for value, handler in zip(kept, node.handlers, strict=True)
        ):
            yield after[0], f"`{name}` holds the result or what was caught, and the test accepts both"
            return


def _stored_by(body: list[ast.stmt], name: str) -> ast.expr | None:
    """What the last of some statements to do so puts into a variable."""
    found = [
        item.value
        for item in body
        if isinstance(item, ast.Assign) and any(isinstance(one, ast.Name) and one.id == name for one in item.targets)
    ]
    return found[-1] if found else None


def _before(view: View, node: ast.AST, name: str) -> Iterator[ast.expr]:
    """What a variable holds before a statement of the test: nothing that counts where that is None or false."""
    if node in view.node.body and isinstance(node, ast.stmt):
        value = _stored_by(view.node.body[: view.node.body.index(node)], name)
        if isinstance(value, ast.Constant) and value.value:
            yield value


def _accepts(test: ast.expr, name: str, caught: ast.expr, good: ast.expr, error: str | None) -> bool:
    """Whether a condition on a variable holds for what a handler puts there, and for other values, too."""
    solid = isinstance(caught, ast.Name | ast.JoinedStr) or (isinstance(caught, ast.Constant) and bool(caught.value))
    solid = solid or (isinstance(caught, ast.Call) and any(item.id == error for item in every(caught, ast.Name)))
    if isinstance(test, ast.Name):
        return test.id == name and solid and isinstance(good, ast.Constant) and bool(good.value)
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and last_name(test.left) == name):
        return False
    right = test.comparators[0]
    if isinstance(test.ops[0], ast.IsNot | ast.NotEq) and isinstance(test.left, ast.Name):
        none = isinstance(right, ast.Constant) and right.value is None
        return none and solid
    if isinstance(test.ops[0], ast.In) and isinstance(right, ast.Tuple | ast.List | ast.Set) and len(right.elts) > 1:
        return any(ast.dump(item) == ast.dump(caught) for item in right.elts)
    return False


def _each_time(
    view: View,
    path: Path,
    node: ast.Try | ast.TryStar,
    handler: ast.ExceptHandler,
    passed: list[tuple[Path, Turn]],
) -> bool:
    """Whether a `try` is run again and again in a `while`, and both ways are judged: then both may be meant to come."""
    if not any(isinstance(item, ast.While) for item in view.above(node)):
        return False
    after = {item for statement in node.orelse for item in walk(statement)}
    judges = any(check in after for other, _ in passed for check in deciding_here(view, other))
    own = {item for statement in handler.body for item in walk(statement)}
    return judges and any(check in own for check in deciding_here(view, path))


def _once_more(view: View, path: Path, turn: Turn, node: ast.Try | ast.TryStar) -> bool:
    """Whether the `try` only asks again, of another input, what was decided before it by the same helper."""
    asked = {last_name(call.func) for statement in node.body for call in every(statement, ast.Call)}
    before = [check for check in deciding_here(view, path) if check in path.checks[: turn.at]]
    return any(isinstance(check, ast.Call) and last_name(check.func) in asked for check in before)


def _cannot_patch(node: ast.Try | ast.TryStar, handler: ast.ExceptHandler) -> bool:
    """Whether a test that patches in the `try` gives way to what patching raises where the product is compiled."""
    if not handler_names(handler) <= {"AttributeError", "TypeError"}:
        return False
    managers = [item.context_expr for part in node.body for block in every(part, ast.With) for item in block.items]
    patched = any(isinstance(item, ast.Call) and "patch" in {last_name(item), _owner(item)} for item in managers)
    return patched and any(is_check(item) for part in node.body for item in walk(part))


def _owner(call: ast.Call) -> str:
    return last_name(call.func.value) if isinstance(call.func, ast.Attribute) else ""


def _is_known(view: View, call: ast.Call) -> bool:
    """Whether a call is of the language or its library, as a patch around the call that is meant."""
    found = view.bare_scope.resolve(call.func)
    return isinstance(found, External) and found.name.partition(".")[0] in sys.stdlib_module_names


def _asserts(handler: ast.ExceptHandler) -> bool:
    return any(is_check(item) for statement in handler.body for item in walk(statement))


def _of_import(node: ast.Try | ast.TryStar, handler: ast.ExceptHandler) -> bool:
    """Whether a handler is only for a module that the `try` imports and that may not be there."""
    imports = any(isinstance(item, ast.Import | ast.ImportFrom) for item in node.body)
    return imports and handler_names(handler) <= {"ImportError", "ModuleNotFoundError"}


def _own_signal(view: View, handler: ast.ExceptHandler) -> bool:
    """Whether only exceptions of the tests' own are caught, by which their code says that it is done."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type] if handler.type else []
    found = [view.bare_scope.resolve(item) for item in kinds]
    own = set(walk(view.node))
    return bool(found) and all(isinstance(item, ClassInfo) and item.node in own for item in found)


def _raises_elsewhere(depends: Dependence, handler: ast.ExceptHandler) -> bool:
    """Whether the handler raises again unless the host or a parameter makes the error right."""
    return any(
        isinstance(item, ast.If)
        and not depends.on_run(item.test)
        and fails([*item.body, *item.orelse])
        and not any(name.id == handler.name for name in every(item.test, ast.Name))
        for item in handler.body
    )


def _reads_otherwise(handler: ast.ExceptHandler, node: ast.Try | ast.TryStar) -> bool:
    """Whether the handler asserts of the same object what the `try` could not read of it in another way."""
    if not handler_names(handler) <= {"AttributeError", "TypeError", "KeyError", "IndexError"}:
        return False
    asserted = [
        {name.id for name in every(item.test, ast.Name)}
        for body in (node.body, handler.body)
        for item in body
        if isinstance(item, ast.Assert)
    ]
    plain = all(isinstance(item, ast.Assert) for item in (*node.body, *handler.body))
    return plain and len(asserted) == 2 and bool(asserted[0] & asserted[1])


def _of_text(view: View, calls: list[ast.Call]) -> bool:
    """Whether calls are methods of text that the test itself wrote."""
    depends = Dependence(view.scope, view.node)
    return all(
        isinstance(call.func, ast.Attribute)
        and call.func.attr in _TEXT_METHODS
        and isinstance(call.func.value, ast.Name)
        and _is_local(view, call.func.value)
        and not depends.on_run(call.func.value)
        for call in calls
    )


def _is_local(view: View, name: ast.Name) -> bool:
    """Whether a name is set in the test, and not given to it."""
    bound = view.bare_scope.bound(view.node).get(name.id, [])
    return bool(bound) and all(kind != "parameter" for kind, _ in bound)


def _inside(view: View, path: Path, inside: set[ast.AST]) -> bool:
    return any(check in inside for check in deciding_here(view, path))


def _is_own(view: View, call: ast.Call) -> bool:
    module = module_of(view.bare_scope.resolve(call.func))
    return module is not None and not module.product


def _of_suppress(view: View, paths: Paths) -> Iterator[Found]:
    done: set[ast.AST] = set()
    for path in paths.green:
        for turn in path.turns:
            if turn.kind != "suppressed" or turn.node in done or broadly_caught(turn) or not _plain(turn):
                continue
            if _quietly(turn):
                continue
            if not deciding_here(view, path):
                done.add(turn.node)
                yield turn.node, f"`{said(turn.cause or turn.node)}` may succeed or raise: the test passes either way"


def _quietly(turn: Turn) -> bool:
    """Whether only the signals by which something ends are suppressed: `suppress(CancelledError)`."""
    items = turn.node.items if isinstance(turn.node, ast.With | ast.AsyncWith) else []
    names = frozenset[str]().union(*(raises_names(item.context_expr) for item in items))
    return bool(names) and names <= _ENDS_QUIETLY


def _plain(turn: Turn) -> bool:
    return isinstance(turn.node, ast.With | ast.AsyncWith)


def _look(context: Context, view: View) -> Iterator[Found]:
    paths = paths_in(view)
    if not paths.complete:
        return
    for node in view.trys:
        if any(node is item or node in walk(item) for item in view.node.body):
            yield from _of_try(view, paths, node)
            yield from _kept_either_way(view, node)
    yield from _of_suppress(view, paths)
    accepting = accepts_both(view)
    others = any(
        check not in accepting and not is_weak(check) for path in paths.green for check in deciding(view, path)
    )
    for check, why in accepting.items():
        message = f"`{said(check)}` cannot tell success from failure: {why}"
        yield check, message, WARNING if others and not why.sure else ERROR


RULE = Rule(
    id="either-outcome-passes",
    defect_class="either-outcome-passes",
    title="Success and failure both pass",
    rationale="If the test is green when the call works and green when it raises, it says nothing about the call.",
    hint="Decide which outcome is right. Expect an exception with pytest.raises; otherwise let it out.",
    check=per_test(_look),
    good=Example(
        test="""\
import pytest
from product.service import one


def test_one():
    try:
        one()
        pytest.fail('no error')
    except ValueError as error:
        assert 'no' in str(error)
""",
        implementation="""\
def one():
    raise ValueError('no')
""",
    ),
    bad=Example(
        test="""\
from product.service import one


def test_one():
    try:
        assert one() == 1
    except ValueError as error:
        assert 'no' in str(error)
""",
        implementation="""\
def one():
    return 1
""",
    ),
)
