"""A test passed and no line of the product ran in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.dataflow.basis import Rest, basis
from bot.audit.dataflow.flow import Kind, asserted, everything, resolve
from bot.audit.observed.recorded import Recorded, recorded
from bot.audit.reading.definitions import FunctionInfo, last_name
from bot.audit.reading.flat import every
from bot.audit.reading.references import Bound
from bot.audit.rule import Context, Example, Hit, Rule, said
from bot.audit.view import View
from bot.domain.suite import FileLines, Observation

_READS = {
    "open", "read_text", "read_bytes", "glob", "rglob", "iterdir", "walk", "listdir", "scandir", "files", "load_module",
}
_CLASSES = {
    Rest.MOCKS: ("mock-only", "its assertions rest on mocks that it made"),
    Rest.OWN_CODE: ("sut-reimplemented", "its assertions rest on code of the tests"),
    Rest.OWN_VALUES: ("hardcoded-result", "its assertions rest on values that it wrote itself"),
    Rest.LIBRARY: ("tests-dependency", "its assertions rest on the language or a library"),
}
_KEEPING = {"cache", "lru_cache", "cached_property", "singledispatch", "overload", "abstractmethod"}


def _check(context: Context) -> Iterator[Hit]:
    if not context.program.product_modules:
        return
    for test in recorded(context):
        if not (test.passed and test.watched and test.body_ran) or test.product_ran or test.works_elsewhere:
            continue
        view = test.view
        rest = basis(view)
        if _reads_files(view):
            continue  # a schema, a configuration or a template of the product may be what is tested
        if rest is not None:
            of_class, words = _CLASSES[rest.rest]
            yield test.hit(f"no line of the product ran in it: {words}", at=rest.first.node, of_class=of_class)
        elif (call := _product_call(test)) is not None:
            of_class, words = _instead(view, call)
            yield test.hit(f"`{said(call)}` was called and no line of the product ran: {words}", at=call,
                           of_class=of_class)
        elif _nothing_of_the_product(view):
            yield test.hit("no line of the product ran in it, and nothing that it asserts comes from there")


def _nothing_of_the_product(view: View) -> bool:
    """Whether the text, too, shows no way to the product: not in fixtures, not by its data, files or sockets."""
    if not asserted(view) or any(item.kind in {Kind.PRODUCT, Kind.CONSTANT} for item in everything(view)):
        return False
    parts = [view.node, *(item.node for item in view.helpers)]
    return not view.reach.product and not view.reach.opaque and not any(
        last_name(call.func).startswith("connect") for part in parts for call in every(part, ast.Call))


def _reads_files(view: View) -> bool:
    """Whether a test reads files that it did not write itself."""
    parts = [view.node, *(item.node for item in view.helpers)]
    calls = [last_name(call.func) for part in parts for call in every(part, ast.Call)]
    made = {item.arg for part in parts for item in part.args.args} & {"tmp_path", "tmpdir", "tmp_path_factory"}
    return not made and any(name in _READS for name in calls) and not any(
        name.startswith(("TemporaryDirectory", "NamedTemporaryFile", "mkdtemp", "write_text")) for name in calls)


def _product_call(test: Recorded) -> ast.Call | None:
    """A call of the test's own that ran, and that enters a function of the product by the text."""
    view = test.view
    for call in view.calls:
        function = view.bare_scope.resolve(call.func)
        function = function.function if isinstance(function, Bound) else function
        if not isinstance(function, FunctionInfo) or not function.module.product or function.opaque:
            continue
        own = {last_name(item) for item in function.node.decorator_list}
        if not own & _KEEPING and not _may_fail_to_bind(view, call) and test.ran(call) and _does_something(function):
            yield_free = not any(True for _ in (*every(function.node, ast.Yield), *every(function.node, ast.YieldFrom)))
            if yield_free:
                return call
    return None


def _may_fail_to_bind(view: View, call: ast.Call) -> bool:
    """Whether the test may want the call to fail before the function is entered."""
    return view.under_raises(call, "TypeError")


def _does_something(function: FunctionInfo) -> bool:
    return not all(isinstance(item, ast.Expr | ast.Pass) for item in function.node.body)


def _instead(view: View, call: ast.Call) -> tuple[str, str]:
    """The class of a call that entered nothing, and what took the function's place."""
    if last_name(call.func) in view.replaced:
        return "sut-replaced", "the test has put something else in its place"
    function = resolve(view, call.func)
    inner = function.function if isinstance(function, Bound) else function
    if isinstance(inner, FunctionInfo) and isinstance(inner.node, ast.AsyncFunctionDef):
        return "unawaited-coroutine", "its coroutine was not run"
    return "tests-dependency", "something else took its place"


_ID = "tests/unit/test_example.py::test_one"
_GOOD = """\
from product.service import one


def test_one():
    assert one() == 1
"""
_BAD = """\
import json


def test_one():
    assert json.loads('[1]') == [1]
"""


def _seen(product: tuple[int, ...], *lines: int) -> tuple[Observation, ...]:
    path = "tests/unit/test_example.py"
    ran = [FileLines(path=path, lines=lines)]
    if product:
        ran.append(FileLines(path="product/service.py", lines=product))
    return (Observation(test=_ID, path=path, line=4, status="passed", watched=True, lines=tuple(ran)),)


RULE = Rule(
    id="no-product-code-ran",
    defect_class="tests-dependency",
    title="No line of the product ran in the test",
    rationale="What does not run cannot fail: the test passes with the product's code removed.",
    hint="Call the product, and assert on what it gives.",
    check=_check,
    needs_run=True,
    good=Example(_GOOD, "def one():\n    return 1\n", observations=_seen((2,), 5)),
    bad=Example(_BAD, "def one():\n    return 1\n", observations=_seen((), 5)),
)
