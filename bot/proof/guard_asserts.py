"""Fix guard for tests: what a test asserts, and whether it asserts less than before."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.audit.reading.definitions import last_name
from bot.proof.guard_known import constant, truth
from bot.proof.trees import FunctionNode

Change = Literal["assertion-deleted", "assertion-weakened", "expected-changed"]

_ASSERTING = re.compile(r"^_*(assert|check|verify|expect|ensure)(_|[A-Z]|$)|^fail$")
_RAISING = {"raises", "assertRaises", "assertRaisesRegex", "warns", "assertWarns", "deprecated_call", "assertLogs"}
_COMPARING: dict[str, type[ast.cmpop]] = {
    "assertEqual": ast.Eq, "assertNotEqual": ast.NotEq, "assertIs": ast.Is, "assertIsNot": ast.IsNot,
    "assertIn": ast.In, "assertNotIn": ast.NotIn, "assertLess": ast.Lt, "assertLessEqual": ast.LtE,
    "assertGreater": ast.Gt, "assertGreaterEqual": ast.GtE, "assertListEqual": ast.Eq, "assertDictEqual": ast.Eq,
    "assertSetEqual": ast.Eq, "assertTupleEqual": ast.Eq, "assertCountEqual": ast.Eq, "assertMultiLineEqual": ast.Eq,
}
_BROAD = {"Exception", "BaseException"}
_LOOSE = {"len", "bool", "set", "sorted", "type", "any", "str", "lower", "upper", "strip", "isinstance", "hasattr"}


@dataclass(frozen=True, eq=False)
class Claim:
    """One thing that a test asserts. `node` is where; `test` what must be true, None for a call or `raises`."""

    node: ast.AST
    test: ast.expr | None

    @property
    def key(self) -> str:
        """What it says, without the message for people."""
        return ast.dump(self.test if self.test is not None else self.node)

    @property
    def names(self) -> frozenset[str]:
        """What it speaks of."""
        return frozenset(
            item.id if isinstance(item, ast.Name) else item.attr
            for item in ast.walk(self.test if self.test is not None else self.node)
            if isinstance(item, ast.Name | ast.Attribute))


def claims(node: FunctionNode) -> list[Claim]:
    """What a function asserts, also in functions inside it: `and` is several."""
    found: list[Claim] = []
    for item in ast.walk(node):
        if isinstance(item, ast.Assert):
            found.extend(Claim(item, part) for part in _parts(item.test))
        elif isinstance(item, ast.Call):
            name = last_name(item.func)
            if name in _COMPARING and len(item.args) > 1:
                found.append(Claim(item, ast.Compare(left=item.args[0], ops=[_COMPARING[name]()],
                                                     comparators=[item.args[1]])))
            elif name in {"assertTrue", "assertFalse"} and item.args:
                test = item.args[0] if name == "assertTrue" else ast.UnaryOp(op=ast.Not(), operand=item.args[0])
                found.extend(Claim(item, part) for part in _parts(test))
            elif name in _RAISING or _ASSERTING.match(name):
                found.append(Claim(item, None))
    return found


def _parts(test: ast.expr) -> list[ast.expr]:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return [inner for part in test.values for inner in _parts(part)]
    return [test]


def weaker(
    old: FunctionNode, new: FunctionNode, elsewhere: Counter[str]
) -> Iterator[tuple[Change, Claim, Claim | None]]:
    """What `new` asserts less or otherwise than `old`: how, the old claim, and the new one in its place if any.

    Claims that other functions of the file have more often than before (`elsewhere`) were moved there.
    """
    left, came = _unmatched(claims(old), claims(new))
    for claim in left:
        if elsewhere[claim.key] > 0:
            elsewhere[claim.key] -= 1
            continue
        other = _nearest(claim, came)
        if other is None:
            yield "assertion-deleted", claim, None
            continue
        came.remove(other)
        change = compared(claim, other)
        if change:
            yield change, claim, other
    for claim in came:
        if claim.test is not None and truth(claim.test, {}) is True:
            yield "assertion-weakened", claim, claim


def _unmatched(old: Sequence[Claim], new: Sequence[Claim]) -> tuple[list[Claim], list[Claim]]:
    was, now = Counter(claim.key for claim in old), Counter(claim.key for claim in new)
    gone, came = was - now, now - was
    left: list[Claim] = []
    for claim in old:
        if gone[claim.key]:
            gone[claim.key] -= 1
            left.append(claim)
    found: list[Claim] = []
    for claim in new:
        if came[claim.key]:
            came[claim.key] -= 1
            found.append(claim)
    return left, found


def _nearest(claim: Claim, others: Sequence[Claim]) -> Claim | None:
    """The new claim that most likely stands in the place of an old one: of the same kind and about the same."""
    alike = [other for other in others if (other.test is None) == (claim.test is None)
             and (claim.test is not None or last_name_of(other) in {last_name_of(claim)}
                  or (last_name_of(claim) in _RAISING) == (last_name_of(other) in _RAISING))]
    scored = [(len(claim.names & other.names), -number, other) for number, other in enumerate(alike)]
    scored = [item for item in scored if item[0] or not claim.names or _is_constant(item[2])]
    return max(scored, key=lambda item: item[:2])[2] if scored else None


def _is_constant(claim: Claim) -> bool:
    return claim.test is not None and truth(claim.test, {}) is not None


def last_name_of(claim: Claim) -> str:
    """The name of the call that a claim is."""
    return last_name(claim.node)


def compared(old: Claim, new: Claim) -> Change | None:
    """How a claim in another's place differs: weakened, other, or None where it asks for more."""
    if old.test is None or new.test is None:
        return _called(old.node, new.node)
    was, now = old.test, new.test
    if truth(now, {}) is True:
        return "assertion-weakened"
    if isinstance(now, ast.BoolOp) and isinstance(now.op, ast.Or):
        old_parts = {ast.dump(part) for part in was.values} if isinstance(was, ast.BoolOp) else {ast.dump(was)}
        if old_parts < {ast.dump(part) for part in now.values}:
            return "assertion-weakened"
        return "assertion-weakened" if not isinstance(was, ast.BoolOp) else "expected-changed"
    if isinstance(was, ast.BoolOp) and isinstance(was.op, ast.Or):
        return None if any(ast.dump(part) == ast.dump(now) for part in was.values) else "expected-changed"
    strength, strength_now = _strength(was), _strength(now)
    if strength_now != strength:
        return "assertion-weakened" if strength_now < strength else None
    if isinstance(was, ast.Compare) and isinstance(now, ast.Compare):
        return _bounds(was, now)
    return "expected-changed"


