"""A mistake of the test's own counts as the defect."""

from __future__ import annotations

import ast
import re
import unittest
from collections.abc import Collection, Iterable, Iterator

from bot.audit.controlflow.asserting import predicate
from bot.audit.reading.checks import raises_names
from bot.audit.reading.definitions import ClassInfo, FunctionInfo, last_name
from bot.audit.reading.flat import every
from bot.audit.reading.program import Missing
from bot.audit.reading.references import Bound, Instance
from bot.audit.reading.scope import Scope
from bot.audit.reading.signatures import Parameters, why_not
from bot.audit.rule import ERROR, WARNING, Context, Example, Found, Hit, Rule, per_test, said
from bot.audit.surroundings.network import connecting, served
from bot.audit.surroundings.tallies import BROAD, claims_reproduction, led_to, tallies, title
from bot.audit.view import View
from bot.domain.suite import FailureKind

_MISTAKES = {"TypeError", "AttributeError", "NameError", "UnboundLocalError", "ImportError", "KeyError"}
_OWN_MISTAKES = {"TypeError", "AttributeError", "NameError", "UnboundLocalError"}
_ABOUT_CALLS = re.compile(
    r"keyword|argument|(\b|_)k?wargs?|param|positional|signature|unexpected|unknown|type_?error|reject|refus|accept|"
    r"forbid|(\b|_)only|missing|invalid|must|needs?(\b|_)|without|extra|(\b|_)init|immutable|frozen|require|not_allowed|disallow|"
    r"bad_|wrong|raises|illegal|error|fail|attribute|abstract|slots|private|read_?only",
    re.IGNORECASE,
)
_ABOUT_ACCESS = re.compile(
    r"40[13]|unauth|forbid|denied|reject|refus|invalid|expired|without|missing|anonym|permission|not_allowed|wrong|bad_|"
    r"revok|protect",
    re.IGNORECASE,
)
_SHOWS = re.compile(r"reproduc|(\b|_)race(\b|_)", re.IGNORECASE)
_ACCESS = {401, 403}
_FINE = {200, 201, 202, 204, 0}
_CASE_BASES = {"TestCase", "IsolatedAsyncioTestCase", "object"}


def _parameters(scope: Scope, func: ast.expr) -> Parameters | None:
    """What a call of the tests' or the product's own code takes; None where that cannot be told."""
    called = scope.resolve(func)
    if isinstance(called, ClassInfo):
        return called.constructor
    function = called.function if isinstance(called, Bound) else called
    if not isinstance(function, FunctionInfo) or function.opaque or function.is_property:
        return None
    if "overload" in function.decorators:
        return None
    bound = isinstance(called, Bound) and not function.is_static
    return function.parameters.without_first() if bound else function.parameters


def _own_helper(view: View, scope: Scope, node: ast.Attribute) -> bool:
    """Whether `self.x()` is a method that no class of the test has."""
    owner = scope.resolve(node.value)
    if not isinstance(owner, Instance) or owner.cls is not view.cls or owner.cls.has(node.attr):
        return False
    plain = all(
        base is not None or last_name(written) in _CASE_BASES
        for item in owner.cls.order
        for base, written in zip(item.bases, item.node.bases, strict=False)
    )
    dynamic = any(item.is_dynamic or item.node.decorator_list for item in owner.cls.order)
    return plain and not dynamic and not hasattr(unittest.IsolatedAsyncioTestCase, node.attr)


def _mistake(view: View, body: Iterable[ast.AST]) -> str:
    """What in some code of a test, or in the helpers that it runs, cannot work whatever the product does."""
    added = {item.attr for item in view.attributes if isinstance(item.ctx, ast.Store)}
    for part, scope in led_to(view, body):
        for call in every(part, ast.Call):
            if isinstance(call.func, ast.Attribute) and call.func.attr in added:
                continue  # the test itself gives the object this name
            parameters = _parameters(scope, call.func)
            if parameters is not None and (why := why_not(call, parameters)):
                return f"`{said(call)}` {why}"
            if isinstance(call.func, ast.Attribute):
                if isinstance(found := scope.resolve(call.func), Missing):
                    return f"`{said(call.func)}`: {found.what}"
                if _own_helper(view, scope, call.func):
                    return f"there is no `{said(call.func)}`"
    return ""


