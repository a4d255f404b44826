"""What an expression may stand for."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from bot.audit.reading.definitions import ClassInfo, FunctionInfo
from bot.audit.reading.program import External, Missing, ModuleInfo


@dataclass(frozen=True, eq=False)
class Instance:
    """An object of a known class; `call` is the constructor call where it was seen.

    Without a call it comes from an annotation or is `self`, so its real class may be a subclass.
    """

    cls: ClassInfo
    call: ast.Call | None = None


@dataclass(frozen=True, eq=False)
class Bound:
    """A method of a known object or class, `self` already given."""

    function: FunctionInfo


@dataclass(frozen=True)
class Made:
    """What calling something external gave, by the dotted name of what was called."""

    by: str
    call: ast.Call | None = field(default=None, compare=False)


@dataclass(frozen=True, eq=False)
class Coroutine:
    """What calling an `async def` gives; `inner` is what awaiting it gives."""

    function: FunctionInfo
    inner: Reference


Reference = ModuleInfo | ClassInfo | FunctionInfo | External | Missing | Instance | Bound | Made | Coroutine | None


def module_of(reference: Reference) -> ModuleInfo | None:
    """The module that defines what a reference leads to, where it is one of the files at hand."""
    if isinstance(reference, ModuleInfo):
        return reference
    if isinstance(reference, ClassInfo | FunctionInfo):
        return reference.module
    if isinstance(reference, Instance):
        return reference.cls.module
    return reference.function.module if isinstance(reference, Bound | Coroutine) else None


def is_product(reference: Reference) -> bool:
    """Whether a reference leads into the implementation."""
    module = module_of(reference)
    return module is not None and module.product


def function_of(reference: Reference) -> FunctionInfo | None:
    """The function a call of the reference enters, if it is known."""
    if isinstance(reference, Bound):
        return reference.function
    return reference if isinstance(reference, FunctionInfo) else None
