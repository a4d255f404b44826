"""A failure that the test itself catches and drops."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.checks import handler_names, is_assertion, is_check, loads_of, raises_names
from bot.audit.definitions import last_name
from bot.audit.rule import ERROR, WARNING, Context, Example, Found, Rule, per_test, said
from bot.audit.source import FunctionNode
from bot.audit.view import View

BROAD = {"Exception", "BaseException", "AssertionError"}


_TALK = {
    "print",
    "str",
    "repr",
    "type",
    "debug",
    "info",
    "warning",
    "error",
    "exception",
    "critical",
    "log",
    "isinstance",
    "format",
}
_KEEP = {"append", "add", "put_nowait", "put", "set", "update", "set_exception", "set_result"}


def speaks_up(view: View, handler: ast.ExceptHandler) -> bool:
    """Whether a handler fails, leaves by an assertion, or hands what it caught to something that may judge it."""
    inside = [item for statement in handler.body for item in ast.walk(statement)]
    return any(_ends(view, node) or _hands_on(view, node, handler.name or "") for node in inside)


def _ends(view: View, node: ast.AST) -> bool:
    if isinstance(node, ast.Return):
        own = next((item for item in view.above(node) if isinstance(item, FunctionNode)), None) is None
        return node.value is not None and not own  # what a helper returns is judged where it is called
    if isinstance(node, ast.Call) and last_name(node.func) in {"skip", "xfail", "exit"}:
        return True
    return isinstance(node, ast.Raise) or is_check(node)


def _hands_on(view: View, node: ast.AST, caught: str) -> bool:
    if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
        return True
    if isinstance(node, ast.Name):
        return isinstance(node.ctx, ast.Store) and _asserted(view, node.id)
    if not isinstance(node, ast.Call) or last_name(node.func) in _TALK:
        return False
    if any(isinstance(item, ast.Name) and item.id == caught for item in node.args):
        return True
    return (
        isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.attr in _KEEP
        and _asserted(view, node.func.value.id)
    )


def _asserted(view: View, name: str) -> bool:
    return any(
        any(is_check(item) or isinstance(item, ast.If | ast.While | ast.Return) for item in view.above(load))
        for load in loads_of(view.node, name)
    )


def _kept_in_try(node: ast.Try) -> list[ast.AST]:
    """The assertions in a try's body whose failure its broad handlers would catch."""
    inside = [item for statement in node.body for item in ast.walk(statement)]
    expected = [
        item
        for item in inside
        if isinstance(item, ast.With | ast.AsyncWith)
        and any(raises_names(manager.context_expr) for manager in item.items)
    ]
    hidden = {inner for item in expected for inner in ast.walk(item)}
    # pytest.fail and the like raise an exception that `except Exception` lets through
    return [item for item in inside if is_assertion(item) and item not in hidden]


def _look(context: Context, view: View) -> Iterator[Found]:
    for node in view.nodes:
        if isinstance(node, ast.Try):
            yield from _of_try(view, node)
        elif isinstance(node, ast.With | ast.AsyncWith):
            for manager in node.items:
                if last_name(manager.context_expr) == "suppress" and raises_names(manager.context_expr) & BROAD:
                    yield from _of_suppress(view, node, manager.context_expr)


def _of_suppress(view: View, node: ast.With | ast.AsyncWith, manager: ast.expr) -> Iterator[Found]:
    inside = [item for statement in node.body for item in ast.walk(statement)]
    checks = [item for item in inside if is_assertion(item)]
    if checks:
        only = not any(item not in inside for item in view.checks)
        message = f"`{said(manager)}` swallows the failure of the assertion on line {_line(checks[0])}"
        yield node, message, ERROR if only else WARNING


def _of_try(view: View, node: ast.Try) -> Iterator[Found]:
    checks = _kept_in_try(node)
    for handler in node.handlers:
        if not handler_names(handler) & BROAD or speaks_up(view, handler):
            continue
        caught = handler_names(handler) & BROAD
        if checks:
            yield (
                handler,
                (
                    f"`except {'/'.join(sorted(caught))}` swallows the failure of the assertion on line "
                    f"{_line(checks[0])}: "
                    "the test passes either way"
                ),
            )
        elif not _asserted_outside(view, node) and caught != {"AssertionError"} and not node.finalbody:
            calls = [item for statement in node.body for item in ast.walk(statement) if isinstance(item, ast.Call)]
            if calls and not any(
                isinstance(item, ast.Call) and last_name(item.func) == "fail" for item in ast.walk(node)
            ):
                yield (
                    handler,
                    (
                        f"`except {'/'.join(sorted(caught))}` swallows whatever `{said(calls[0])}` raises, and "
                        "nothing is asserted"
                    ),
                )


def _asserted_outside(view: View, node: ast.Try) -> bool:
    inside = set(ast.walk(node))
    return any(item not in inside for item in view.checks) or any(
        is_check(item) for statement in node.orelse for item in ast.walk(statement)
    )


def _line(node: ast.AST) -> int:
    return getattr(node, "lineno", 0)


RULE = Rule(
    id="swallowed-failure",
    defect_class="swallowed-failure",
    title="The test catches its own failure",
    rationale="An assertion error is an Exception. A handler that drops it turns every failure into a pass.",
    hint="Let the exception out, or expect exactly the one you mean with pytest.raises.",
    check=per_test(_look),
    good=Example(
        test="""\
from product.service import one


def test_one():
    errors = []
    try:
        one()
    except Exception as error:
        errors.append(error)
    assert errors == []
""",
        implementation="""\
def one():
    return 1
""",
    ),
    bad=Example(
        test="""\
from product.service import one


def test_one():
    try:
        assert one() == 2
    except Exception as error:
        print('ignored', error)
""",
        implementation="""\
def one():
    return 1
""",
    ),
)