def _counted(view: View) -> Iterator[Found]:
    for tally in tallies(view):
        if not tally.caught & (_MISTAKES | BROAD):
            continue
        line = getattr(tally.check, "lineno", 0)
        if mistake := _mistake(view, tally.body):
            message = (
                f"{mistake}: the test's own mistake is counted in `{tally.name}`, which line {line} wants to be filled"
            )
            yield tally.node, message
        elif tally.caught and tally.caught <= _OWN_MISTAKES and _unspoken(view, tally.caught):
            yield tally.node, _taken(tally.caught)
        elif tally.caught & BROAD and not tally.looked_at and not (connecting(view, tally.body) and not served(view)):
            severity = ERROR if claims_reproduction(view) else WARNING
            message = (
                f"any error at all is counted in `{tally.name}`, which line {line} wants to be filled: a "
                "mistake of the test would do"
            )
            yield tally.node, message, severity


def _expected(view: View) -> Iterator[Found]:
    for node in view.withs:
        for manager in node.items:
            names = raises_names(manager.context_expr)
            if last_name(manager.context_expr) == "suppress" or not names & (_MISTAKES | BROAD):
                continue
            matched = isinstance(manager.context_expr, ast.Call) and any(
                word.arg == "match" for word in manager.context_expr.keywords
            )
            matched = matched or _read_after(view, manager) or last_name(manager.context_expr).endswith("Regex")
            if names <= _MISTAKES and (matched or _ABOUT_CALLS.search(_name_and_text(view))):
                continue
            if names <= _MISTAKES and _is_baseline(view, node):
                continue
            if any("type: ignore" in view.source.line(item.lineno) for item in node.body):
                continue  # who wrote it knows that the call does not fit
            if not matched and (mistake := _mistake(view, node.body)):
                yield manager.context_expr, f"{mistake}: the exception expected here is a mistake of the test's own"
            elif not matched and names <= _OWN_MISTAKES and _unspoken(view, names):
                yield manager.context_expr, _taken(names)


def _is_baseline(view: View, node: ast.With | ast.AsyncWith) -> bool:
    """Whether a block only calls what the test defines inside itself, to hold the product against it afterwards."""
    own = set(view.nodes)
    calls = [call for part in node.body for call in every(part, ast.Call)]
    found = [view.bare_scope.resolve(call.func) for call in calls]
    local = bool(found) and all(isinstance(item, ClassInfo | FunctionInfo) and item.node in own for item in found)
    return local and sum(bool(raises_names(item.context_expr)) for block in view.withs for item in block.items) > 1


def _taken(names: Collection[str]) -> str:
    return (f"{' or '.join(sorted(names))} counts as the reproduction, and the implementation raises no such error on "
            "purpose: a double that lacks a method, or a value of a wrong kind, would do as well")


def _unspoken(view: View, names: Collection[str]) -> bool:
    """Whether a test that says it reproduces something waits for errors that the implementation never speaks of."""
    if not _SHOWS.search(title(view)) or not view.reach.product:
        return False
    return not any(name in module.source.text for name in names for module in view.program.product_modules)


def _read_after(view: View, manager: ast.withitem) -> bool:
    """Whether the test looks at the words of the exception that it expects."""
    kept = manager.optional_vars.id if isinstance(manager.optional_vars, ast.Name) else ""
    return bool(kept) and any(
        any(name.id == kept for name in every(check, ast.Name))
        and any(isinstance(item.value, str) and len(item.value) > 3 for item in every(check, ast.Constant))
        for check in view.asserts
    )


def _name_and_text(view: View) -> str:
    return f"{view.node.name}\n{ast.get_docstring(view.node) or ''}" if not claims_reproduction(view) else ""


