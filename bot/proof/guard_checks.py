"""What the fix guard looks for in one changed file: a check each."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from bot.audit.reading.definitions import last_name
from bot.domain.patch import GuardFinding
from bot.proof.trees import (
    FunctionNode,
    broad_handlers,
    fixed,
    functions,
    raises,
    sleeps,
    swallows,
)

_TEST_VARIABLES = {
    "CI",
    "TESTING",
    "TEST",
    "IS_TEST",
    "UNIT_TEST",
    "UNDER_TEST",
    "TEST_MODE",
    "GITHUB_ACTIONS",
    "TOX_ENV_NAME",
    "BUILDKITE",
}


_TEST_MODULES = {"pytest", "unittest", "_pytest", "nose", "hypothesis"}


@dataclass(frozen=True, eq=False)
class ChangedFile:
    """A changed Python file, before and after."""

    path: str
    old: str
    new: str
    before: ast.Module
    after: ast.Module

    @cached_property
    def pairs(self) -> tuple[tuple[str, FunctionNode, FunctionNode], ...]:
        """The functions that are in both and differ, by qualified name."""
        old = functions(self.before)
        return tuple(
            (name, old[name], node)
            for name, node in functions(self.after).items()
            if name in old and ast.dump(old[name]) != ast.dump(node)
        )

    def finding(self, rule: str, message: str, node: ast.AST | None = None, *, hard: bool) -> GuardFinding:
        """A finding on this file, with the lines of the node as they are after the patch."""
        hunk = ""
        if node is not None and hasattr(node, "lineno"):
            last = min(getattr(node, "end_lineno", node.lineno) or node.lineno, node.lineno + 11)
            hunk = "\n".join(self.new.split("\n")[node.lineno - 1 : last])
        return GuardFinding(rule=rule, hard=hard, path=self.path, message=message, hunk=hunk)


def _constant_result(file: ChangedFile) -> Iterator[GuardFinding]:
    for name, old, new in file.pairs:
        was, now = _results(old), _results(new)
        varied = len({ast.dump(item) for item in was}) > 1 or any(not fixed(item) for item in was)
        if varied and now and all(map(fixed, now)) and len({ast.dump(item) for item in now}) == 1:
            yield file.finding(
                "constant-result",
                f"{name} decided before and now always gives `{ast.unparse(now[0])}`.",
                new,
                hard=True,
            )
        early = _early_return(new)
        if early is not None and _early_return(old) is None:
            yield file.finding(
                "early-return", f"{name} now returns before the rest of its body is reached.", early, hard=True
            )


def _results(node: FunctionNode) -> list[ast.expr]:
    found = []
    stack: list[ast.AST] = list(node.body)
    while stack:
        item = stack.pop()
        if isinstance(item, ast.Return):
            found.append(item.value or ast.Constant(None))
        if not isinstance(item, FunctionNode | ast.ClassDef | ast.Lambda):
            stack.extend(ast.iter_child_nodes(item))
    return found


def _early_return(node: FunctionNode) -> ast.stmt | None:
    for at, statement in enumerate(node.body[:-1]):
        always = (
            isinstance(statement, ast.If) and isinstance(statement.test, ast.Constant) and bool(statement.test.value)
        )
        inner = statement.body[-1] if always and isinstance(statement, ast.If) else statement
        if isinstance(inner, ast.Return) and at < len(node.body) - 1:
            return statement
    return None


def _constant_condition(file: ChangedFile) -> Iterator[GuardFinding]:
    for name, old, new in file.pairs:
        known = [ast.dump(item) for item in _forced(old)]
        for item in _forced(new):
            if ast.dump(item) in known:
                known.remove(ast.dump(item))
            else:
                yield file.finding(
                    "constant-condition",
                    f"{name} has a condition that decides nothing: `{ast.unparse(item)}`.",
                    item,
                    hard=True,
                )


def _forced(node: ast.AST) -> list[ast.expr]:
    found: list[ast.expr] = []
    for item in ast.walk(node):
        if isinstance(item, ast.BoolOp):
            is_or = isinstance(item.op, ast.Or)
            # `x or 0` is a default value; only the constants True and False decide a condition
            if any(isinstance(part, ast.Constant) and part.value is is_or for part in item.values):
                found.append(item)
        elif isinstance(item, ast.If | ast.IfExp | ast.Assert) and isinstance(item.test, ast.Constant):
            found.append(item.test)
    return found


def _swallowed(file: ChangedFile) -> Iterator[GuardFinding]:
    known = [ast.dump(item) for item in swallows(file.before)]
    for item in swallows(file.after):
        if ast.dump(item) in known:
            known.remove(ast.dump(item))
        else:
            yield file.finding(
                "swallowed-exception", "A new handler catches every exception and drops it.", item, hard=True
            )
    silent = set(map(ast.dump, swallows(file.after)))
    old = [ast.dump(item) for item in broad_handlers(file.before)]
    for item in broad_handlers(file.after):
        if ast.dump(item) in old:
            old.remove(ast.dump(item))
        elif ast.dump(item) not in silent:
            yield file.finding("broad-except", "A new handler catches every exception.", item, hard=False)


def _test_detection(file: ChangedFile) -> Iterator[GuardFinding]:
    known = [what for what, _ in _detections(file.before)]
    for what, node in _detections(file.after):
        if what in known:
            known.remove(what)
        else:
            yield file.finding(
                "test-detection", f"The code now asks whether it is being tested ({what}).", node, hard=True
            )


def _detections(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if node.value.startswith("PYTEST_") or node.value == "PYTEST_CURRENT_TEST":
                yield node.value, node
        elif isinstance(node, ast.Compare):
            if (
                any(last_name(side) in {"modules", "argv"} for side in node.comparators)
                and isinstance(node.left, ast.Constant)
                and node.left.value in _TEST_MODULES
            ):
                yield f"{node.left.value!r} in sys.{last_name(node.comparators[0])}", node
            if any(last_name(side) == "environ" for side in node.comparators) and _variable(node.left):
                yield f"environment variable {_variable(node.left)}", node
        elif (
            isinstance(node, ast.Call)
            and node.args
            and _variable(node.args[0])
            and (
                last_name(node.func) == "getenv"
                or (
                    last_name(node.func) in {"get", "pop"}
                    and isinstance(node.func, ast.Attribute)
                    and last_name(node.func.value) == "environ"
                )
            )
        ):
            yield f"environment variable {_variable(node.args[0])}", node
        elif isinstance(node, ast.Subscript) and last_name(node.value) == "environ" and _variable(node.slice):
            yield f"environment variable {_variable(node.slice)}", node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for name in names:
                if name.partition(".")[0] in _TEST_MODULES:
                    yield f"import of {name}", node


def _variable(node: ast.expr) -> str:
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) and value.upper() in _TEST_VARIABLES else ""


def _sleep_added(file: ChangedFile) -> Iterator[GuardFinding]:
    old, new = sleeps(file.before), sleeps(file.after)
    if len(new) > len(old):
        known = [ast.dump(item) for item in old]
        first = next((item for item in new if ast.dump(item) not in known), new[-1])
        yield file.finding(
            "sleep-added", f"{len(new) - len(old)} more sleep in the code: waiting is seldom a fix.", first, hard=False
        )


def _signatures(file: ChangedFile) -> Iterator[GuardFinding]:
    old, new = functions(file.before), functions(file.after)
    for name, node in old.items():
        if any(part.startswith("_") and part != "__init__" for part in name.split(".")):
            continue
        now = new.get(name)
        if now is None:
            yield file.finding("public-removed", f"The public function {name} is gone.", hard=False)
        elif ast.dump(node.args) != ast.dump(now.args) or type(node) is not type(now):
            how = (
                ""
                if type(node) is type(now)
                else "; it is now " + ("async" if isinstance(now, ast.AsyncFunctionDef) else "not async")
            )
            yield file.finding("signature-changed", f"The signature of {name} changed{how}.", now, hard=False)


def _raise_removed(file: ChangedFile) -> Iterator[GuardFinding]:
    for name, old, new in file.pairs:
        if raises(new) < raises(old):
            yield file.finding(
                "raise-removed", f"{name} has {raises(old) - raises(new)} fewer places that raise.", new, hard=False
            )


CHECKS: tuple[Callable[[ChangedFile], Iterator[GuardFinding]], ...] = (
    _constant_result,
    _constant_condition,
    _swallowed,
    _test_detection,
    _sleep_added,
    _signatures,
    _raise_removed,
)
