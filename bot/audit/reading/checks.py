"""Recognises assertions, expected exceptions, mocks and replacements in syntax."""

from __future__ import annotations

import ast
import re

from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every
from bot.audit.reading.references import Made, Reference

_CHECKS = re.compile(
    r"^_?(assert|expect|verify|check|ensure|should|must|compare|fail$|raises$|warns$|deprecated_call$|approve|snapshot)",
    re.IGNORECASE,
)

_REPLACES = {"patch", "object", "setattr", "delattr", "spy", "multiple"}

MOCKS = {"Mock", "MagicMock", "AsyncMock", "NonCallableMock", "PropertyMock", "create_autospec", "NonCallableMagicMock"}


def is_mock(reference: Reference) -> bool:
    """Whether a reference is an object that `unittest.mock` made."""
    return isinstance(reference, Made) and reference.by.rpartition(".")[2] in MOCKS and "mock" in reference.by


def is_check(node: ast.AST) -> bool:
    """Whether a node is an assertion of any style: `assert`, a call that checks, or a raised AssertionError."""
    if isinstance(node, ast.Call):
        return bool(_CHECKS.match(last_name(node.func)))
    if isinstance(node, ast.Raise):
        return node.exc is not None and last_name(node.exc) == "AssertionError"
    return isinstance(node, ast.Assert)


def is_assertion(node: ast.AST) -> bool:
    """Whether a node certainly raises AssertionError when it does not hold, and not only by its name."""
    if isinstance(node, ast.Call):
        return last_name(node.func).startswith("assert")
    return isinstance(node, ast.Assert | ast.Raise) and is_check(node)


def replaced_in(node: ast.AST, self_name: str = "") -> frozenset[str]:
    """The attribute names that code replaces: by assignment, `patch`, `patch.object`, `setattr` and the like."""
    found: set[str] = set()
    for attribute in every(node, ast.Attribute):
        own = isinstance(attribute.value, ast.Name) and attribute.value.id in {self_name, "self", "cls"}
        if isinstance(attribute.ctx, ast.Store) and not own:
            found.add(attribute.attr)
    for item in every(node, ast.Call):
        name = last_name(item.func)
        if name in _REPLACES:
            for argument in item.args[:2]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    found.add(argument.value.rpartition(".")[2])
            if name == "multiple":
                found.update(word.arg for word in item.keywords if word.arg)
    return frozenset(found)


def raises_names(node: ast.expr) -> frozenset[str]:
    """The exception names in `pytest.raises(X)`, `assertRaises(X)` or `suppress(X)`; empty for all else."""
    if not isinstance(node, ast.Call) or last_name(node.func) not in {
        "raises",
        "assertRaises",
        "assertRaisesRegex",
        "suppress",
    }:
        return frozenset()
    given = [*node.args, *(word.value for word in node.keywords if word.arg == "expected_exception")]
    if last_name(node.func) != "suppress":
        given = given[:1]
    names: set[str] = set()
    for item in given:
        names.update(last_name(part) for part in (item.elts if isinstance(item, ast.Tuple) else [item]))
    return frozenset(names - {""})


def handler_names(handler: ast.ExceptHandler) -> frozenset[str]:
    """The exception names that a handler catches; a bare one catches BaseException."""
    if handler.type is None:
        return frozenset({"BaseException"})
    parts = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return frozenset(last_name(part) for part in parts)
