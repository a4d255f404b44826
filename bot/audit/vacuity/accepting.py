"""Assertions that accept both the success and the failure of what they look at."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.controlflow.asserting import predicate
from bot.audit.reading.definitions import ClassInfo, last_name
from bot.audit.reading.flat import every
from bot.audit.reading.truths import always_true
from bot.audit.vacuity.partitions import Why, of_sum, part_of_try
from bot.audit.view import View


def accepts_both(view: View) -> dict[ast.AST, Why]:
    """The assertions of a test that cannot tell success from failure, each with the reason."""
    found: dict[ast.AST, Why] = {}
    for node in view.checks:
        test = predicate(node)
        if test is not None and not always_true(test) and (why := _why(view, test)):
            found[node] = why
    for branch in view.every(ast.If):
        for check, why in _branches(view, branch):
            found.setdefault(check, why)
    return found


def _why(view: View, test: ast.expr) -> Why | None:
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        op, right = test.ops[0], test.comparators[0]
        if isinstance(op, ast.In) and isinstance(right, ast.Tuple | ast.List | ast.Set):
            return _accepted(test.left, right.elts) or _whole_enum(view, right.elts)
        if isinstance(op, ast.In) and isinstance(right, ast.Call) and last_name(right.func) == "range":
            return _status_range(right)
        if isinstance(op, ast.In) and (enum := _all_of(view, right)) is not None:
            return Why(f"they are all members of {enum.node.name}", sure=True)
        if isinstance(op, ast.Eq):
            return of_sum(view, test.left, right) or of_sum(view, right, test.left)
    if isinstance(test, ast.Compare) and len(test.ops) == 2:
        return _chain(test)
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        return _either(view, test)
    if isinstance(test, ast.Call) and last_name(test.func) == "isinstance" and len(test.args) == 2:
        return _instance(test)
    return None


def _accepted(subject: ast.expr, items: list[ast.expr]) -> Why | None:
    values = [item.value for item in items if isinstance(item, ast.Constant)]
    if any(value is True for value in values) and any(value is False for value in values):
        return Why("true and false are both accepted", sure=True)
    if last_name(subject) in {"returncode", "exit_code", "exitcode"} and 0 in values and len(values) > 1:
        return Why("the exit status of success and one of failure are both accepted")
    words = {value.lower() for value in values if isinstance(value, str)}
    if len(words) == len(items) and words & SUCCESS_WORDS and words & FAILURE_WORDS:
        return Why("a word for success and one for failure are both accepted", sure=True)
    codes = [code for item in items if (code := _status(item)) is not None]
    if len(codes) != len(items):
        return None
    return _codes(codes)


SUCCESS_WORDS = frozenset(
    {
        "ok", "success", "successful", "succeeded", "paid", "completed", "complete", "done", "delivered", "healthy",
        "ready", "accepted", "sent", "passed", "processed", "connected", "granted", "allowed", "finished", "up",
        "alive", "valid", "active", "approved", "confirmed", "handled",
    }
)  # fmt: skip
"""What a state is called in which all went well."""
FAILURE_WORDS = frozenset(
    {
        "error", "errored", "failed", "failure", "fail", "rejected", "unhealthy", "timeout", "timed_out", "denied",
        "refused", "unhandled", "dead", "down", "crashed", "aborted", "degraded", "disconnected", "invalid", "expired",
        "unavailable", "declined", "dropped", "lost", "not_ready", "broken",
    }
)  # fmt: skip
"""What a state is called in which something went wrong."""


def _whole_enum(view: View, items: list[ast.expr]) -> Why | None:
    """Whether all members of an enumeration are accepted, by name or by value."""
    owners = [view.bare_scope.resolve(item.value) if isinstance(item, ast.Attribute) else None for item in items]
    first = owners[0] if owners else None
    if isinstance(first, ClassInfo) and first.is_enum and all(item is first for item in owners):
        named = {item.attr for item in items if isinstance(item, ast.Attribute)}
        if len(named) > 1 and set(_members(first)) <= named:
            return Why(f"they are all members of {first.node.name}", sure=True)
    written = {item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)}
    if len(written) == len(items) > 1:
        for cls in view.program.classes:
            if cls.module.product and cls.is_enum and len(_members(cls)) > 1:
                values = [item.value for item in _members(cls).values() if isinstance(item, ast.Constant)]
                if len(values) == len(_members(cls)) and set(values) <= written:
                    return Why(f"they are all values of {cls.node.name}", sure=True)
    return None


def _all_of(view: View, node: ast.expr) -> ClassInfo | None:
    """The enumeration of the product whose members, or their values, an expression lists: `list(Status)`."""
    if isinstance(node, ast.Call) and last_name(node.func) in {"list", "tuple", "set"} and len(node.args) == 1:
        return _all_of(view, node.args[0])
    if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
        loop = node.generators[0]
        plain = len(node.generators) == 1 and not loop.ifs and isinstance(loop.target, ast.Name)
        item = node.elt
        if isinstance(item, ast.Attribute) and item.attr in {"value", "name"}:
            item = item.value
        same = plain and isinstance(item, ast.Name) and item.id == last_name(loop.target)
        return _all_of(view, loop.iter) if same else None
    found = view.bare_scope.resolve(node) if isinstance(node, ast.Name | ast.Attribute) else None
    if isinstance(found, ClassInfo) and found.is_enum and found.module.product and len(_members(found)) > 1:
        return found
    return None


def _members(cls: ClassInfo) -> dict[str, ast.expr]:
    """The members of an enumeration, by name."""
    return {
        target.id: item.value
        for item in cls.node.body
        if isinstance(item, ast.Assign)
        for target in item.targets
        if isinstance(target, ast.Name) and not target.id.startswith("_")
    }


def _codes(codes: list[int]) -> Why | None:
    good = any(200 <= code < 300 for code in codes)
    if good and any(code >= 500 for code in codes):
        return Why("a success status and a server error are both accepted", sure=True)
    if good and any(400 <= code < 500 for code in codes):
        return Why("a success status and a refusal are both accepted")
    return None


def _status(item: ast.expr) -> int | None:
    """An HTTP status that is written as a number or as a name like HTTP_404_NOT_FOUND."""
    if isinstance(item, ast.Constant):
        number = item.value
        return number if isinstance(number, int) and not isinstance(number, bool) and 100 <= number <= 599 else None
    name = last_name(item)
    part = name.split("_")[1] if name.startswith("HTTP_") and name.count("_") >= 1 else ""
    if part.isdigit():
        return int(part)
    known = {"OK": 200, "CREATED": 201, "NOT_FOUND": 404, "UNAUTHORIZED": 401, "FORBIDDEN": 403, "BAD_REQUEST": 400}
    return known.get(name) or {"INTERNAL_SERVER_ERROR": 500, "SERVICE_UNAVAILABLE": 503}.get(name)


def _status_range(node: ast.Call) -> Why | None:
    ends = [item.value for item in node.args if isinstance(item, ast.Constant) and isinstance(item.value, int)]
    if len(ends) == 2 and ends[0] in {100, 200} and ends[1] > 400:
        return Why("success and failure statuses are both accepted", sure=True)
    return None


def _chain(test: ast.Compare) -> Why | None:
    """`200 <= status < 600`, and `status_code` alone: a bound only looks like a status next to that name."""
    low, high = test.left, test.comparators[1]
    middle = last_name(test.comparators[0])
    if not (isinstance(low, ast.Constant) and isinstance(high, ast.Constant) and "status" in middle):
        return None
    if isinstance(low.value, int) and isinstance(high.value, int) and low.value <= 200 and high.value > 401:
        return Why("success and failure statuses are both accepted", sure=True)
    return None


def _instance(test: ast.Call) -> Why | None:
    return _classes([test.args[1]])


def _classes(wanted: list[ast.expr]) -> Why | None:
    names = {last_name(item) for each in wanted for item in (each.elts if isinstance(each, ast.Tuple) else [each])}
    plain = {"str", "dict", "list", "int", "bool", "float", "tuple", "bytes", "NoneType"}
    if names & plain and names - plain and all(name[:1].isupper() for name in names - plain):
        return Why("a value and an object of another class are both accepted")
    errors = {name for name in names if name in {"Exception", "BaseException"} or name.endswith(("Error", "Exception"))}
    if errors and names - errors:
        return Why("a value and an error are both accepted")
    return None


def _set_by(view: View, name: str) -> set[str]:
    """Where a local is given something other than a constant: in a `try`'s body, in a handler, or elsewhere."""
    found: set[str] = set()
    for item in view.names:
        if item.id != name or isinstance(item.ctx, ast.Load):
            continue
        above = list(view.above(item))
        statement = next((part for part in above if isinstance(part, ast.Assign | ast.AnnAssign)), None)
        if (
            statement is not None
            and isinstance(statement.value, ast.Constant)
            and statement.value.value in {None, False}
        ):
            continue
        found.add(part_of_try(view, item))
    return found


