"""What the product as a whole decides by, and whether it makes several steps one; found once a program."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every, walk
from bot.audit.reading.program import Program
from bot.audit.reading.source import FunctionNode

_UNDOES = re.compile(
    r"atomic|rollback|transaction|replace$|rename$|begin$|savepoint|commit$|undo|revert|restore|snapshot",
    re.IGNORECASE)
_TELLING = (ast.If, ast.IfExp, ast.comprehension, ast.Call, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
"""The kinds of nodes that `conditions` looks at."""
_QUERIES = {"filter", "exclude", "filter_by", "get"}


def conditions(program: Program) -> frozenset[str]:
    """The true-or-false fields that product code decides by: `if not item.active`, `.filter(active=True)`."""
    if "fields that decide" not in program.memo:
        decided: set[str] = set()
        true_or_false: set[str] = set()
        for module in program.by_path.values():
            for node in every(module.source.tree, *_TELLING) if module.product else ():
                decided.update(_decided_by(node))
                true_or_false.update(_true_or_false(node))
        program.memo["fields that decide"] = frozenset(decided & true_or_false)
    known: frozenset[str] = program.memo["fields that decide"]
    return known


def _true_or_false(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call) and last_name(node.func) in _QUERIES:
        for keyword in node.keywords:
            if keyword.arg and _is_bool(keyword.value):
                yield keyword.arg.rpartition("__")[2]
    for statement in node.body if isinstance(node, ast.ClassDef) else ():
        if isinstance(statement, ast.AnnAssign) and "bool" in ast.unparse(statement.annotation):
            yield last_name(statement.target)
        elif isinstance(statement, ast.Assign) and (_is_bool(statement.value) or (
                isinstance(statement.value, ast.Call) and "bool" in ast.unparse(statement.value).lower())):
            yield from map(last_name, statement.targets)
    if isinstance(node, FunctionNode) and node.name == "__init__":
        given = [*node.args.posonlyargs, *node.args.args]
        for argument, default in zip(given[len(given) - len(node.args.defaults):], node.args.defaults, strict=True):
            if _is_bool(default):
                yield argument.arg
        for argument, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
            if value is not None and _is_bool(value):
                yield argument.arg


def _is_bool(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is bool


def undoes(program: Program) -> bool:
    """Whether the product has anything that makes several steps one: a transaction, a rename at the end, an undoing."""
    if "all or nothing" not in program.memo:
        program.memo["all or nothing"] = any(
            module.product and any(_UNDOES.match(last_name(node)) for node in walk(module.source.tree)
                                   if isinstance(node, ast.Name | ast.Attribute))
            for module in program.by_path.values())
    return bool(program.memo["all or nothing"])


def _decided_by(node: ast.AST) -> Iterator[str]:
    tests: list[ast.expr] = []
    if isinstance(node, ast.If | ast.IfExp):
        tests = [node.test]
    elif isinstance(node, ast.comprehension):
        tests = list(node.ifs)
    elif isinstance(node, ast.Call) and last_name(node.func) in _QUERIES:
        for keyword in node.keywords:
            if keyword.arg and _is_bool(keyword.value):
                yield keyword.arg.rpartition("__")[2]
    while tests:
        test = tests.pop()
        if isinstance(test, ast.BoolOp):
            tests += test.values
        elif isinstance(test, ast.UnaryOp):
            tests.append(test.operand)
        elif isinstance(test, ast.Attribute):
            yield test.attr
