"""Predicates that are true, or false, for every value they can get: by their text alone."""

from __future__ import annotations

import ast

from bot.audit.reading.constants import constant, truth
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every

_CHANGES_CASE = {"lower", "upper", "casefold"}


def always_true(test: ast.expr) -> str:
    """Why an expression is true for every value it can get; empty when it is not."""
    if isinstance(test, ast.Tuple | ast.List | ast.Set | ast.Dict):
        filled = test.keys if isinstance(test, ast.Dict) else test.elts
        kind = type(test).__name__.lower()
        return f"a {kind} that is not empty is always true" if filled else ""
    if isinstance(test, ast.GeneratorExp):
        return "a generator is always true, whatever it would give"
    if isinstance(test, ast.Lambda):
        return "a function is always true: it is not called"
    if isinstance(test, ast.JoinedStr):
        solid = any(isinstance(part, ast.Constant) and part.value for part in test.values)
        return "a text that is not empty is always true" if solid else ""
    known = truth(test, {})
    if known is not None:
        return "it is a constant" if known.value else ""
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return _comparison_true(test)
    if isinstance(test, ast.BoolOp):
        return _joined_true(test)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return always_false(test.operand)
    if isinstance(test, ast.Call) and last_name(test.func) == "isinstance" and len(test.args) == 2:
        wanted = test.args[1]
        names = {last_name(item) for item in (wanted.elts if isinstance(wanted, ast.Tuple) else [wanted])}
        return "everything is an object" if "object" in names else ""
    return ""


def _joined_true(test: ast.BoolOp) -> str:
    if isinstance(test.op, ast.And):
        reasons = [always_true(part) for part in test.values]
        return reasons[0] if all(reasons) else ""
    for part in test.values:
        if why := always_true(part):
            return why
    opposites = {_dump(_opposite(part)) for part in test.values}
    if any(_dump(part) in opposites for part in test.values):
        return "one of a value and its opposite is always true"
    ordered = {
        _dump(part.left)
        for part in test.values
        if isinstance(part, ast.Compare) and isinstance(part.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE)
    }
    for part in test.values[1:]:
        if isinstance(part, ast.Compare) and _is_not_none(part) and _dump(part.left) in ordered:
            return "what can be compared with a number is not None"
    return "its parts leave out no value" if _covers(test) else ""


def _is_not_none(test: ast.Compare) -> bool:
    right = test.comparators[0]
    return isinstance(test.ops[0], ast.IsNot) and isinstance(right, ast.Constant) and right.value is None


def _covers(test: ast.BoolOp) -> bool:
    """Whether joined comparisons of one expression with numbers accept every number."""
    below: dict[str, float] = {}
    above: dict[str, float] = {}
    for part in test.values:
        if not (isinstance(part, ast.Compare) and len(part.ops) == 1):
            continue
        limit = constant(part.comparators[0], {})
        if limit is None or not isinstance(limit.value, int | float):
            continue
        key, op = _dump(part.left), part.ops[0]
        # The inclusive side reaches a little further than the exclusive one.
        if isinstance(op, ast.Lt | ast.LtE):
            below[key] = max(below.get(key, -1e308), limit.value + (0.5e-9 if isinstance(op, ast.LtE) else 0))
        elif isinstance(op, ast.Gt | ast.GtE):
            above[key] = min(above.get(key, 1e308), limit.value - (0.5e-9 if isinstance(op, ast.GtE) else 0))
    return any(key in below and below[key] > above[key] for key in above)


def _opposite(test: ast.expr) -> ast.expr:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        for one, two in ((ast.Eq, ast.NotEq), (ast.Is, ast.IsNot), (ast.In, ast.NotIn)):
            for op, other in ((one, two), (two, one)):
                if isinstance(test.ops[0], op):
                    return ast.Compare(test.left, [other()], test.comparators)
    return ast.UnaryOp(ast.Not(), test)


def _dump(node: ast.expr) -> str:
    return ast.dump(node)


def _is_number(node: ast.expr, *values: int) -> bool:
    known = constant(node, {})
    return known is not None and type(known.value) in {int, float} and known.value in values


def _same_name(left: ast.expr, right: ast.expr) -> bool:
    return isinstance(left, ast.Name) and isinstance(right, ast.Name) and left.id == right.id