def _subject(node: ast.expr) -> str:
    """The name that a part of an `or` asks about."""
    while isinstance(node, ast.UnaryOp):
        node = node.operand
    if isinstance(node, ast.Compare):
        node = node.left
    if isinstance(node, ast.Call) and node.args:
        node = node.args[0]
    return node.id if isinstance(node, ast.Name) else ""


def _either(view: View, test: ast.BoolOp) -> Why | None:
    places = [_set_by(view, name) if (name := _subject(part)) else set() for part in test.values]
    if any(place == {"handler"} for place in places) and any(place == {"body"} for place in places):
        return Why("what success sets and what failure sets are both accepted", sure=True)
    equal = [
        (ast.dump(part.left), part.comparators[0])
        for part in test.values
        if isinstance(part, ast.Compare) and len(part.ops) == 1 and isinstance(part.ops[0], ast.Eq | ast.Is)
    ]
    if len(equal) == len(test.values) and len({one for one, _ in equal}) == 1:  # `x == "a" or x == "b"`
        first = test.values[0]
        assert isinstance(first, ast.Compare)
        if why := _accepted(first.left, [two for _, two in equal]) or _whole_enum(view, [two for _, two in equal]):
            return why
    asked = [_class_asked(part) for part in test.values]
    kinds = [item for item in asked if item is not None]
    if len(kinds) == len(asked) and len({ast.dump(subject) for subject, _ in kinds}) == 1:
        return _classes([kind for _, kind in kinds])
    codes = [code for part in test.values if (code := _compared_status(part)) is not None]
    if len(codes) == len(test.values) and (why := _codes(codes)):
        return why
    ends = {_outcome(part) for part in test.values}
    if {"success", "failure"} <= ends:
        return Why("success and failure are both accepted")
    return None


