"""An index over product and test files: modules, classes, functions, and what an import leads to."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from bot.audit.definitions import ClassInfo, FunctionInfo, last_name, targets_of
from bot.audit.source import FunctionNode, Source, Unreadable, block_statements, parse

_GENERATED = ("_version", "version", "_pb2", "_pb2_grpc")


@dataclass(frozen=True)
class External:
    """Something from outside the files at hand, by its dotted name: `asyncio.gather`, `builtins.len`."""

    name: str


@dataclass(frozen=True, eq=False)
class ModuleInfo:
    """A module and what its top level binds. `product` is False for test files."""

    program: Program
    source: Source
    name: str
    product: bool

    @cached_property
    def bindings(self) -> dict[str, list[ast.AST]]:
        """For each name of the top level, the statements (for an import, the alias) that bind it."""
        found: dict[str, list[ast.AST]] = {}
        for node in block_statements(self.source.tree.body):
            if isinstance(node, FunctionNode | ast.ClassDef):
                found.setdefault(node.name, []).append(node)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                for alias in node.names:
                    name = alias.asname or (alias.name.split(".")[0] if isinstance(node, ast.Import) else alias.name)
                    found.setdefault(name, []).append(alias)
            for target in targets_of(node):
                found.setdefault(target, []).append(node)
        for item in ast.walk(self.source.tree):
            if isinstance(item, ast.Global):
                for name in item.names:
                    found.setdefault(name, []).append(item)
            elif isinstance(item, ast.NamedExpr) and isinstance(item.target, ast.Name):
                found.setdefault(item.target.id, []).append(item)
        return found

    @cached_property
    def stored(self) -> frozenset[str]:
        """The attribute names that its code assigns outside constructors."""
        found: set[str] = set()
        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load) and node.attr not in found:
                inside = next((item for item in self.source.above(node) if isinstance(item, FunctionNode)), None)
                if inside is None or inside.name not in {"__init__", "__post_init__"}:
                    found.add(node.attr)
        return frozenset(found)

    @cached_property
    def open(self) -> bool:
        """Whether it may have names that its text does not show."""
        if "__getattr__" in self.bindings or "*" in self.bindings:
            return True
        for item in ast.walk(self.source.tree):
            if isinstance(item, ast.Call) and last_name(item.func) in {"globals", "setattr", "vars", "exec", "locals"}:
                return True
            if isinstance(item, ast.Attribute) and item.attr in {"modules", "__dict__"}:
                return True
        return False

    @property
    def package(self) -> str:
        """The package that relative imports in it start from."""
        return self.name if self.source.path.endswith("__init__.py") else self.name.rpartition(".")[0]


@dataclass(frozen=True)
class Missing:
    """An import or attribute that a known module, class or package does not have."""

    what: str


Symbol = ModuleInfo | ClassInfo | FunctionInfo | External | Missing | ast.expr | None
"""What a name leads to; an expression is the value of an assignment; None is unknown."""


@dataclass(eq=False)
class Program:
    """All modules of the product and of the tests, by dotted name."""

    modules: dict[str, ModuleInfo] = field(default_factory=dict)
    by_path: dict[str, ModuleInfo] = field(default_factory=dict)
    unreadable: list[Unreadable] = field(default_factory=list)
    _packages: frozenset[str] = frozenset()
    _unknown: set[str] = field(default_factory=set)
    depth: int = 0
    scopes: dict[object, Any] = field(default_factory=dict)
    bound: dict[ast.AST, dict[str, list[tuple[str, ast.AST]]]] = field(default_factory=dict)
    _found: dict[str, Symbol] = field(default_factory=dict)
    _homes: dict[ast.AST, ModuleInfo] = field(default_factory=dict)
    _stores: dict[str, bool] = field(default_factory=dict)
    memo: dict[object, Any] = field(default_factory=dict)
    _classes: dict[ast.ClassDef, ClassInfo] = field(default_factory=dict)
    _aliases: dict[ast.AST, tuple[ast.Import | ast.ImportFrom, ModuleInfo]] = field(default_factory=dict)

    @classmethod
    def build(
        cls, implementation: Mapping[str, str], tests: Mapping[str, str], named: frozenset[str] = frozenset()
    ) -> Program:
        """Index the Python files of both. A path in both is a test file; `named` are tests whatever they are called."""
        program = cls()
        for product, files in ((True, implementation), (False, tests)):
            for path in sorted(files):
                if not path.endswith(".py") or (product and path in tests):
                    continue
                parsed = parse(path, files[path], named=path in named)
                paths = {*implementation, *tests}
                if isinstance(parsed, Unreadable):
                    program._unknown.update(module_names(path, paths))
                    if not product:
                        program.unreadable.append(parsed)
                    continue
                program._add(parsed, product, paths)
        program._packages = frozenset(
            module.name for module in program.by_path.values() if module.source.path.endswith("__init__.py")
        )
        return program

    def _add(self, source: Source, product: bool, paths: set[str]) -> None:
        names = module_names(source.path, paths)
        info = ModuleInfo(self, source, names[0], product)
        self.by_path[source.path] = info
        for name in names:
            self.modules.setdefault(name, info)
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for alias in node.names:
                    self._aliases[alias] = (node, info)

    def home_of(self, node: ast.AST) -> ModuleInfo | None:
        """The module whose file a node stands in."""
        if not self._homes:
            for module in self.by_path.values():
                self._homes.update(dict.fromkeys(module.source.parents, module))
        return self._homes.get(node)

    def stored_outside(self, name: str) -> bool:
        """Whether an attribute of this name is assigned anywhere but in a constructor."""
        if name not in self._stores:
            self._stores[name] = any(name in module.stored for module in self.by_path.values())
        return self._stores[name]

    def class_info(self, module: ModuleInfo, node: ast.ClassDef) -> ClassInfo:
        """The one ClassInfo of a class statement."""
        return self._classes.setdefault(node, ClassInfo(module, node))

    @property
    def product_modules(self) -> tuple[ModuleInfo, ...]:
        """The modules of the implementation, by path."""
        return tuple(module for module in self.by_path.values() if module.product)

    @cached_property
    def conftests(self) -> tuple[ModuleInfo, ...]:
        """The files that pytest reads for fixtures and hooks."""
        return tuple(module for module in self.by_path.values() if module.source.is_conftest)

    def find(self, name: str) -> Symbol:
        """What `import name` leads to."""
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _find(self, name: str) -> Symbol:
        if name in self.modules:
            return self.modules[name]
        if name in self._unknown:
            return None
        parent, _, leaf = name.rpartition(".")
        if parent in self._packages and not self._open_package(parent) and not leaf.endswith(_GENERATED):
            return Missing(f"the package {parent} has no module {leaf}")
        prefix = f"{name}."
        if any(known.startswith(prefix) for known in self.modules):
            return None  # a namespace package: it exists, but has no file of its own
        return External(name)

    def _open_package(self, name: str) -> bool:
        return self.modules[name].open or any(
            word in self.modules[name].source.text for word in ("__path__", "pkgutil", "sys.modules")
        )

    def imported(self, alias: ast.AST) -> Symbol:
        """What an import's alias binds."""
        statement, module = self._aliases[alias]
        assert isinstance(alias, ast.alias)
        if isinstance(statement, ast.Import):
            return self.find(alias.name if alias.asname else alias.name.split(".")[0])
        base = statement.module or ""
        if statement.level:
            parts = module.package.split(".") if module.package else []
            parts = parts[: len(parts) - statement.level + 1]
            if not parts and not base:
                return None
            base = ".".join([*parts, *([base] if base else [])])
        target = self.find(base)
        if isinstance(target, External):
            return External(f"{target.name}.{alias.name}") if not statement.level else None
        if target is None:
            return self.modules.get(f"{base}.{alias.name}")
        return self.member(target, alias.name)

    def comes_from_product(self, alias: ast.AST) -> bool:
        """Whether an import's alias takes something from a product module, whatever it is."""
        statement, module = self._aliases[alias]
        if isinstance(statement, ast.Import):
            return False  # binds a module, which `imported` gives
        base = statement.module or ""
        if statement.level:
            parts = module.package.split(".") if module.package else []
            base = ".".join([*parts[: len(parts) - statement.level + 1], *([base] if base else [])])
        target = self.modules.get(base)
        return target is not None and target.product

    def member(self, owner: Symbol, name: str, depth: int = 0) -> Symbol:
        """An attribute of a module or class, or of something external."""
        if isinstance(owner, External):
            return External(f"{owner.name}.{name}")
        if isinstance(owner, ModuleInfo):
            return self._module_member(owner, name, depth)
        if isinstance(owner, ClassInfo):
            for item in owner.order:
                node = item.members.get(name)
                if isinstance(node, FunctionNode):
                    return FunctionInfo(item.module, node, item)
                if isinstance(node, ast.ClassDef):
                    return self.class_info(item.module, node)
                if node is not None:
                    return node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
            return (
                None if owner.has(name) or not owner.closed else Missing(f"{owner.node.name} has no attribute {name}")
            )
        return owner if isinstance(owner, Missing) else None

    def _module_member(self, owner: ModuleInfo, name: str, depth: int) -> Symbol:
        found = owner.bindings.get(name)
        if found is None:
            if (submodule := self.modules.get(f"{owner.name}.{name}")) is not None:
                return submodule
            if name.startswith("__") or owner.open:
                return None
            if any(known.startswith(f"{owner.name}.{name}.") for known in self.modules):
                return None
            return Missing(f"{owner.name} has no name {name}")
        if len(found) != 1 or depth > 20:
            return None
        node = found[0]
        if isinstance(node, ast.ClassDef):
            return self.class_info(owner, node)
        if isinstance(node, FunctionNode):
            return FunctionInfo(owner, node)
        if isinstance(node, ast.alias):
            return self._follow(node)
        if isinstance(node, ast.Assign) and all(isinstance(target, ast.Name) for target in node.targets):
            return node.value
        return node.value if isinstance(node, ast.AnnAssign) else None

    _following: int = 0

    def _follow(self, alias: ast.alias) -> Symbol:
        if self._following > 20:
            return None  # modules that import a name from each other
        self._following += 1
        try:
            return self.imported(alias)
        finally:
            self._following -= 1

    def lookup(self, module: ModuleInfo, node: ast.expr) -> Symbol:
        """What a dotted name at a module's top level leads to."""
        if isinstance(node, ast.Name):
            return (
                self._module_member(module, node.id, 0)
                if node.id in module.bindings
                else External(f"builtins.{node.id}")
            )
        if isinstance(node, ast.Attribute):
            return self.member(self.lookup(module, node.value), node.attr)
        return None


def module_names(path: str, paths: Iterable[str]) -> tuple[str, ...]:
    """The dotted names a file may be imported by, the likeliest first.

    The folder above the outermost package (the chain of folders with `__init__.py`) is on the path, and so
    may be any folder above that which is itself no package.
    """
    known = set(paths)
    parts = list(PurePosixPath(path).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts = parts[:-1]
    folders = list(PurePosixPath(path).parts[:-1])
    start = len(folders)
    while start and "/".join([*folders[:start], "__init__.py"]) in known:
        start -= 1
    names = [".".join(parts[at:]) for at in range(start, -1, -1)]
    if start == len(folders) and start and folders[0] not in {"src", "lib", "python"}:
        names.reverse()  # no package at all: the name from the repository's root is the likeliest
    return tuple(dict.fromkeys(name for name in names if name)) or (PurePosixPath(path).stem,)
