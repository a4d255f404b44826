"""Both the success and the failure of the call pass."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.checks import handler_names, is_check, loads_of
from bot.audit.definitions import last_name
from bot.audit.references import module_of
from bot.audit.rule import Context, Example, Found, Rule, per_test, said
from bot.audit.rules.swallowed_failure import BROAD
from bot.audit.view import View


def fails(body: list[ast.stmt]) -> bool:
    """Whether statements can end the test as failed by themselves, rather than by a comparison."""
    for node in [item for statement in body for item in ast.walk(statement)]:
        if isinstance(node, ast.Raise) or (
            isinstance(node, ast.Call) and last_name(node.func) in {"fail", "skip", "xfail"}
        ):
            return True
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant) and not node.test.value:
            return True
    return False


def _used_after(view: View, node: ast.Try) -> bool:
    """Whether something that either path sets is read after the try."""
    last = node.end_lineno or node.lineno
    names = {
        item.id
        for item in ast.walk(node)
        if isinstance(item, ast.Name)
        and (isinstance(item.ctx, ast.Store) or isinstance(view.source.parents.get(item), ast.Attribute))
    }
    return any(load.lineno > last for name in names for load in loads_of(view.node, name))


def _is_own(view: View, call: ast.Call) -> bool:
    module = module_of(view.bare_scope.resolve(call.func))
    return module is not None and not module.product


def _of_try(view: View, node: ast.Try) -> Iterator[Found]:
    if not node.handlers or fails(node.body) or fails(node.orelse) or _used_after(view, node):
        return
    if any(isinstance(item, ast.For | ast.While | ast.AsyncFor) for item in view.above(node)):
        return
    ways = ast.Return | ast.Yield
    inside = [item for item in view.checks if item in set(ast.walk(node))]
    if len(inside) < len(view.checks) or any(
        isinstance(item, ways) and getattr(item, "value", None) for item in ast.walk(node)
    ):
        return  # something outside the try decides
    calls = [
        item
        for statement in node.body
        for item in ast.walk(statement)
        if isinstance(item, ast.Call) and not is_check(item)
    ]
    if all(_is_own(view, item) for item in calls):
        return  # code of the test that raises by design
    for handler in node.handlers:
        checks = [item for statement in handler.body for item in ast.walk(statement) if is_check(item)]
        broad_and_silent = handler_names(handler) & BROAD and not checks
        if calls and not fails(handler.body) and not broad_and_silent:
            yield (
                handler,
                (
                    f"`{said(calls[0])}` may succeed or raise {'/'.join(sorted(handler_names(handler)))}: the "
                    "test passes either way"
                ),
            )


def _of_assert(node: ast.Assert) -> str:
    test = node.test
    if (
        isinstance(test, ast.Compare)
        and len(test.ops) == 1
        and isinstance(test.ops[0], ast.In)
        and isinstance(test.comparators[0], ast.Tuple | ast.List | ast.Set)
    ):
        values = [item.value for item in test.comparators[0].elts if isinstance(item, ast.Constant)]
        if (
            True in values
            and False in values
            and any(value is True for value in values)
            and any(value is False for value in values)
        ):
            return "true and false are both accepted"
        codes = [
            value for value in values if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599
        ]
        if (
            len(codes) == len(values)
            and any(200 <= code < 300 for code in codes)
            and any(code >= 500 for code in codes)
        ):
            return "a success status and a server error are both accepted"
    return ""


def _look(context: Context, view: View) -> Iterator[Found]:
    for node in view.nodes:
        if isinstance(node, ast.Try):
            yield from _of_try(view, node)
        elif isinstance(node, ast.Assert) and (why := _of_assert(node)):
            yield node, f"`{said(node)}` cannot tell success from failure: {why}"


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
