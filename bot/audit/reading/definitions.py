"""Functions and classes as they are defined: what they take, what attributes they have."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bot.audit.reading.flat import every, own_nodes, walk
from bot.audit.reading.signatures import Parameter, Parameters, of_function
from bot.audit.reading.source import FunctionNode, Source, base_names, block_statements

if TYPE_CHECKING:
    from bot.audit.reading.program import ModuleInfo

__all__ = ["ClassInfo", "FunctionInfo", "field_default", "last_name", "own_nodes", "targets_of"]

_KNOWN_DECORATORS = {
    "staticmethod",
    "classmethod",
    "property",
    "cached_property",
    "abstractmethod",
    "override",
    "final",
    "cache",
    "lru_cache",
    "contextmanager",
    "asynccontextmanager",
    "overload",
    "setter",
    "getter",
    "deleter",
    "fixture",
}


_CONTEXT_MANAGERS = {"contextmanager", "asynccontextmanager"}


_PROPERTIES = {"property", "cached_property", "setter", "getter", "deleter"}


_EXCEPTIONS = {name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, Exception)}


_ENUMS = {"Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"}


_MANGLED = re.compile(r"_[A-Za-z]\w*?__\w")
"""A private name as Python stores it: `_Class__name`."""


_PLAIN_BASES = {"object", "ABC", "Generic", "Protocol"}


def is_name(node: ast.AST, *names: str) -> bool:
    """Whether a node is one of these plain names."""
    return isinstance(node, ast.Name) and node.id in names


def root_name(node: ast.expr) -> str:
    """The first name of a chain of attributes, subscripts and calls: `a.b(x)[0]` gives `a`; empty without one."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def last_name(node: ast.AST) -> str:
    """The last part of a dotted name, also under a call or subscript: `a.b(x)` gives `b`."""
    # Asked for a third of all nodes: a look at the type is several times as fast as isinstance.
    item: Any = node
    while True:
        kind = type(item)
        if kind is ast.Name:
            return str(item.id)
        if kind is ast.Attribute:
            return str(item.attr)
        if kind is ast.Call:
            item = item.func
        elif kind is ast.Subscript:
            item = item.value
        else:
            return ""


@dataclass(frozen=True, eq=False)
class FunctionInfo:
    """A function or method. `qualname` is `Class.method`, as the probe writes it."""

    module: ModuleInfo
    node: FunctionNode
    owner: ClassInfo | None = None
    outer: tuple[FunctionNode, ...] = ()

    @property
    def place(self) -> str:
        """`path:line` of its definition."""
        return f"{self.module.source.path}:{self.node.lineno}"

    @property
    def qualname(self) -> str:
        """`function` or `Class.method`."""
        return f"{self.owner.node.name}.{self.node.name}" if self.owner else self.node.name

    @cached_property
    def decorators(self) -> frozenset[str]:
        """The last names of its decorators."""
        return frozenset(last_name(item) for item in self.node.decorator_list)

    @property
    def opaque(self) -> bool:
        """Whether a decorator may change what a call takes or gives."""
        return not self.decorators <= _KNOWN_DECORATORS

    @property
    def is_property(self) -> bool:
        """Whether it is read like an attribute."""
        return bool(self.decorators & _PROPERTIES)

    @property
    def is_static(self) -> bool:
        """Whether it takes no `self`."""
        return "staticmethod" in self.decorators

    @cached_property
    def is_generator(self) -> bool:
        """Whether its body yields."""
        yields = any(True for kind in (ast.Yield, ast.YieldFrom) for _ in every(self.node, kind))
        return yields and any(isinstance(item, ast.Yield | ast.YieldFrom) for item in own_nodes(self.node))

    @property
    def gives_coroutine(self) -> bool:
        """Whether calling it gives a coroutine, for certain."""
        plain = isinstance(self.node, ast.AsyncFunctionDef) and not self.is_generator
        return plain and not self.opaque and not self.is_property and not self.decorators & _CONTEXT_MANAGERS

    @cached_property
    def parameters(self) -> Parameters:
        """What it takes, `self` included."""
        return of_function(self.node.args)


