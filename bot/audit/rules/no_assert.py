"""A test that asserts nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.controlflow.asserting import Asserting
from bot.audit.controlflow.paths import Paths, paths_in
from bot.audit.reading.checks import handler_names
from bot.audit.reading.definitions import FunctionInfo, last_name
from bot.audit.reading.flat import every, walk
from bot.audit.reading.references import Bound, Coroutine, Instance, Made, is_product
from bot.audit.reading.source import FunctionNode
from bot.audit.rule import ERROR, WARNING, Context, Example, Found, Rule, per_test
from bot.audit.view import View

_REQUESTS = {"get", "post", "put", "patch", "delete", "send", "close", "append", "login", "add", "save", "create"}
_VERBS = {"get", "post", "put", "patch", "delete", "head", "options", "post_json", "put_json", "patch_json", "request"}
_NOT_RUN = {"skip", "skipTest", "xfail", "importorskip"}
_COURSE = 3
"""So many calls whose results are dropped are a course of events, and what it led to should be asserted."""
_SAYS = {"print", "info", "debug", "warning", "error", "log", "exception"}
_SMOKE = re.compile(
    r"no[_ ]?(t[_ ])?(error|raise|crash|exception|fail|warn|op\b)|smoke"
    r"|does[_ ]?n.?t?[_ ]?(not)?[_ ](raise|crash|fail|hang)"
    r"|without[_ ](any[_ ])?(error|rais|exception|crash|problem)"
    r"|(should|must|does|can|will)(n't|[_ ]not)[_ ](raise|fail|crash|err|hang|break|throw|warn|block|deadlock|explode)"
    r"|never[_ ]rais"
    r"|(compile|import|construct|instantiat|load|start|run)s?(able)?$|is[_ ](fine|ok|allowed|valid|accepted)"
    r"|noqa|type: ignore|type.?check|mypy|pyright|regression|(\b|_)(just|only|hangs?)(\b|_)|issue|#\d+|deadlock|exercis"
    r"|raises (if|when|unless)|_pass(es)?$",
    re.IGNORECASE,
)
_GIVES = re.compile(r"returns?$|correct", re.IGNORECASE)
_NOTHING_TO_TEST = re.compile(r"(no|not|nothing)\W+(directly\W+)?testable|nothing to test", re.IGNORECASE)
_ASSERTING_TEXT = re.compile(r"^[ \t]*(assert\b|raise AssertionError\b|(self|t)\.assert\w+\()", re.MULTILINE)
_CLAIMS = re.compile(
    r"(^|_)(returns?|rejects?|rejected|raises?|raised|retr(y|ies|ied)|reproduc\w*|race|leaks?|leaked|expires?|expired"
    r"|unauthori\w+|den(y|ies|ied)|persists?|persisted|recovers?|recovered|recovery|reconnect\w*|authenticat\w*"
    r"|duplicat\w*|blocks|blocked|prevent\w*|enforce\w*|correct(ly)?|verif(ies|ied)|consisten\w*|timeouts?|detect\w*"
    r"|broadcasts?|delivers?|delivered|delivery)(_|$)",
    re.IGNORECASE,
)


def _checks_elsewhere(view: View) -> bool:
    """Whether a fixture, set-up or class that the test uses asserts."""
    asserting = Asserting(view.program, view.bare_scope, view.node)
    beside = {
        getattr(word.value, "id", "")
        for call in view.calls
        if last_name(call.func) in {"Thread", "Timer", "Process"}
        for word in call.keywords
        if word.arg == "target"
    }
    own = set(walk(view.node))
    return any(
        asserting.may_fail(function)
        for function in view.reach.functions
        if not function.module.product and function.node.name not in beside and not _dropped(function.node, own)
    )


def _dropped(node: FunctionNode, own: set[ast.AST]) -> bool:
    """Whether a function is the test's own: what it asserts was found on the paths that run it."""
    return node in own


def _leads_somewhere(view: View) -> bool:
    """Whether the test may assert through something that is not in these files."""
    return view.reach.opaque and any(
        view.scope.resolve(node.func) is None and not _method_of_client(view, node) for node in view.calls
    )


