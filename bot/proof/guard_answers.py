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
    sequences = _sequences(parsed_all(tests).values())
    for node in ast.walk(file.after):
        if not isinstance(node, ast.If | ast.IfExp):
            continue
        compared = [value for value in _compared(node.test) if value in asked and value not in known]
        if compared and _fixed_answer(node):
            special = not all(map(_is_common, compared)) or any(
                _is_asked(part, sequences, set()) for part in ast.walk(node.test) if isinstance(part, ast.Tuple))
            yield file.finding(
                "answers-the-test", f"The code now knows {compared[0]!r}, which a new test gives to it.", node,
                hard=special)
    yield from _tables(file, tests)


def _tables(file: ChangedFile, tests: Mapping[str, str]) -> Iterator[GuardFinding]:
    """New tables, and cases of `match`, that hold just what the new tests ask and what they expect, as numbers.

    A table of words, or one with more in it than is asked, may be the rule itself.
    """
    asked, given = _sequences(parsed_all(tests).values()), _constants(parsed_all(tests).values())
    old = {ast.dump(node) for node in ast.walk(file.before) if isinstance(node, ast.Dict)}
    for node in ast.walk(file.after):
        if not isinstance(node, ast.Dict) or not node.keys or ast.dump(node) in old:
            continue
        entries = list(zip(node.keys, node.values, strict=True))
        if all(key is not None and _is_asked(key, asked, given) and _is_number(value) for key, value in entries):
            yield file.finding("answers-the-test", "A new table holds nothing but what a new test asks, with the "
                               f"answers: `{ast.unparse(node)}`.", node, hard=True)
    cases = {ast.dump(case.pattern) for node in ast.walk(file.before) if isinstance(node, ast.Match)
             for case in node.cases}
    for node in ast.walk(file.after):
        for case in node.cases if isinstance(node, ast.Match) else ():
            key = _pattern(case.pattern)
            answer = ast.If(test=ast.Constant(value=True), body=case.body, orelse=[])
            if key is not None and ast.dump(case.pattern) not in cases and _is_asked(key, asked, given) \
                    and _fixed_answer(answer):
                yield file.finding("answers-the-test", f"The code now knows `{ast.unparse(case.pattern)}`, which a new "
                                   "test gives to it.", case.pattern, hard=True)


def _sequences(trees: Iterable[ast.AST]) -> list[tuple[str, ...]]:
    """The constants that stand side by side in tests: arguments of a call, elements of a tuple or a list."""
    found = []
    for node in (node for tree in trees for node in ast.walk(tree)):
        parts = node.args if isinstance(node, ast.Call) else \
            node.elts if isinstance(node, ast.Tuple | ast.List) else []
        if parts:
            found.append(tuple(map(ast.dump, parts)))
    return found


def _is_asked(key: ast.expr, asked: list[tuple[str, ...]], given: set[object]) -> bool:
    """Whether a new test gives a key to the code: several values side by side, or one that is not common."""
    if isinstance(key, ast.Tuple) and len(key.elts) > 1:
        wanted = tuple(map(ast.dump, key.elts))
        return any(wanted == one[at:at + len(wanted)] for one in asked for at in range(len(one) - len(wanted) + 1))
    return isinstance(key, ast.Constant) and key.value in given and not _is_common(key.value)


def _is_number(value: ast.expr) -> bool:
    return _is_written(value) and all(isinstance(item.value, int | float) for item in ast.walk(value)
                                      if isinstance(item, ast.Constant))


def _pattern(pattern: ast.pattern) -> ast.expr | None:
    """The one value that a pattern stands for."""
    if isinstance(pattern, ast.MatchValue):
        return pattern.value
    if isinstance(pattern, ast.MatchSequence):
        parts = [_pattern(part) for part in pattern.patterns]
        known = [part for part in parts if part is not None]
        return ast.Tuple(elts=known, ctx=ast.Load()) if len(known) == len(parts) else None
    return None


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