def _status(test: ast.expr) -> str:
    """What a condition on a status takes for the defect: `401`, or `anything else` than success."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return ""
    if last_name(test.left) not in {"status_code", "status", "code", "close_code"}:
        return ""
    numbers = {item.value for item in every(test.comparators[0], ast.Constant) if isinstance(item.value, int)}
    if isinstance(test.ops[0], ast.Eq | ast.In) and numbers and numbers <= _ACCESS:
        return "/".join(str(item) for item in sorted(numbers))
    if isinstance(test.ops[0], ast.In) and numbers & _ACCESS and min(numbers) >= 400:
        return "any refusal or error"
    if isinstance(test.ops[0], ast.Gt | ast.GtE) and numbers <= {300, 399, 400} and numbers:
        return "anything but success"
    if isinstance(test.ops[0], ast.NotEq | ast.NotIn) and numbers and numbers <= _FINE:
        return "anything but success"
    return ""


def _refused(view: View) -> Iterator[Found]:
    """Where a refusal of the test's own credentials, or any status at all but success, counts as the reproduction."""
    said_of = f"{view.node.name}\n{ast.get_docstring(view.node) or ''}"
    if not _SHOWS.search(said_of) and (not claims_reproduction(view) or _ABOUT_ACCESS.search(view.node.name)):
        return
    flags: dict[str, str] = {}
    for branch in view.every(ast.If):
        if status := _status(branch.test):
            for part in branch.body:
                flags.update((last_name(item.target), status) for item in every(part, ast.AugAssign))
                flags.update((last_name(target), status) for item in every(part, ast.Assign) for target in item.targets)
                flags.update(
                    (last_name(call.func.value), status)
                    for call in every(part, ast.Call)
                    if isinstance(call.func, ast.Attribute) and call.func.attr == "append"
                )
    for assign in view.every(ast.Assign):
        status = next((found for part in (every(assign.value, ast.Compare)) if (found := _status(part))), "")
        if status:
            flags.update((last_name(target), status) for target in assign.targets)
    for check in view.checks:
        test = predicate(check)
        if test is None:
            continue
        direct = _status(test)
        name = next((item.id for item in every(test, ast.Name) if item.id in flags), "") if _wants(test) else ""
        if found := direct or flags.get(name, ""):
            yield check, f"{found} counts as the reproduction: a wrong header or token of the test would do as well"
            return


def _wants(test: ast.expr) -> bool:
    if isinstance(test, ast.Compare):
        zero = isinstance(last := test.comparators[0], ast.Constant) and not last.value
        return (
            isinstance(test.ops[0], ast.Gt | ast.GtE)
            or (isinstance(test.ops[0], ast.Eq) and not zero)
            or (isinstance(test.ops[0], ast.NotEq) and zero)
        )
    return isinstance(test, ast.Name | ast.Call)


def _look(context: Context, view: View) -> Iterator[Found]:
    if context.predicts(view, *_MISTAKES):
        return
    yield from _counted(view)
    yield from _expected(view)
    yield from _refused(view)


def _check(context: Context) -> Iterator[Hit]:
    yield from per_test(_look)(context)
    for case in context.cases:
        # Where the run was seen, and not just reported, `failed-by-itself` knows more.
        if context.planned(case) is None and not context.observations_of(case.id):
            for outcome in context.outcomes_of(case.id):
                if outcome.kind is FailureKind.HARNESS:
                    frame = outcome.frame
                    line = frame.line if frame is not None and frame.path == case.source.path else case.node.lineno
                    yield Hit(
                        case.source.path,
                        line,
                        case.id,
                        f"it failed by a mistake of its own and shows nothing of the product: {outcome.reason}",
                        case.source.line(line),
                    )
                    break


RULE = Rule(
    id="harness-as-repro",
    defect_class="harness-as-repro",
    title="A mistake of the test counts as the defect",
    rationale="A call that cannot work, or a refused token of the test's own, fails the same way with correct code.",
    hint="Catch the one exception that the defect raises, with the product called as it is, and check its text.",
    check=_check,
    good=Example(
        test="""\
from product.service import Pool


def test_full_pool_refuses():
    pool = Pool(size=1)
    errors = []
    for _ in range(3):
        try:
            pool.take()
        except OverflowError as error:
            errors.append(str(error))
    assert errors == ['the pool is full', 'the pool is full']
""",
        implementation="""\
class Pool:
    def __init__(self, size):
        self.left = size

    def take(self):
        if not self.left:
            raise OverflowError('the pool is full')
        self.left -= 1
""",
    ),
    bad=Example(
        test="""\
from product.service import Pool


def test_race_is_reproduced():
    failures = []
    for number in range(3):
        try:
            Pool(size=1, workers=number).take()
        except Exception as error:
            failures.append(error)
    assert len(failures) > 0
""",
        implementation="""\
class Pool:
    def __init__(self, size):
        self.left = size

    def take(self):
        if not self.left:
            raise OverflowError('the pool is full')
        self.left -= 1
""",
    ),
)