def _class_asked(part: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """What a part of an `or` asks the class of, and which class; `x is None` asks for NoneType."""
    if isinstance(part, ast.Call) and last_name(part.func) == "isinstance" and len(part.args) == 2:
        return part.args[0], part.args[1]
    if isinstance(part, ast.Compare) and len(part.ops) == 1 and isinstance(part.ops[0], ast.Is):
        right = part.comparators[0]
        if isinstance(right, ast.Constant) and right.value is None:
            return part.left, ast.Name("NoneType", ast.Load())
    return None


def _compared_status(part: ast.expr) -> int | None:
    if isinstance(part, ast.Compare) and len(part.ops) == 1 and isinstance(part.ops[0], ast.Eq):
        return _status(part.comparators[0]) if "status" in last_name(part.left) else None
    return None


def _outcome(part: ast.expr) -> str:
    """Which outcome a part of an `or` stands for, by the words success and error."""
    name = last_name(part.args[0] if isinstance(part, ast.Call) and part.args else part).lower()
    if isinstance(part, ast.Compare):
        name = last_name(part.left).lower()
        if last_name(part.left) == "len" and isinstance(part.left, ast.Call) and part.left.args:
            name = last_name(part.left.args[0]).lower()
    if isinstance(part, ast.Call) and last_name(part.func) not in {"len", "bool", "any"}:
        return ""
    if name in {"success", "succeeded", "successes", "result", "results", "ok", "success_count", "is_success"}:
        return "success"
    failed = {"error", "errors", "exception", "exceptions", "failed", "failure", "failures", "failure_count"}
    return "failure" if name in failed | {"caught", "error_count", "exc"} else ""


def _branches(view: View, node: ast.If) -> Iterator[tuple[ast.AST, Why]]:
    """`if status == 200: ... else: assert status in (404, 500)`: the other side accepts the failure."""
    codes = _asked(node.test)
    if codes is None or not any(200 <= code < 300 for code in codes) or len(node.orelse) == 0:
        return
    for statement in node.orelse:
        if isinstance(statement, ast.Assert):
            test = statement.test
            if isinstance(test, ast.Compare) and len(test.ops) == 1 and "status" in last_name(test.left):
                right = test.comparators[0]
                parts = right.elts if isinstance(right, ast.Tuple | ast.List | ast.Set) else [right]
                accepted = [code for item in parts if (code := _status(item)) is not None]
                if accepted and all(code >= 400 for code in accepted):
                    yield statement, Why("the branch for success and this one both pass", sure=True)


def _asked(test: ast.expr) -> list[int] | None:
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and "status" in last_name(test.left)):
        return None
    if any(True for _ in every(test.left, ast.Call)):
        return None
    right = test.comparators[0]
    parts = right.elts if isinstance(right, ast.Tuple | ast.List | ast.Set) else [right]
    return [code for item in parts if (code := _status(item)) is not None]