def _method_of_client(view: View, call: ast.Call) -> bool:
    """Whether a call is of a plain method of an object that the test or a fixture made: it does not assert."""
    if not isinstance(call.func, ast.Attribute):
        return False
    return isinstance(view.scope.resolve(call.func.value), Made | Instance) or call.func.attr in _REQUESTS


def _unreached(view: View, paths: Paths) -> str:
    """What stands in the test as an assertion and is run by nothing; empty when there is none."""
    for node in view.checks:
        if isinstance(node, ast.Call) and not _asserts_by_name(view, node):
            continue
        function = next((item for item in view.above(node) if isinstance(item, FunctionNode)), None)
        if function is not None:
            return f"the assertion on line {getattr(node, 'lineno', 0)} is in `{function.name}`, which does not decide"
        return f"the assertion on line {getattr(node, 'lineno', 0)} is never reached"
    return ""


def _kept(view: View) -> bool:
    """Whether a local function with assertions is put in a list or an object, from which something may run it."""
    holders: list[ast.AST] = [*view.every(ast.Tuple), *view.every(ast.List), *view.every(ast.Dict)]
    holders += [item.value for item in view.every(ast.Assign) if isinstance(item.targets[0], ast.Attribute)]
    kept = {name.id for holder in holders for name in every(holder, ast.Name)}
    functions: list[FunctionNode] = [*every(view.node, ast.FunctionDef), *every(view.node, ast.AsyncFunctionDef)]
    return any(item.name in kept and any(check in walk(item) for check in view.checks) for item in functions)


def _wants_status(view: View) -> bool:
    """Whether a request says which status it wants: WebTest's `app.get("/", status=403)` fails with another."""
    return any(
        last_name(call.func) in _VERBS and any(word.arg == "status" for word in call.keywords) for call in view.calls
    )


def _asserts_by_name(view: View, call: ast.Call) -> bool:
    """Whether a call looks like an assertion to whoever reads it; a function of the product may be named so."""
    found = view.bare_scope.resolve(call.func)
    if isinstance(found, FunctionInfo | Bound | Coroutine) and is_product(found):
        return False
    return bool(re.match(r"_?assert(?!_type|_never|ion)|raises$", last_name(call.func)))


def _asserts_in_text(view: View) -> bool:
    """Whether the test holds the text of a program with assertions in it, which it gives to another interpreter."""
    return any(
        isinstance(text.value, str) and _ASSERTING_TEXT.search(text.value)
        for text in view.every(ast.Constant)
        if text is not getattr(view.node.body[0], "value", None)
    )


def _look(context: Context, view: View) -> Iterator[Found]:
    body = [
        item for item in view.node.body if not (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant))
    ]
    paths = paths_in(view)
    if not paths.complete and view.checks:
        return
    if any(path.checks for path in paths.green) or (paths.complete and not paths.green):
        return
    if any(isinstance(item, ast.Yield) for item in view.nodes):
        return
    marks = [last_name(item) for owner in (view.node, *view.case.classes) for item in owner.decorator_list]
    if "skip" in marks or any(last_name(node.func) in _NOT_RUN for node in view.calls):
        return
    planned = context.planned(view.case)
    if planned is not None and planned.expectation.failure == "exception":
        return  # the planned exception is what it asserts: it fails by it, and passes without
    if _checks_elsewhere(view) or _kept(view) or _wants_status(view):
        return
    if not view.checks and view.calls and _asserts_in_text(view):
        return
    if paths.complete and (hidden := _unreached(view, paths)):
        yield view.node, f"nothing is asserted: {hidden}"
        return
    talks = any(last_name(node.func) in _SAYS and not _of_product(view, node) for node in view.calls)
    empty = not view.calls or all(isinstance(item, ast.Pass) for item in body)
    message = "no assertion, expected exception or mock assertion in this test or in anything it calls"
    smoke = _SMOKE.search(view.node.name) or _SMOKE.search(_text(view))
    if (empty and not _does_something(body)) or planned is not None or (talks and not smoke):
        # Who counts the parts of a specification says of some that nothing can be tested in them.
        meant = WARNING if empty and not planned and _NOTHING_TO_TEST.search(_text(view)) else ERROR
        yield view.node, message, meant
    elif not _leads_somewhere(view):
        words = [found.group(2) for found in _CLAIMS.finditer(view.node.name.removeprefix("test"))]
        claims = any(not _is_input(view, word) for word in words if not (_GIVES.match(word) and _only_checks(body)))
        # One call may be there to show that it is accepted; a course of calls is there for what it does.
        claims = claims or (bool(ast.get_docstring(view.node)) and len(_course(body)) >= _COURSE)
        if claims and not smoke:
            yield view.node, message
        else:
            yield view.node, message, WARNING


