"""What a test's assertions rest on where that is not the product."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from bot.audit.dataflow.flow import Asserted, Kind, Origin, decisive, on_product, origins, runs_product
from bot.audit.reading.checks import MOCKS
from bot.audit.reading.definitions import ClassInfo, last_name
from bot.audit.reading.flat import every, walk
from bot.audit.reading.program import External
from bot.audit.reading.references import is_product
from bot.audit.reading.source import FunctionNode
from bot.audit.view import View

_SHORT = 6
"""A name of fewer characters is in another by chance."""
_QUIET_CALLS = {*MOCKS, "sleep", "print", "dict", "list", "time", "now", "info", "debug", "warning"}


class Rest(StrEnum):
    """What the assertions of a test rest on. `MOCKS`: only mocks that it made. `OWN_CODE`: code of the tests.

    `OWN_VALUES`: values that the test wrote itself, at most handed on by a function that does nothing else.
    `LIBRARY`: the language or a library.
    """

    MOCKS = "mocks"
    OWN_CODE = "own code"
    OWN_VALUES = "own values"
    LIBRARY = "library"


@dataclass(frozen=True, eq=False)
class Basis:
    """What all assertions of a test rest on, the first of them, and the definition or mock in question."""

    rest: Rest
    first: Asserted
    origin: Origin | None = None

    @property
    def line(self) -> int:
        """The line where the definition or mock stands."""
        return getattr(self.origin.node, "lineno", 0) if self.origin else 0


def basis(view: View) -> Basis | None:
    """What a test's assertions rest on where no product code and nothing unknown has a part in any of them."""
    key = ("basis", view.case.id)
    if key not in view.program.memo:
        view.program.memo[key] = _basis(view)
    known: Basis | None = view.program.memo[key]
    return known


def _basis(view: View) -> Basis | None:
    if not view.program.product_modules or not view.checks or _runs_under_product(view):
        return None
    if on_product(view) or _is_about_support(view) or _hands_itself_over(view):
        return None
    if runs_product(view) and any(_in_own_class(view, item) for item in decisive(view)):
        return None  # an assertion in an object of the test: the product decides whether and when it comes to it
    deciding = [item for item in decisive(view) if any(_says_something(part) for part in item.operands)]
    if not deciding:
        return None
    found = [origin for item in deciding for operand in item.operands for origin in origins(view, operand)]
    found.sort(key=lambda item: (getattr(item.node, "lineno", 0), item.name))
    first = next((item for item in deciding if item.own), deciding[0])
    kinds = {item.kind for item in found}
    local = [item for item in found if item.kind is Kind.LOCAL and not _is_test_code(item.node)]
    substance = [item for item in local if _substance(item.node) == "logic"]
    if any(_is_tested_support(view, item.node) for item in local):
        return None
    if substance:
        classes = [item for item in substance if isinstance(item.node, ast.ClassDef)]
        if not classes and Kind.CONSTANT in kinds:
            return None  # a helper that makes an exception of the product, with the product's attributes
        return Basis(Rest.OWN_CODE, first, (classes or substance)[0])
    if Kind.MOCK in kinds:
        return Basis(Rest.MOCKS, first, next(item for item in found if item.kind is Kind.MOCK))
    if Kind.CONSTANT in kinds:
        return None  # the values of an enumeration and the ancestry of an exception are the product's, too
    changed = _changes_library(view) if kinds & {Kind.LIBRARY, Kind.AMBIENT} else frozenset()
    if changed and (runs_product(view) or any(item.name in changed for item in found)):
        return None
    if kinds & {Kind.LIBRARY, Kind.AMBIENT}:
        return Basis(Rest.LIBRARY, first)
    return Basis(Rest.OWN_VALUES, first, local[0] if local else None)


