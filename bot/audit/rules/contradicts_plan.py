"""A planned test whose code cannot do what the plan says of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.dataflow.flow import on_mock
from bot.audit.reading.checks import raises_names
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every
from bot.audit.reading.references import is_product
from bot.audit.rule import Context, Example, Found, Rule, example_plan, per_test
from bot.audit.surroundings.levels import level_of, markers
from bot.audit.surroundings.network import connecting
from bot.audit.surroundings.tallies import led_to
from bot.audit.view import View
from bot.domain.plan import PlannedTest

_RAISES = {"raises", "assertRaises", "assertRaisesRegex"}
_INDIRECT = {
    "TestClient",
    "Client",
    "AsyncClient",
    "APIClient",
    "Popen",
    "run",
    "invoke",
    "import_module",
    "check_output",
    "create_subprocess_exec",
    "runpytest",
    "getattr",
    "main",
    "call_command",
    "CliRunner",
    "exec",
    "__import__",
}
_CREDENTIALS = re.compile(
    r"auth|token|login|jwt|credential|api_?key|session|bearer|sign|password|user|cookie", re.IGNORECASE
)
_NO_AUTH = {"", "none", "no", "not needed", "n/a", "mock", "mocked", "fake"}


def _expected(view: View) -> Iterator[tuple[ast.AST, frozenset[str]]]:
    for node in view.withs:
        for manager in node.items:
            if last_name(manager.context_expr) in _RAISES and (names := raises_names(manager.context_expr)):
                yield manager.context_expr, names
    for call in view.calls:
        if last_name(call.func) in _RAISES and len(call.args) > 1:
            yield call, raises_names(call)


def _of_expectation(view: View, planned: PlannedTest) -> Iterator[Found]:
    """An exception that is to fail the test cannot be what the test asks for."""
    wanted = planned.expectation
    name = wanted.exception.rpartition(".")[2]
    if wanted.failure == "exception":
        for node, names in _expected(view):
            if names & {name, "Exception", "BaseException"}:
                message = (
                    f"the plan says that the present code raises {wanted.exception} and the test fails by it, but the "
                    f"test expects {'/'.join(sorted(names))}: it is green before the fix"
                )
                yield node, message


def _of_level(context: Context, view: View, planned: PlannedTest) -> Iterator[Found]:
    level = level_of(context, view.case)
    if level is not None and level is not planned.level:
        yield view.node, f"the plan says {planned.level.value}, but the test stands among the {level.value} tests"


def _of_needs(view: View, planned: PlannedTest) -> Iterator[Found]:
    """Services and authentication that the plan asks for and of which the test's code knows nothing."""
    words = _words(view)
    for service in planned.services:
        plain = service.lower().replace("-", "_")
        if any(plain in word.lower() for word in words) or connecting(view, view.node.body) is not None:
            continue
        if view.reach.opaque and not any(on_mock(view, item) for call in view.calls for item in call.args):
            continue
        yield view.node, f"the plan asks for the service {service}, but nothing in the test uses it"
        break
    if planned.auth.strip().lower() not in _NO_AUTH and not view.reach.opaque:
        brought = any(_CREDENTIALS.search(word) for word in words)
        if not brought:
            yield view.node, f"the plan asks for authentication ({planned.auth}), but the test brings no credentials"


def _words(view: View) -> set[str]:
    """The names and texts in the code of a test and of the tests' functions that it enters."""
    found = set(markers(view.case)) | {item.arg for item in view.node.args.args}
    for node, _ in led_to(view, (*view.node.body, *(part for body in view.helpers for part in body.node.body))):
        found |= {item.id for item in every(node, ast.Name)} | {item.attr for item in every(node, ast.Attribute)}
        found |= {item.value for item in every(node, ast.Constant) if isinstance(item.value, str)}
        found |= {item.arg for item in every(node, ast.keyword) if item.arg}
    return found


def _of_suspect(view: View, planned: PlannedTest) -> Iterator[Found]:
    """Whether the suspect can be come to: by any name on the way, so that only a certain no is told."""
    suspect = planned.expectation.reaches
    module = view.program.by_path.get(suspect.path)
    if module is None or not module.product or _reachable(view, suspect.function):
        return
    yield view.node, f"nothing that the test calls leads to {suspect.key}, which the plan says it must reach"


def _reachable(view: View, function: str) -> bool:
    wanted = function.rpartition(".")[2]
    owner = function.rpartition(".")[0].rpartition(".")[2]
    known = {part for word in _words(view) for part in re.split(r"[^A-Za-z0-9_]+", word)}
    if known & _INDIRECT or wanted.startswith("__"):
        return True
    bodies = _product_names(view)
    for _ in range(len(bodies) + 1):
        if wanted in known or (owner and owner in known and wanted.startswith("_")):
            return True
        more = {name for start in known if start in bodies for name in bodies[start]} - known
        if not more:
            return False
        known |= more
    return True


def _product_names(view: View) -> dict[str, frozenset[str]]:
    """For each function and class of the product, by its last name, the names that its code mentions."""
    if "names in product" not in view.program.memo:
        found: dict[str, set[str]] = {}
        for module in view.program.product_modules:
            tree = module.source.tree
            defined: list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef] = [*every(tree, ast.FunctionDef)]
            defined += [*every(tree, ast.AsyncFunctionDef), *every(tree, ast.ClassDef)]
            for node in defined:
                names = found.setdefault(node.name, set())
                names |= {item.id for item in every(node, ast.Name)}
                names |= {item.attr for item in every(node, ast.Attribute)}
                names |= {item.value for item in every(node, ast.Constant) if isinstance(item.value, str)}
        view.program.memo["names in product"] = {name: frozenset(names) for name, names in found.items()}
    known: dict[str, frozenset[str]] = view.program.memo["names in product"]
    return known


def _look(context: Context, view: View) -> Iterator[Found]:
    planned = context.planned(view.case)
    if planned is None:
        return
    yield from _of_expectation(view, planned)
    yield from _of_level(context, view, planned)
    yield from _of_needs(view, planned)
    if any(is_product(view.bare_scope.resolve(call.func)) for call in view.calls):
        yield from _of_suspect(view, planned)


_IMPLEMENTATION = """\
def one():
    return 2


def two():
    return 2
"""

RULE = Rule(
    id="contradicts-plan",
    defect_class="plan-mismatch",
    title="The test contradicts its plan",
    rationale="The plan said how the test fails on the present code, at which level it stands and what it needs; a "
    "test that does something else shows something else.",
    hint="Write what the plan says, or have the plan changed first.",
    check=per_test(_look),
    good=Example(
        test="""\
from product.service import one


def test_one():
    assert one() == 1
""",
        implementation=_IMPLEMENTATION,
        plan=example_plan("tests/unit/test_example.py"),
    ),
    bad=Example(
        test="""\
from product.service import two


def test_one():
    assert two() == 1
""",
        implementation=_IMPLEMENTATION,
        plan=example_plan("tests/unit/test_example.py"),
    ),
)
