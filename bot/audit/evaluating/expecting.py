"""An expected exception against what the implementation certainly does in the state that the test builds."""

from __future__ import annotations

import ast
import builtins
import re
from dataclasses import dataclass

from bot.audit.evaluating.expressions import Frame
from bot.audit.evaluating.values import Known, Place, Problem
from bot.audit.reading.definitions import ClassInfo, last_name
from bot.audit.reading.flat import every
from bot.audit.reading.program import External

MOST_PATTERN = 200


@dataclass(frozen=True, eq=False)
class Refuted:
    """An expected exception that does not come. `wanted` says what was, `instead` what happens, as clauses."""

    node: ast.AST
    wanted: str
    instead: str
    place: Place | None
    entered: frozenset[str]


def names_of(kind: object) -> tuple[tuple[str, ...], bool] | None:
    """The names of an exception class and its bases, the first its own, and whether those are all; None if unknown."""
    if isinstance(kind, External):
        found = getattr(builtins, kind.name.removeprefix("builtins."), None)
        if kind.name.startswith("builtins.") and isinstance(found, type) and issubclass(found, BaseException):
            return tuple(item.__name__ for item in found.__mro__[:-1]), True
        return None
    if not isinstance(kind, ClassInfo):
        return None
    names: list[str] = []
    complete = True
    for item in kind.order:
        names.append(item.node.name)
        for known, written in zip(item.bases, item.base_names, strict=False):
            if known is None:
                above = names_of(External(f"builtins.{written}"))
                names += above[0] if above else [written]
                complete = complete and above is not None
    return tuple(dict.fromkeys(names)), complete


def refuted(
    node: ast.With | ast.AsyncWith, manager: ast.expr, raised: Problem | None, frame: Frame, entered: frozenset[str]
) -> Refuted | None:
    """What speaks against an expected exception, when the body certainly raised `raised` (None: nothing)."""
    if not isinstance(manager, ast.Call) or not entered or last_name(manager) in {"suppress", "warns"}:
        return None
    given = [*manager.args, *(word.value for word in manager.keywords if word.arg == "expected_exception")]
    if not given:
        return None
    kinds = given[0].elts if isinstance(given[0], ast.Tuple) else [given[0]]
    wanted = [names_of(frame.scope.resolve(kind)) for kind in kinds]
    if any(item is None for item in wanted):
        return None
    firsts = [item[0][0] for item in wanted if item is not None]
    said = " or ".join(firsts)
    if raised is None and _may_still(node, firsts):
        return None
    if raised is None:
        return Refuted(node, said, "nothing is raised", None, entered)
    if not set(firsts) & set(raised.names):
        if not raised.complete:
            return None
        return Refuted(node, said, f"{raised.names[0]} is raised", raised.place, entered)
    pattern = _pattern(manager)
    message = raised.message
    if pattern is None or not isinstance(message, Known) or not isinstance(message.value, str):
        return None
    try:
        matches = re.search(pattern, message.value[:2000])
    except (re.error, RecursionError, OverflowError):
        return None
    if matches:
        return None
    return Refuted(node, f"a message like {pattern!r}", f"it is {message.value[:100]!r}", raised.place, entered)


def _may_still(node: ast.With | ast.AsyncWith, wanted: list[str]) -> bool:
    """Whether something in a block may raise that is not gone into: an assertion, or what an object says of itself."""
    if "AssertionError" in wanted and any(True for part in node.body for _ in every(part, ast.Assert)):
        return True
    calls = [call for part in node.body for call in every(part, ast.Call)]
    return any(isinstance(call.func, ast.Name) and call.func.id in {"bool", "hash"} for call in calls)


def _pattern(manager: ast.Call) -> str | None:
    """The literal pattern of `match=`; none that could take long to try."""
    given = next((word.value for word in manager.keywords if word.arg in {"match", "expected_regex"}), None)
    if last_name(manager) == "assertRaisesRegex" and len(manager.args) > 1:
        given = manager.args[1]
    text = given.value if isinstance(given, ast.Constant) else None
    if not isinstance(text, str) or len(text) > MOST_PATTERN or re.search(r"[+*}][^|]*[+*{]", text.replace(".*", "")):
        return None
    return text if text.count(".*") <= 3 else None