def _length(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and last_name(node.func) == "len"


def _moved(node: ast.expr, op: type[ast.operator]) -> ast.expr | None:
    """What an expression adds a positive number to, or takes one from."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, op)):
        return None
    step = constant(node.right, {})
    return node.left if step is not None and type(step.value) in {int, float} and step.value > 0 else None


def _same_value(left: ast.expr, right: ast.expr | None) -> bool:
    """Whether two expressions are the same name, or attribute of one."""
    plain = all(isinstance(item, ast.Name | ast.Attribute | ast.expr_context) for item in ast.walk(left))
    return right is not None and plain and _dump(left) == _dump(right)


def _comparison_true(node: ast.Compare) -> str:
    left, op, right = node.left, node.ops[0], node.comparators[0]
    if isinstance(op, ast.Lt | ast.LtE) and (
        _same_value(left, _moved(right, ast.Add)) or _same_value(right, _moved(left, ast.Sub))
    ):
        return "a number is less than itself and something"
    if isinstance(op, ast.Gt | ast.GtE) and (
        _same_value(left, _moved(right, ast.Sub)) or _same_value(right, _moved(left, ast.Add))
    ):
        return "a number is more than itself without something"
    if isinstance(op, ast.Eq | ast.Is | ast.LtE | ast.GtE) and _same_name(left, right):
        return "both sides are the same expression"
    bounded = isinstance(op, ast.GtE) and _is_number(right, 0)
    bounded = bounded or (isinstance(op, ast.Gt) and _is_number(right, -1))
    if bounded and _length(left):
        return "a length is never negative"
    mirrored = (isinstance(op, ast.LtE) and _is_number(left, 0)) or (isinstance(op, ast.Lt) and _is_number(left, -1))
    if mirrored and _length(right):
        return "a length is never negative"
    if isinstance(op, ast.IsNot) and isinstance(right, ast.Constant) and right.value is None:
        if isinstance(left, ast.Compare | ast.JoinedStr | ast.ListComp | ast.DictComp | ast.SetComp | ast.GeneratorExp):
            return "such an expression is never None"
        if isinstance(left, ast.Call) and last_name(left.func) in {"len", "str", "repr", "bool", "isinstance", "list"}:
            return f"{last_name(left.func)}() is never None"
    if isinstance(op, ast.In) and isinstance(left, ast.Constant) and left.value == "" and left.value is not None:
        return "the empty text is in every text"
    return ""


def _case_of(node: ast.expr) -> str:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
        return node.func.attr if node.func.attr in _CHANGES_CASE else ""
    return ""


def _wrong_case(text: ast.expr, cased: ast.expr) -> bool:
    how = _case_of(cased)
    if not (how and isinstance(text, ast.Constant) and isinstance(text.value, str)):
        return False
    changed: str = getattr(text.value, how)()
    return text.value != changed


def _bounds(node: ast.BoolOp) -> bool:
    """Whether joined comparisons of one expression with constants leave no value."""
    exact: dict[str, set[object]] = {}
    least: dict[str, float] = {}
    most: dict[str, float] = {}
    for part in node.values:
        if not (isinstance(part, ast.Compare) and len(part.ops) == 1):
            continue
        limit = constant(part.comparators[0], {})
        if limit is None or any(True for _ in every(part.left, ast.Call, ast.Await)):
            continue
        key, op, value = _dump(part.left), part.ops[0], limit.value
        if isinstance(op, ast.Eq):
            exact.setdefault(key, set()).add(value)
        elif isinstance(value, int | float):
            if isinstance(op, ast.Gt | ast.GtE):
                least[key] = max(value, least.get(key, value))
            elif isinstance(op, ast.Lt | ast.LtE):
                most[key] = min(value, most.get(key, value))
    return any(len(values) > 1 for values in exact.values()) or any(
        key in most and most[key] < least[key] for key in least
    )


def always_false(test: ast.expr) -> str:
    """Why an expression is false for every value it can get; empty when it is not."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        if _bounds(test):
            return "its parts exclude each other"
        return next(filter(None, map(always_false, test.values)), "")
    if isinstance(test, ast.BoolOp):
        reasons = [always_false(part) for part in test.values]
        return reasons[0] if all(reasons) else ""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return always_true(test.operand)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return _comparison_false(test)
    return ""


def _comparison_false(test: ast.Compare) -> str:
    left, op, right = test.left, test.ops[0], test.comparators[0]
    if isinstance(op, ast.In) and _wrong_case(left, right):
        return f"text after .{_case_of(right)}() never contains it"
    if isinstance(op, ast.Eq) and (_wrong_case(left, right) or _wrong_case(right, left)):
        return "the other side never has these letters' case"
    never = isinstance(op, ast.Lt) and _is_number(right, 0)
    never = never or (isinstance(op, ast.Eq | ast.LtE) and _is_number(right, -1))
    if never and _length(left):
        return "a length is never negative"
    if isinstance(op, ast.NotEq | ast.IsNot | ast.Lt | ast.Gt) and _same_name(left, right):
        return "both sides are the same expression"
    known = truth(test, {})
    return "it compares constants" if known is not None and not known.value else ""
