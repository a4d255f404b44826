"""The method under test is replaced, and then the replacement is tested."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.checks import is_check, loads_of
from bot.audit.definitions import ClassInfo, last_name
from bot.audit.program import ModuleInfo
from bot.audit.references import Instance, is_product
from bot.audit.rule import Context, Example, Found, Rule, per_test, said
from bot.audit.view import View


def replacements(view: View) -> Iterator[tuple[ast.expr, str, ast.AST, ast.expr | None]]:
    """What a test replaces: the owner's expression, the attribute, where, and by what."""
    decorators = [item for decorator in view.node.decorator_list for item in ast.walk(decorator)]
    for node in (*decorators, *view.nodes):
        if (
            isinstance(node, ast.Assign)
            and len(node.targets) == 1
            and isinstance(target := node.targets[0], ast.Attribute)
        ):
            yield target.value, target.attr, node, node.value
        elif isinstance(node, ast.Call) and len(node.args) >= 2 and isinstance(name := node.args[1], ast.Constant):
            called = view.bare_scope.dotted(node.func)
            is_patch = called.endswith("patch.object") or ast.unparse(node.func).endswith("patch.object")
            is_set = called == "builtins.setattr" or (
                last_name(node.func) == "setattr" and "monkeypatch" in ast.dump(node.func)
            )
            spies = any(word.arg == "wraps" for word in node.keywords)
            if (is_patch or is_set) and not spies and isinstance(name.value, str):
                yield node.args[0], name.value, node, node.args[2] if len(node.args) > 2 else None


def is_stand_in(view: View, by: ast.expr | None) -> bool:
    """Whether a replacement is a mock, a lambda or a function of the test, and does not call the original."""
    if by is None or isinstance(by, ast.Lambda):
        return True
    if isinstance(by, ast.Call):
        spying = any(word.arg == "wraps" for word in by.keywords)
        return not spying and (last_name(by.func).endswith("Mock") or last_name(by.func) == "create_autospec")
    if isinstance(by, ast.Name):
        return any(kind == "def" for kind, _ in view.bare_scope.bound(view.node).get(by.id, []))
    return False


def own_calls_of(view: View, owner: ast.expr, attribute: str) -> Iterator[ast.Call]:
    """Where the test itself calls the replaced attribute of the same object, or of an object of that class."""
    text = ast.dump(owner)
    replaced_class = view.bare_scope.resolve(owner)
    for node in view.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == attribute:
            held = view.bare_scope.resolve(node.func.value)
            of_class = (
                isinstance(replaced_class, ClassInfo) and isinstance(held, Instance) and held.cls is replaced_class
            )
            if ast.dump(node.func.value) == text or of_class:
                yield node


def decides(view: View, call: ast.Call) -> bool:
    """Whether a call's result is what the test asserts on."""
    if any(is_check(item) for item in view.above(call)):
        return True
    statement = next((item for item in view.above(call) if isinstance(item, ast.stmt)), None)
    if not (
        isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name)
    ):
        return False
    return any(
        any(is_check(item) for item in view.above(load)) for load in loads_of(view.node, statement.targets[0].id)
    )


def _asserts_record(view: View, owner: ast.expr, attribute: str) -> bool:
    text = ast.dump(owner)
    return any(
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == attribute
        and ast.dump(node.value.value) == text
        and (node.attr.startswith("assert_") or node.attr in {"called", "call_count", "await_count", "call_args"})
        for node in view.nodes
    )


def _look(context: Context, view: View) -> Iterator[Found]:
    for owner, attribute, node, by in replacements(view):
        target = view.bare_scope.resolve(owner)
        if not (is_product(target) and isinstance(target, Instance | ClassInfo | ModuleInfo)) or not is_stand_in(
            view, by
        ):
            continue
        known = target.cls if isinstance(target, Instance) else target
        if isinstance(known, ClassInfo) and known.method(attribute) is None:
            continue
        for call in own_calls_of(view, owner, attribute):
            if call.lineno >= getattr(node, "lineno", 0) and (
                decides(view, call) or _asserts_record(view, owner, attribute)
            ):
                what = f"{said(owner)}.{attribute}"
                yield (
                    node,
                    (
                        f"`{what}` is replaced here and then called by the test itself (line {call.lineno}): "
                        "what is asserted "
                        "comes from the replacement, and the code under test never runs"
                    ),
                )
                break


RULE = Rule(
    id="sut-replaced",
    defect_class="sut-replaced",
    title="The method under test is replaced before it is tested",
    rationale="The test asserts what it told its own stand-in to answer. It passes whatever the code does.",
    hint="Replace collaborators that the code under test calls, never the thing whose result is asserted.",
    check=per_test(_look),
    good=Example(
        test="""\
from unittest.mock import Mock
from product.service import Service


def test_ready():
    service = Service()
    service.ping = Mock(return_value=False)
    assert service.ready() is False
    service.ping.assert_called_once()
""",
        implementation="""\
class Service:
    def ping(self):
        return True

    def ready(self):
        return self.ping()
""",
    ),
    bad=Example(
        test="""\
from unittest.mock import Mock
from product.service import Service


def test_ready():
    service = Service()
    service.ready = Mock(return_value=False)
    assert service.ready() is False
""",
        implementation="""\
class Service:
    def ready(self):
        return True
""",
    ),
)