def _only_checks(body: list[ast.stmt]) -> bool:
    """Whether the one call whose result is dropped is one that raises where something is wrong: `validate(x)`."""
    dropped = [call for item in _dropped_calls(body) for call in every(item, ast.Call)]
    return len(dropped) == 1 and bool(re.match(r"(validate|check|verify|ensure)(_|$)", last_name(dropped[0].func)))


def _of_product(view: View, call: ast.Call) -> bool:
    """Whether what sounds like telling of something is a call of the product, or what re-raises an assertion's."""
    if is_product(view.bare_scope.resolve(call.func)) or (
        isinstance(call.func, ast.Name)
        and any(
            isinstance(item, FunctionNode) or (isinstance(item, ast.alias) and view.program.comes_from_product(item))
            for item in view.module.bindings.get(call.func.id, [])
        )
    ):
        return True
    return any(
        isinstance(item, ast.ExceptHandler)
        and "AssertionError" in handler_names(item)
        and any(isinstance(part, ast.Raise) and part.exc is None for part in item.body)
        for item in view.above(call)
    )


def _is_input(view: View, word: str) -> bool:
    """Whether a word of the title is what the test gives the code: `parse("raise")`, `__return__=int`."""
    given = [item.value for item in view.every(ast.Constant) if isinstance(item.value, str)]
    keys = [keyword.arg or "" for call in view.every(ast.Call) for keyword in call.keywords]
    keys += [
        keyword.arg or ""
        for function in view.nodes
        if isinstance(function, FunctionNode)
        for item in function.decorator_list
        for call in every(item, ast.Call)
        for keyword in call.keywords
    ]
    first = ast.get_docstring(view.node, clean=False)
    return any(text.strip("_ ").lower() == word.lower() for text in (*given, *keys) if text != first)


def _dropped_calls(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements that call something and drop what it gives."""
    return [
        item
        for item in body
        if isinstance(item, ast.Expr)
        and isinstance(item.value.value if isinstance(item.value, ast.Await) else item.value, ast.Call)
    ]


def _course(body: list[ast.stmt]) -> list[ast.stmt]:
    """Those of them that are not given what another call gave: `load(dump(x))` holds two calls against each other."""
    return [
        item
        for item in _dropped_calls(body)
        if not any(isinstance(inner, ast.Call) for call in every(item, ast.Call) for inner in call.args)
    ]


def _does_something(body: list[ast.stmt]) -> bool:
    """Whether statements without a call may still fail by themselves: an import, a class, an operator."""
    if any(isinstance(item, ast.Expr) and isinstance(item.value, ast.Attribute | ast.Subscript) for item in body):
        return True  # `package.name` alone fails when there is no such name
    return any(
        isinstance(item, ast.Import | ast.ImportFrom | ast.ClassDef | ast.BinOp | ast.With | ast.Delete)
        or (isinstance(item, ast.Assign) and isinstance(item.value, ast.Subscript))  # `_ = Proxy[int]`
        for statement in body
        for item in walk(statement)
    )


def _text(view: View) -> str:
    """The test's docstring and comments."""
    first = view.node.lineno
    lines = view.source.lines[first : view.node.end_lineno or first]
    said = [line.partition("#")[2] for line in lines if "#" in line]
    return " ".join([ast.get_docstring(view.node) or "", *said])


RULE = Rule(
    id="no-assert",
    defect_class="no-assert",
    title="A test that asserts nothing",
    rationale="Without an assertion a test says at most that nothing was raised. Printing a value does not check it; a "
    "call that must not raise is a warning, since people write such tests on purpose.",
    hint="Assert what the code must have done. If the point is that nothing is raised, say so in the name.",
    check=per_test(_look),
    good=Example(
        test="""\
from product.service import one


def same(left, right):
    assert left == right


def test_one():
    same(one(), 1)
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
    result = one()
    print('result', result)
""",
        implementation="""\
def one():
    return 1
""",
    ),
)