def _runs_under_product(view: View) -> bool:
    """Whether the product runs the test: it is a plugin of pytest, or wraps the test or its class."""
    key = "the product is a plugin of pytest"
    if key not in view.program.memo:
        view.program.memo[key] = any(
            name.startswith("pytest_") and isinstance(node, FunctionNode)
            for module in view.program.product_modules
            for name, nodes in module.bindings.items()
            for node in nodes
        )
    own = (view.node, *(item.node for item in (view.cls.order if view.cls else ())), *view.case.classes)
    decorators = [item.func if isinstance(item, ast.Call) else item for owner in own for item in owner.decorator_list]
    return bool(view.program.memo[key]) or any(is_product(view.bare_scope.resolve(item)) for item in decorators)


def _changes_library(view: View) -> frozenset[str]:
    """What the product puts in modules of the library: `datetime.datetime = Frozen`, by its dotted names."""
    key = "the product changes the library"
    if key not in view.program.memo:
        view.program.memo[key] = frozenset(
            f"{found.name}.{item.attr}"
            for module in view.program.product_modules
            for item in every(module.source.tree, ast.Attribute)
            if not isinstance(item.ctx, ast.Load)
            and isinstance(item.value, ast.Name)
            and isinstance(found := view.program.lookup(module, item.value), External)
            and found.name in sys.stdlib_module_names
        )
    known: frozenset[str] = view.program.memo[key]
    return known


def _hands_itself_over(view: View) -> bool:
    """Whether the product is told of the test's module by its name, and so may change what is in it."""
    return any(
        any(isinstance(item, ast.Name) and item.id == "__name__" for item in call.args)
        and is_product(view.bare_scope.resolve(call.func))
        for call in view.calls
    )


def _in_own_class(view: View, item: Asserted) -> bool:
    """Whether an assertion stands in a method of a class that the test defines inside itself."""
    return item.own and any(isinstance(above, ast.ClassDef) for above in view.above(item.node))


def _says_something(operand: ast.AST) -> bool:
    """Whether an assertion is on more than constants written into it."""
    return any(isinstance(item, ast.Name | ast.Call | ast.Attribute | ast.stmt) for item in walk(operand))


def _is_test_code(node: ast.AST | None) -> bool:
    """Whether a definition is a test or a test's class, whose helpers are what counts."""
    return isinstance(node, ast.ClassDef) and node.name.startswith("Test")


def _substance(node: ast.AST | None) -> str:
    """What a definition of the tests does: `logic`, or only handing on (`answer`) or making mocks (`factory`)."""
    if isinstance(node, ast.ClassDef):
        return "logic"
    if not isinstance(node, FunctionNode):
        return "answer"
    calls = [item for item in walk(node) if isinstance(item, ast.Call)]
    making = [item for item in calls if last_name(item.func) in MOCKS]
    deciding = any(isinstance(item, ast.If | ast.For | ast.While | ast.Try | ast.BinOp | ast.Compare | ast.AugAssign)
                   for item in walk(node))
    if deciding or any(last_name(item.func) not in _QUIET_CALLS for item in calls):
        return "factory" if making and not deciding else "logic"
    return "factory" if making else "answer"


def _is_about_support(view: View) -> bool:
    """Whether a test says by its name, or its class's, that it is one of a class of the tests' own support modules."""
    said = "".join((view.node.name, *(item.name for item in view.case.classes))).replace("_", "").lower()
    for name, nodes in view.module.bindings.items():
        squeezed = name.replace("_", "").lower()
        if len(squeezed) < _SHORT or squeezed not in said:
            continue
        for node in nodes:
            found = view.program.imported(node) if isinstance(node, ast.alias) else None
            if isinstance(found, ClassInfo) and not found.module.product and found.module is not view.module:
                return True
    return False


def _is_tested_support(view: View, node: ast.AST | None) -> bool:
    """Whether a definition is in a support module of the tests that this very file is the test of."""
    home = view.program.home_of(node) if node is not None else None
    if home is None or home is view.module or home.source.is_conftest:
        return False
    stem = PurePosixPath(home.source.path).stem.strip("_")
    parents = {part.strip("_") for part in PurePosixPath(home.source.path).parts[:-1]} - {"tests", "test", ""}
    own = PurePosixPath(view.source.path).stem
    return stem in own or any(part in own for part in parents)
