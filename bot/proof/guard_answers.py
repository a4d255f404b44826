"""Fix guard: code that answers just what the new tests ask, instead of doing what they ask for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

from bot.domain.patch import GuardFinding
from bot.proof.guard_files import ChangedFile, parsed_all

_WORD = re.compile(r"[A-Za-z_-]*")
_COMMON = range(-2, 101)
"""Numbers that code and tests share by chance."""


def answers_tests(file: ChangedFile, tests: Mapping[str, str]) -> Iterator[GuardFinding]:
    """New branches that compare with a value of the new tests and give a fixed answer.

    A word (`"wss"`) or a small number may be the code's own; then it is only noted.
    """
    asked = _constants(parsed_all(tests).values())
    known = _constants([file.before])
    for node in ast.walk(file.after):
        if not isinstance(node, ast.If | ast.IfExp):
            continue
        compared = [value for value in _compared(node.test) if value in asked and value not in known]
        if compared and _fixed_answer(node):
            special = not all(map(_is_common, compared))
            yield file.finding(
                "answers-the-test", f"The code now knows {compared[0]!r}, which a new test gives to it.", node,
                hard=special)


def _constants(trees: Iterable[ast.AST]) -> set[object]:
    return {node.value for tree in trees for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes | int | float)
            and not isinstance(node.value, bool)}


def _compared(test: ast.expr) -> Iterator[object]:
    """The constants that a condition asks for: `x == 1`, `x in (1, 2)`, `x.startswith("a")` is none of them."""
    for node in ast.walk(test):
        if isinstance(node, ast.Compare) and all(isinstance(one, ast.Eq | ast.In | ast.Is) for one in node.ops):
            yield from _constants([node])


def _fixed_answer(node: ast.If | ast.IfExp) -> bool:
    """Whether what a branch gives was written down: no call, no name."""
    if isinstance(node, ast.IfExp):
        return _is_written(node.body)
    given = [item.value for item in node.body if isinstance(item, ast.Return | ast.Assign)]
    return len(given) == len(node.body) and all(value is not None and _is_written(value) for value in given)


def _is_written(node: ast.expr) -> bool:
    return not any(isinstance(item, ast.Name | ast.Call | ast.Attribute | ast.Await) for item in ast.walk(node))


def _is_common(value: object) -> bool:
    if isinstance(value, str | bytes):
        return _WORD.fullmatch(value if isinstance(value, str) else value.decode("latin-1")) is not None
    return isinstance(value, int) and value in _COMMON
