"""A call that does not bind to the real signature of what it calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.reading.bindings import fixture_name
from bot.audit.reading.checks import raises_names
from bot.audit.reading.definitions import ClassInfo, FunctionInfo, last_name
from bot.audit.reading.flat import every, parent_of
from bot.audit.reading.references import Bound
from bot.audit.reading.scope import Scope
from bot.audit.reading.signatures import Parameters, why_not
from bot.audit.rule import WARNING, Context, Example, Found, Rule, per_test, said
from bot.audit.view import Body, View

_PLAIN = {"dataclass", "final", "total_ordering", "runtime_checkable", "unique", "mark"}


def _takes(scope: Scope, func: ast.expr) -> tuple[Parameters, str, str] | None:
    called = scope.resolve(func)
    if isinstance(called, ClassInfo):
        if (parameters := called.constructor) is None:
            return None
        return parameters, called.node.name, f"{called.module.source.path}:{called.node.lineno}"
    if not isinstance(called, Bound | FunctionInfo):
        return None
    function = called.function if isinstance(called, Bound) else called
    if function.owner is not None and not {last_name(item) for item in function.owner.node.decorator_list} <= _PLAIN:
        return None  # a decorator of the class may wrap its methods
    if function.opaque or function.is_property or "overload" in function.decorators or fixture_name(function.node):
        return None
    parameters = function.parameters
    if isinstance(called, Bound) and not function.is_static:
        parameters = parameters.without_first()
    return parameters, function.qualname, f"{function.module.source.path}:{function.node.lineno}"


def _literal(scope: Scope, body: Body, node: ast.expr) -> ast.Dict | None:
    """The dict that `**node` spreads, where it is written out and nothing adds to it."""
    if isinstance(node, ast.Name):
        bound = scope.bound(body.node).get(node.id, [])
        loads = [item for item in body.every(ast.Name) if item.id == node.id and isinstance(item.ctx, ast.Load)]
        untouched = all(isinstance(parent_of(item), ast.keyword) for item in loads)
        if len(bound) != 1 or bound[0][0] != "value" or not untouched or not isinstance(bound[0][1], ast.Dict):
            return None
        node = bound[0][1]
    return node if isinstance(node, ast.Dict) else None


def _spread(body: Body, node: ast.Call) -> ast.Call:
    """The call with every `**{...}` of literal names written out."""
    keywords: list[ast.keyword] = []
    for word in node.keywords:
        given = _literal(body.scope, body, word.value) if word.arg is None else None
        names = [key.value if isinstance(key, ast.Constant) else None for key in given.keys] if given else []
        if given is None or not all(isinstance(name, str) for name in names):
            keywords.append(word)
            continue
        keywords += [ast.keyword(str(name), value) for name, value in zip(names, given.values, strict=True)]
    return ast.Call(node.func, node.args, keywords)


def _partial(body: Body, node: ast.Call) -> str:
    """Why `functools.partial(f, ...)` can never be called; what is missing may still come."""
    if body.scope.dotted(node.func) != "functools.partial" or not node.args:
        return ""
    found = _takes(body.scope, node.args[0])
    rest = ast.keyword(None, ast.Name("later", ast.Load()))
    given = ast.Call(node.args[0], [*node.args[1:], ast.Starred(rest.value, ast.Load())], [*node.keywords, rest])
    reason = why_not(given, found[0]) if found else ""
    return f"`{said(node)}` does not fit `{found[1]}` ({found[2]}): it {reason}" if found and reason else ""


def _handed_through(body: Body, node: ast.Call) -> str:
    """Why keywords do not fit that a helper of the tests hands on as `**options` to code that does not take them."""
    called = body.scope.resolve(node.func)
    function = called.function if isinstance(called, Bound) else called
    if not isinstance(function, FunctionInfo) or function.module.product or function.opaque:
        return ""
    arguments = function.node.args
    rest = arguments.kwarg.arg if arguments.kwarg else ""
    own = {item.arg for item in (*arguments.args, *arguments.kwonlyargs)}
    extra = [word for word in node.keywords if word.arg and word.arg not in own]
    if not rest or not extra:
        return ""
    uses = [item for item in every(function.node, ast.Name) if item.id == rest]
    inner = [
        call
        for call in every(function.node, ast.Call)
        if any(word.arg is None and word.value in uses for word in call.keywords)
    ]
    if len(inner) != 1 or len(uses) != 1:
        return ""
    scope = Scope.of(
        body.scope.program, function.module, (*function.outer, function.node), function.owner, body.scope.replaced
    )
    taken = _takes(scope, inner[0].func)
    if taken is None:
        return ""
    words = [*(word for word in inner[0].keywords if word.arg is not None), *extra]
    reason = why_not(ast.Call(inner[0].func, inner[0].args, words), taken[0])
    return f"`{said(node)}` hands on what does not fit `{taken[1]}` ({taken[2]}): it {reason}" if reason else ""


def _in_body(body: Body) -> Iterator[tuple[ast.AST, str]]:
    for node in body.every(ast.Call):
        found = _takes(body.scope, node.func)
        why = ""
        if found is None:
            why = _partial(body, node)
        elif through := _handed_through(body, node):
            why = through
        elif reason := why_not(_spread(body, node), found[0]):
            why = f"`{said(node)}` does not fit `{found[1]}` ({found[2]}): it {reason}"
        if why and not body.under_raises(node, "TypeError", exactly=True):
            yield node, why


def _look(context: Context, view: View) -> Iterator[Found]:
    if context.predicts(view, "TypeError"):
        return
    for node, why in view.found("wrong-signature", _in_body):
        # A function that is only handed over need not be called, and where the test waits for an error, hardly is.
        handed = any(isinstance(item, ast.Lambda) for item in view.above(node))
        waits = any(raises_names(call) for call in view.calls)
        yield (node, why, WARNING) if handed and waits else (node, why)


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
