"""The asserted exception is raised by the test itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.checks import is_mock, raises_names
from bot.audit.definitions import last_name
from bot.audit.references import is_product
from bot.audit.rule import Context, Example, Found, Rule, per_test, said
from bot.audit.rules.sut_replaced import own_calls_of, replacements
from bot.audit.view import View


def _expecting(view: View) -> Iterator[tuple[ast.With | ast.AsyncWith, frozenset[str]]]:
    for node in view.nodes:
        if isinstance(node, ast.With | ast.AsyncWith):
            for manager in node.items:
                if names := raises_names(manager.context_expr):
                    yield node, names


def _raises_itself(node: ast.With | ast.AsyncWith, names: frozenset[str]) -> ast.Raise | None:
    for at, statement in enumerate(node.body):
        if isinstance(statement, ast.Raise) and statement.exc is not None and last_name(statement.exc) in names:
            # Raising inside the block is fine where something before it is what handles the error.
            others = [manager for manager in node.items if not raises_names(manager.context_expr)]
            return statement if at == 0 and not others else None
    return None


def _side_effects(view: View) -> Iterator[tuple[str, ast.expr | None, str, ast.AST]]:
    """The mocks that raise: the local name or the replaced owner and attribute, and the exception."""
    for owner, attribute, node, by in replacements(view):
        for call in ([by] if isinstance(by, ast.Call) else []) + ([node] if isinstance(node, ast.Call) else []):
            for word in call.keywords:
                if word.arg == "side_effect" and last_name(word.value):
                    yield attribute, owner, last_name(word.value), node
    for name, bindings in view.bare_scope.bound(view.node).items():
        for kind, value in bindings:
            if kind == "value" and isinstance(value, ast.Call) and is_mock(view.bare_scope.resolve(value)):
                for word in value.keywords:
                    if word.arg == "side_effect" and last_name(word.value):
                        yield name, None, last_name(word.value), value


def _look(context: Context, view: View) -> Iterator[Found]:
    for block, names in _expecting(view):
        if (raised := _raises_itself(block, names)) is not None:
            yield raised, f"`{said(raised)}` raises the exception that the test expects: nothing else runs in the block"
            continue
        inside = {item for statement in block.body for item in ast.walk(statement)}
        for name, owner, exception, _ in _side_effects(view):
            if exception not in names:
                continue
            calls: list[ast.Call] = []
            if owner is not None and is_product(view.bare_scope.resolve(owner)):
                calls = list(own_calls_of(view, owner, name))
            elif owner is None:
                calls = [
                    item
                    for item in inside
                    if isinstance(item, ast.Call) and isinstance(item.func, ast.Name) and item.func.id == name
                ]
            for call in calls:
                if call in inside:
                    yield (
                        call,
                        (
                            f"`{said(call)}` calls the stand-in that the test told to raise {exception}: the "
                            "exception is the test's own"
                        ),
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