def _strength(test: ast.expr) -> int:
    """How much a condition asks for: 3 equality, 2 a bound or membership, 1 truth or type."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _strength(test.operand)
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return 2 if isinstance(test, ast.Compare) else 1
    op, right = test.ops[0], test.comparators[0]
    if isinstance(op, ast.Eq | ast.Is):
        return 3
    if isinstance(op, ast.IsNot | ast.NotEq) and isinstance(right, ast.Constant) and not right.value:
        return 1
    return 2


def _bounds(was: ast.Compare, now: ast.Compare) -> Change | None:
    same_left = ast.dump(was.left) == ast.dump(now.left)
    op, op_now = was.ops[0], now.ops[0]
    first, second = constant(was.comparators[-1], {}), constant(now.comparators[-1], {})
    if isinstance(op, ast.Eq | ast.Is):
        if not same_left and _wraps(now.left, was.left):
            return "assertion-weakened"
        tolerance, tolerance_now = _tolerance(was), _tolerance(now)
        if tolerance_now > tolerance >= 0:
            return "assertion-weakened"
        return None if 0 <= tolerance_now < tolerance else "expected-changed"
    if not same_left or first is None or second is None:
        return "expected-changed"
    one, two = first[0], second[0]
    if not isinstance(one, int | float) or not isinstance(two, int | float):
        return "expected-changed"
    up, up_now = isinstance(op, ast.Lt | ast.LtE), isinstance(op_now, ast.Lt | ast.LtE)
    down, down_now = isinstance(op, ast.Gt | ast.GtE), isinstance(op_now, ast.Gt | ast.GtE)
    if (up and up_now) or (down and down_now):
        if one == two:
            return "assertion-weakened" if isinstance(op_now, ast.LtE | ast.GtE) else None
        return "assertion-weakened" if (two > one) == up else None
    return "expected-changed"


def _wraps(node: ast.expr, inner: ast.expr) -> bool:
    """Whether an expression looks at only a part of another: its length, its set, its truth."""
    wanted = ast.dump(inner)
    return isinstance(node, ast.Call) and last_name(node.func) in _LOOSE and any(
        ast.dump(part) == wanted for part in ast.walk(node) if isinstance(part, ast.expr))


def _tolerance(test: ast.Compare) -> float:
    """The widest tolerance that an `approx` in a comparison is given; -1 without one."""
    found = -1.0
    for item in ast.walk(test):
        if isinstance(item, ast.Call) and last_name(item.func) in {"approx", "isclose"}:
            values = [*item.args[1:], *(word.value for word in item.keywords)]
            numbers = [value[0] for part in values if (value := constant(part, {})) is not None]
            found = max([found, 1e-6, *(float(number) for number in numbers
                                        if isinstance(number, float) or (isinstance(number, int) and number < 1e9))])
    return found


def _called(old: ast.AST, new: ast.AST) -> Change | None:
    """How calls that assert differ: `raises` by its types and `match`, others by name and arguments."""
    if not isinstance(old, ast.Call) or not isinstance(new, ast.Call):
        return "assertion-weakened"
    was, now = last_name(old.func), last_name(new.func)
    if was in _RAISING and now in _RAISING:
        types, types_now = _types(old), _types(new)
        if (types_now & _BROAD and not types & _BROAD) or types < types_now:
            return "assertion-weakened"
        matched, matched_now = _match(old), _match(new)
        if matched is not None and (matched_now is None or matched_now in {"", ".*", ".+", "."}):
            return "assertion-weakened"
        if types != types_now and not types_now < types and not types & _BROAD:
            return "expected-changed"
        return "expected-changed" if matched is not None and matched != matched_now else None
    if now == was:
        return "expected-changed"
    if was.startswith("assert_") and now.startswith("assert_"):
        weak = {"assert_called", "assert_any_call", "assert_has_calls", "assert_awaited", "assert_any_await"}
        return "assertion-weakened" if now in weak and was not in weak else None if was in weak else "expected-changed"
    return "expected-changed"


def _types(node: ast.Call) -> set[str]:
    first = node.args[0] if node.args else next(
        (word.value for word in node.keywords if word.arg == "expected_exception"), None)
    parts = first.elts if isinstance(first, ast.Tuple) else [first] if first is not None else []
    return {last_name(part) for part in parts}


def _match(node: ast.Call) -> str | None:
    value = next((word.value for word in node.keywords if word.arg == "match"), None)
    if value is None and last_name(node.func) == "assertRaisesRegex" and len(node.args) > 1:
        value = node.args[1]
    return None if value is None else str(value.value) if isinstance(value, ast.Constant) else ast.dump(value)