@dataclass(frozen=True, eq=False)
class ClassInfo:
    """A class with its members and the attributes that its methods set."""

    module: ModuleInfo
    node: ast.ClassDef

    @cached_property
    def members(self) -> dict[str, ast.stmt]:
        """What its body binds: methods, nested classes and assigned names. The last binding counts."""
        found: dict[str, ast.stmt] = {}
        for item in block_statements(self.node.body):
            if isinstance(item, FunctionNode) and any(
                last_name(d) in {"setter", "deleter"} for d in item.decorator_list
            ):
                continue
            if isinstance(item, FunctionNode | ast.ClassDef):
                known = found.get(item.name)
                again = known is not None and not (isinstance(known, FunctionNode) and _is_overload(known))
                found[item.name] = ast.Pass() if again else item  # defined twice, under a condition: either may hold
            for target in targets_of(item):
                found[target] = item
        return found

    @cached_property
    def set_by_methods(self) -> dict[str, list[ast.expr | None]]:
        """For each `self.x` that its methods assign, what they assign (None where that is no plain expression)."""
        found: dict[str, list[ast.expr | None]] = {}
        for method in self.node.body:
            if isinstance(method, FunctionNode) and method.args.args:
                self_name = method.args.args[0].arg
                for item in every(method, ast.Attribute):
                    if (
                        isinstance(item.ctx, ast.Store | ast.Del)
                        and isinstance(item.value, ast.Name)
                        and item.value.id == self_name
                    ):
                        found.setdefault(item.attr, []).append(_assigned(self.module.source, item))
        return found

    @cached_property
    def bases(self) -> tuple[ClassInfo | None, ...]:
        """Its bases, None for one that is not known and not one of the harmless ones (object, ABC, ...)."""
        found: list[ClassInfo | None] = []
        for base in self.node.bases:
            inner = base.value if isinstance(base, ast.Subscript) else base
            target = self.module.program.lookup(self.module, inner)
            if isinstance(target, ClassInfo) and target is not self:
                found.append(target)
            elif last_name(inner) not in _PLAIN_BASES:
                found.append(None)
        return tuple(found)

    @cached_property
    def order(self) -> tuple[ClassInfo, ...]:
        """The class and its known ancestors, nearest first."""
        found: list[ClassInfo] = []
        waiting: list[ClassInfo] = [self]
        while waiting and len(found) < 50:
            item = waiting.pop(0)
            if item not in found:
                found.append(item)
                waiting.extend(base for base in item.bases if base is not None)
        return tuple(found)

    @cached_property
    def closed(self) -> bool:
        """Whether all that decides its attributes and constructor is in the files at hand."""
        return all(
            None not in item.bases
            and not item.node.keywords
            and all(
                last_name(decorator) in {"dataclass", "final", "total_ordering"}
                for decorator in item.node.decorator_list
            )
            and not {"__getattr__", "__getattribute__", "__new__", "__class_getitem__"} & set(item.members)
            and not item.is_dynamic
            for item in self.order
        )

    @cached_property
    def is_dynamic(self) -> bool:
        """Whether its attributes may come from `setattr`, `__dict__` or `vars`."""
        return any(item.attr == "__dict__" for item in every(self.node, ast.Attribute)) or any(
            last_name(item.func) in {"setattr", "vars", "__setattr__"} for item in every(self.node, ast.Call)
        )

    @property
    def is_dataclass(self) -> bool:
        """Whether it bears `@dataclass`."""
        return any(last_name(item) == "dataclass" for item in self.node.decorator_list)

    def method(self, name: str) -> FunctionInfo | None:
        """A method of it or of its nearest ancestor that has it."""
        for item in self.order:
            node = item.members.get(name)
            if isinstance(node, FunctionNode):
                return FunctionInfo(item.module, node, item)
            if node is not None or name in item.set_by_methods:
                return None
        return None

    def has(self, name: str) -> bool:
        """Whether an instance may have this attribute."""
        if name.startswith("__") or _MANGLED.match(name):
            return True
        return any(name in item.members or name in item.set_by_methods for item in self.order)

    def has_own(self, name: str) -> bool:
        """Whether it or a known ancestor binds a name in its body."""
        return any(name in item.members for item in self.order)

    @cached_property
    def takes_attributes(self) -> bool:
        """Whether setting any attribute of an object certainly just sets it: nothing frozen, no slots, no hook."""
        plain = all(last_name(item) == "dataclass" and not isinstance(item, ast.Call) for item in self.decorators)
        return self.closed and plain and not any(self.has_own(name) for name in ("__setattr__", "__slots__"))

    @property
    def decorators(self) -> tuple[ast.expr, ...]:
        """The decorators of it and of its known ancestors."""
        return tuple(decorator for item in self.order for decorator in item.node.decorator_list)

    @cached_property
    def base_names(self) -> tuple[str, ...]:
        """The last parts of the names of its bases."""
        return base_names(self.node)

    @cached_property
    def is_enum(self) -> bool:
        """Whether it is an enumeration."""
        return any(name in _ENUMS for item in self.order for name in item.base_names)

    @cached_property
    def constructor(self) -> Parameters | None:
        """What calling the class takes, without `self`; None when that cannot be told."""
        if not self.closed and not self._is_own_exception:
            return None
        if (method := self.method("__init__")) is not None:
            return None if method.opaque else method.parameters.without_first()
        if any(item.is_dataclass for item in self.order):
            return _dataclass_parameters(self)
        return Parameters()

    @property
    def _is_own_exception(self) -> bool:
        """Whether it is an exception whose constructor is its own or that of an ancestor in the files at hand."""
        return (
            self.method("__init__") is not None
            and not any(
                "__new__" in item.members or item.node.keywords or item.node.decorator_list for item in self.order
            )
            and all(
                base is not None or last_name(written) in _EXCEPTIONS
                for item in self.order
                for base, written in zip(item.bases, item.node.bases, strict=False)
            )
        )

    def fields(self) -> Iterator[tuple[str, ast.AnnAssign]]:
        """Its own dataclass fields."""
        for item in self.node.body:
            if (
                isinstance(item, ast.AnnAssign)
                and isinstance(item.target, ast.Name)
                and last_name(item.annotation) != "ClassVar"
            ):
                yield item.target.id, item


