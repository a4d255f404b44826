"""What in a function counts as an assertion, what fails outright, and what only talks. Names are resolved."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.audit.reading.definitions import ClassInfo, FunctionInfo, is_name, last_name
from bot.audit.reading.flat import every, parent_of, walk
from bot.audit.reading.program import External, Program
from bot.audit.reading.references import Bound, Coroutine, Reference, function_of
from bot.audit.reading.scope import Scope
from bot.audit.reading.source import FunctionNode
from bot.audit.reading.truths import always_true

_ASSERTS = re.compile(r"^_?(assert(?!ion)|raises|warns|deprecated_call)|^(fail_if|fail_unless)", re.IGNORECASE)
_MAY_ASSERT = re.compile(
    r"^_?(expect|verify|check|ensure|should|must|compare|approve|snapshot|match)|_(matches|equals?)$", re.IGNORECASE
)
FAILS = frozenset({"fail"})
SKIPS = frozenset({"skip", "skipTest", "xfail", "SkipTest"})
RAISES = frozenset({"raises", "assertRaises", "assertRaisesRegex", "RaisesGroup", "raises_group"})
_WATCHES = frozenset({"warns", "assertWarns", "assertWarnsRegex", "assertLogs", "assertNoLogs", "deprecated_call"})
TALK = {"print", "str", "repr", "type", "debug", "info", "warning", "error", "exception", "critical", "log"}
TALK |= {"isinstance", "format", "write", "print_exc"}
"""Functions that tell of an error and judge nothing."""
_CLAIM = re.compile(
    r"[\u2705\u2714\u2713\u2611\U0001F389\U0001F3AF\U0001F680\U0001F7E2]"
    r"|\b(PASS(?:ED)?|SUCCESS(?:FUL(?:LY)?)?|REPRODUCED|CONFIRMED|VALIDATED|VERIFIED|PROVEN|WORKING)\b"
    r"|(?i:\b(?:bug|race|issue|problem|failure|leak|deadlock|vulnerability)(?: \w+)? "
    r"(?:was )?(?:reproduced|confirmed|proven|fixed)\b)"
    r"|(?i:\btests? (?:passed|succeeded|successful)\b|\b(?:works|working) (?:correctly|as expected|properly)\b)"
)
_SAYS = {"print", "info", "debug", "warning", "error", "critical", "log", "write", "success", "echo"}

PREDICATES: dict[str, type[ast.cmpop]] = {
    "assertEqual": ast.Eq,
    "assertEquals": ast.Eq,
    "assertNotEqual": ast.NotEq,
    "assertIs": ast.Is,
    "assertIsNot": ast.IsNot,
    "assertIn": ast.In,
    "assertNotIn": ast.NotIn,
    "assertGreater": ast.Gt,
    "assertGreaterEqual": ast.GtE,
    "assertLess": ast.Lt,
    "assertLessEqual": ast.LtE,
    "assertListEqual": ast.Eq,
    "assertDictEqual": ast.Eq,
    "assertCountEqual": ast.Eq,
}


def predicate(check: ast.AST) -> ast.expr | None:
    """What a check wants to be true, unittest's methods written as comparisons; None when that is not one expression.

    The comparison is made for it and stands at the call's place; its parts are the nodes of the file.
    """
    if isinstance(check, ast.Assert):
        return check.test
    if not isinstance(check, ast.Call) or not check.args:
        return None
    name, first = last_name(check.func), check.args[0]
    made: ast.expr | None = None
    if name == "assertTrue":
        return first
    if name in {"assertFalse", "failIf"}:
        made = ast.UnaryOp(ast.Not(), first)
    elif name in {"assertIsNone", "assertIsNotNone"}:
        op = ast.Is() if name == "assertIsNone" else ast.IsNot()
        made = ast.Compare(first, [op], [ast.copy_location(ast.Constant(None), check)])
    elif len(check.args) >= 2 and name in PREDICATES:
        made = ast.Compare(first, [PREDICATES[name]()], [check.args[1]])
    elif len(check.args) >= 2 and name == "assertIsInstance":
        made = ast.Call(ast.copy_location(ast.Name("isinstance", ast.Load()), check), check.args[:2], [])
    return None if made is None else ast.copy_location(made, check)


def is_claim(node: ast.AST) -> bool:
    """Whether a node prints or logs that something succeeded or was reproduced."""
    if not (isinstance(node, ast.Call) and last_name(node.func) in _SAYS):
        return False
    return any(
        isinstance(item.value, str) and _CLAIM.search(item.value)
        for argument in node.args
        for item in every(argument, ast.Constant)
    )


def watches(manager: ast.expr) -> bool:
    """Whether a context manager is an assertion about warnings or log lines in its block."""
    return isinstance(manager, ast.Call) and last_name(manager.func) in _WATCHES


def made_by_test(info: FunctionInfo | ClassInfo) -> bool:
    """Whether the tests define it."""
    return not info.module.product


@dataclass(eq=False)
class Asserting:
    """Decides for the nodes of one function. `helper` says which checks of a test's helper reach its caller."""

    program: Program
    scope: Scope
    node: FunctionNode
    local: dict[str, FunctionNode] = field(default_factory=dict)

    def __post_init__(self) -> None:
        inner: list[FunctionNode] = [*every(self.node, ast.FunctionDef), *every(self.node, ast.AsyncFunctionDef)]
        self.local = {item.name: item for item in inner if item is not self.node}

    def fails(self, call: ast.Call) -> str:
        """`assertion` for `self.fail`, `fail` for `pytest.fail`; empty for a call that does not fail outright."""
        if last_name(call.func) not in FAILS:
            return ""
        return (
            "assertion" if isinstance(call.func, ast.Attribute)
            and is_name(call.func.value, "self", "cls") else "fail"
        )

    def skips(self, call: ast.Call) -> bool:
        """Whether a call ends the test as skipped."""
        return last_name(call.func) in SKIPS and isinstance(parent_of(call), ast.Expr | ast.Raise | ast.Return)

    def is_check(self, call: ast.Call) -> bool:
        """Whether a call may fail the test by an assertion: of a library, or in a helper that the tests define."""
        name = last_name(call.func)
        if name in {"assert_never", "assert_type", "reveal_type"}:
            return False
        found = self.scope.resolve(call.func)
        function = function_of(found)
        if function is not None and not (name in RAISES or (_ASSERTS.match(name) and _is_stub(function))):
            # What the product offers for tests is named so, as numpy.testing.assert_allclose is.
            return (made_by_test(function) or bool(_ASSERTS.match(name))) and self.may_fail(function)
        if isinstance(found, ClassInfo):
            return made_by_test(found) and self._checks_inside(found)
        if isinstance(call.func, ast.Name) and (inner := self.local.get(call.func.id)) is not None:
            return self._local_checks(inner)
        if _ASSERTS.match(name):
            return not (isinstance(found, External) and found.name.startswith("builtins."))
        return bool(_MAY_ASSERT.search(name)) and self._alone(call)

    def is_arrangement(self, call: ast.Call) -> bool:
        """Whether a check only guards what a test sets up: a double that asserts, a helper whose result is used."""
        if _ASSERTS.match(last_name(call.func)) or last_name(call.func) in RAISES:
            return False
        found = self.scope.resolve(call.func)
        if isinstance(found, ClassInfo):
            return found.node not in walk(self.node)
        if not self.is_check(call):
            return not any(isinstance(item, ast.Lambda) or self._is_local(item) for item in _arguments(call))
        return not self._alone(call) and function_of(found) is not None and not self._is_local(call.func)

    def _is_local(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id in self.local

    def handed(self, call: ast.Call) -> bool:
        """Whether a call is handed a function with assertions that it may run; a thread's never reach the test."""
        if last_name(call.func) in {"Thread", "Timer", "Process"}:
            return False
        for item in _arguments(call):
            if isinstance(item, ast.Lambda):
                if any(self.is_check(inner) for inner in every(item.body, ast.Call)):
                    return True
            elif isinstance(item, ast.Name) and (inner := self.local.get(item.id)) is not None:
                if self._local_checks(inner):
                    return True
            elif isinstance(item, ast.Name | ast.Attribute) and self._checking(self.scope.resolve(item)):
                return True
        return False

    def decorated(self, node: FunctionNode) -> bool:
        """Whether a function defined here is run by its decorator and has assertions."""
        return bool(node.decorator_list) and self._local_checks(node)

    def class_used(self, node: ast.ClassDef) -> bool:
        """Whether a class defined here has assertions in its methods and is used, so that others may run them."""
        used = any(item.id == node.name and isinstance(item.ctx, ast.Load) for item in every(self.node, ast.Name))
        return used and any(isinstance(item, ast.Assert) for item in walk(node))

    def _checking(self, found: Reference) -> bool:
        function = found.function if isinstance(found, Bound | Coroutine) else found
        return isinstance(function, FunctionInfo) and made_by_test(function) and self.may_fail(function)

    def _local_checks(self, node: FunctionNode) -> bool:
        found = self.scope.resolve(ast.copy_location(ast.Name(node.name, ast.Load()), node))
        if isinstance(found, FunctionInfo) and found.node is node:
            return self.may_fail(found)
        return any(isinstance(item, ast.Assert) for item in walk(node))

    def may_fail(self, function: FunctionInfo) -> bool:
        """Whether a helper has an assertion whose failure its caller sees."""
        # Imported here: what a helper asserts is a question about its paths, which asks this module again.
        from bot.audit.controlflow.paths import paths_of

        return any(
            not (isinstance(check, ast.Assert) and always_true(check.test))
            for check in paths_of(self.program, function).escaping
        )

    def _checks_inside(self, cls: ClassInfo) -> bool:
        key = ("class checks", cls.node)
        if key not in self.program.memo:
            self.program.memo[key] = False
            self.program.memo[key] = any(
                self.may_fail(FunctionInfo(item.module, node, item))
                for item in cls.order
                if made_by_test(item)
                for node in item.node.body
                if isinstance(node, FunctionNode)
            )
        return bool(self.program.memo[key])

    @staticmethod
    def _alone(call: ast.Call) -> bool:
        parent = parent_of(call)
        if isinstance(parent, ast.Await):
            parent = parent_of(parent)
        return isinstance(parent, ast.Expr | ast.withitem)


def _arguments(call: ast.Call) -> Iterator[ast.expr]:
    """What a call is handed, in lists and dicts as well: `hooks={"response": check}`."""
    waiting = [*call.args, *(word.value for word in call.keywords)]
    while waiting:
        item = waiting.pop(0)
        if isinstance(item, ast.List | ast.Tuple | ast.Set):
            waiting += item.elts
        elif isinstance(item, ast.Dict):
            waiting += item.values
        else:
            yield item.value if isinstance(item, ast.Starred) else item


def _is_stub(function: FunctionInfo) -> bool:
    """Whether a function is declared only, for a type checker: what runs in its place is defined elsewhere."""
    return all(isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant) for item in function.node.body)
