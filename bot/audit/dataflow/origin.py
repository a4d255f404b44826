"""The ends that a value's path leads to, and the places on the way."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from bot.audit.dataflow.libraries import Kind
from bot.audit.reading.checks import is_check, raises_names
from bot.audit.reading.definitions import ClassInfo, last_name
from bot.audit.reading.flat import children, every
from bot.audit.reading.source import FunctionNode
from bot.audit.reading.variables import ScopeNode, Variable

_ENUMS = ("Enum", "StrEnum", "IntEnum", "Flag", "IntFlag")
_ERRORS = ("Error", "Exception", "Warning")


@dataclass(frozen=True)
class Origin:
    """One place that a value comes from. `name` says what it is, `node` where the tests write it."""

    kind: Kind
    name: str = ""
    node: ast.AST | None = None


@dataclass(frozen=True)
class SelfAttribute:
    """An attribute of a test's own object (`self.x`)."""

    name: str


@dataclass(frozen=True)
class Callers:
    """Whoever calls a function or lambda of the tests, and so decides when it runs and with what."""

    function: ScopeNode


Item = Origin | ast.AST | Variable | SelfAttribute | Callers
UNKNOWN = Origin(Kind.UNKNOWN)
AMBIENT = Origin(Kind.AMBIENT)


def calls_in(node: ast.AST) -> list[ast.expr]:
    """The calls in a statement or expression, without those of functions defined in it."""
    if next(every(node, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef), None) is None:
        return list(every(node, ast.Call))
    found: list[ast.expr] = []
    waiting = [node]
    while waiting:
        item = waiting.pop()
        if isinstance(item, ast.Call):
            found.append(item)
        waiting += [child for child in children(item) if not isinstance(child, FunctionNode | ast.ClassDef)]
    return found


def is_expectation(manager: ast.expr) -> bool:
    """Whether a `with` block's manager looks at what the block raises, warns or logs."""
    return isinstance(manager, ast.Call) and (bool(raises_names(manager)) or is_check(manager))


def kind_of_class(cls: ClassInfo) -> Kind:
    """Whether a product class is mere data (an exception, an enumeration) or code."""
    names = [last_name(base) for item in cls.order for base in item.node.bases]
    plain = not cls.node.decorator_list and not any(isinstance(item, FunctionNode) for item in cls.node.body)
    return Kind.CONSTANT if plain and any(name.endswith((*_ENUMS, *_ERRORS)) for name in names) else Kind.PRODUCT