def _is_overload(node: FunctionNode) -> bool:
    return any(last_name(decorator) == "overload" for decorator in node.decorator_list)


def field_default(value: ast.expr | None) -> tuple[bool, ast.expr | None, bool]:
    """What a dataclass field's value says: has a default, the default's expression, takes part in `__init__`."""
    if value is None:
        return False, None, True
    if isinstance(value, ast.Call) and last_name(value.func) == "field":
        options = {keyword.arg: keyword.value for keyword in value.keywords}
        option = options.get("init")
        in_init = not (isinstance(option, ast.Constant) and option.value is False)
        return "default" in options or "default_factory" in options, options.get("default"), in_init
    return True, value, True


def _dataclass_parameters(cls: ClassInfo) -> Parameters | None:
    fields: dict[str, Parameter] = {}
    keyword_only: dict[str, Parameter] = {}
    for item in reversed(cls.order):
        if not item.is_dataclass:
            continue
        options = {
            keyword.arg: keyword.value
            for decorator in item.node.decorator_list
            if isinstance(decorator, ast.Call)
            for keyword in decorator.keywords
        }
        if "init" in options:
            return None
        all_keyword = isinstance(given := options.get("kw_only"), ast.Constant) and given.value is True
        for name, node in item.fields():
            if last_name(node.annotation) == "KW_ONLY":
                all_keyword = True
                continue
            has_default, default, in_init = field_default(node.value)
            own = isinstance(node.value, ast.Call) and any(word.arg == "kw_only" for word in node.value.keywords)
            if in_init:
                (keyword_only if all_keyword or own else fields)[name] = Parameter(name, not has_default, default)
    return Parameters(tuple(fields.values()), tuple(keyword_only.values()))


def targets_of(node: ast.stmt) -> Iterator[str]:
    """The names that a statement assigns."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.For | ast.AsyncFor):
        targets = [node.target]
    elif isinstance(node, ast.With | ast.AsyncWith):
        targets = [item.optional_vars for item in node.items if item.optional_vars]
    for target in targets:
        for item in walk(target):
            if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store):
                yield item.id


def _assigned(source: Source, target: ast.Attribute) -> ast.expr | None:
    parent = source.parents.get(target)
    if isinstance(parent, ast.Assign) and target in parent.targets:
        return parent.value
    return parent.value if isinstance(parent, ast.AnnAssign) else None
