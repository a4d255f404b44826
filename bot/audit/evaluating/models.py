"""Pydantic models, as far as what their constructor does can be told from the text."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from bot.audit.evaluating.values import Box, Known, Several, Thing, Value
from bot.audit.reading.definitions import ClassInfo, last_name
from bot.audit.reading.source import FunctionNode

_HOOKS = {"field_validator", "model_validator", "validator", "root_validator", "field_serializer", "computed_field"}
_OWN = {"__init__", "__new__", "model_post_init", "model_config", "Config", "__setattr__", "__getattr__"}
_BOUNDS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_PLAIN_OPTIONS = {"default", "default_factory", "description", "title", "examples", "example", *_BOUNDS}
_TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool, "bytes": bytes, "Decimal": Decimal}


def is_model(cls: ClassInfo) -> bool:
    """Whether a class is a plain pydantic model: no validators, no settings, all bases known."""
    names = {base for item in cls.order for base in item.base_names}
    if "BaseModel" not in names or names - {"BaseModel"} - {item.node.name for item in cls.order}:
        return False
    for item in cls.order:
        if item.node.decorator_list or item.node.keywords or _OWN & set(item.members):
            return False
        for member in item.node.body:
            if isinstance(member, FunctionNode) and any(last_name(part) in _HOOKS for part in member.decorator_list):
                return False
    return True


def model_field(node: ast.AnnAssign) -> tuple[ast.expr | None, dict[str, ast.expr]]:
    """A field's default, None where it has none, and the options of its `Field(...)`."""
    value = node.value
    if isinstance(value, ast.Call) and last_name(value.func) == "Field":
        options = {word.arg: word.value for word in value.keywords if word.arg}
        default = value.args[0] if value.args else options.get("default")
        if isinstance(default, ast.Constant) and default.value is Ellipsis:
            default = None
        return default, options
    return value, {}


def fits(value: Value, annotation: ast.expr, options: dict[str, ast.expr]) -> bool:
    """Whether a field keeps a value as it is: it has the very type that is asked for, and is within the bounds."""
    if set(options) - _PLAIN_OPTIONS or not _is_of(value, annotation, 0):
        return False
    for name, test in _BOUNDS.items():
        if name in options:
            bound = options[name]
            if not (isinstance(bound, ast.Constant) and isinstance(bound.value, int | float)):
                return False
            if not (isinstance(value, Known) and isinstance(value.value, int | float | Decimal)):
                return False
            if not test(value.value, bound.value):
                return False
    return True


def _is_of(value: Value, annotation: ast.expr, depth: int) -> bool:
    if depth > 4:
        return False
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        return _is_of(value, annotation.left, depth + 1) or _is_of(value, annotation.right, depth + 1)
    if isinstance(annotation, ast.Constant):
        return annotation.value is None and isinstance(value, Known) and value.value is None
    name = last_name(annotation)
    if isinstance(annotation, ast.Subscript):
        name, inner = last_name(annotation.value), annotation.slice
        if name == "Optional":
            return (isinstance(value, Known) and value.value is None) or _is_of(value, inner, depth + 1)
        if name in {"list", "List"} and isinstance(value, Box) and value.kind == "list" and not value.lost:
            return all(_is_of(item, inner, depth + 1) for item in value.items)
        return False
    if isinstance(value, Known) and name in _TYPES:
        return type(value.value) is _TYPES[name]
    if isinstance(value, Thing):
        return any(item.node.name == name for item in value.cls.order)
    return name in {"list", "tuple"} and isinstance(value, Several if name == "tuple" else Box)
