"""A call that does not bind to the real signature of what it calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.definitions import ClassInfo, FunctionInfo
from bot.audit.references import Bound
from bot.audit.rule import Context, Example, Found, Rule, per_test, said
from bot.audit.signatures import Parameters, why_not
from bot.audit.view import View


def _takes(view: View, node: ast.Call) -> tuple[Parameters, str, str] | None:
    called = view.scope.resolve(node.func)
    if isinstance(called, ClassInfo):
        if (parameters := called.constructor) is None:
            return None
        return parameters, called.node.name, f"{called.module.source.path}:{called.node.lineno}"
    if not isinstance(called, Bound | FunctionInfo):
        return None
    function = called.function if isinstance(called, Bound) else called
    if function.opaque or function.is_property or "overload" in function.decorators:
        return None
    parameters = function.parameters
    if isinstance(called, Bound) and not function.is_static:
        parameters = parameters.without_first()
    return parameters, function.qualname, f"{function.module.source.path}:{function.node.lineno}"


def _look(context: Context, view: View) -> Iterator[Found]:
    for node in view.nodes:
        if (
            not isinstance(node, ast.Call)
            or view.under_raises(node, "TypeError")
            or context.predicts(view, "TypeError")
        ):
            continue
        found = _takes(view, node)
        if found is not None and (reason := why_not(node, found[0])):
            yield node, f"`{said(node)}` does not fit `{found[1]}` ({found[2]}): it {reason}"


RULE = Rule(
    id="wrong-signature",
    defect_class="wrong-signature",
    title="A call that does not fit the real signature",
    rationale="The call raises TypeError before the code under test does anything. The failure is the test's own.",
    hint="Call it as the implementation defines it; use create_autospec for stand-ins so that they refuse it too.",
    check=per_test(_look),
    good=Example(
        test="""\
from product.service import Service


def test_timeout():
    assert Service(timeout=2).timeout == 2
""",
        implementation="""\
class Service:
    def __init__(self, timeout=1):
        self.timeout = timeout
""",
    ),
    bad=Example(
        test="""\
from product.service import Service


def test_timeout():
    assert Service(grace_period=2).timeout == 2
""",
        implementation="""\
class Service:
    def __init__(self, timeout=1):
        self.timeout = timeout
""",
    ),
)
