"""An index over product and test files: modules, classes, functions, and what an import leads to."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from os.path import commonpath
from pathlib import PurePosixPath
from typing import Any

from bot.audit.reading.definitions import ClassInfo, FunctionInfo, last_name, targets_of
from bot.audit.reading.flat import every, imports_in, root_of
from bot.audit.reading.source import FunctionNode, Source, Unreadable, block_statements, parse
from bot.audit.reading.tails import by_tail

_GENERATED = ("_version", "version", "_pb2", "_pb2_grpc")
_WITHOUT_SOURCE = (".pyi", ".pyx", ".so", ".pyd")


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
        for item in every(self.source.tree, ast.Global):
            for name in item.names:
                found.setdefault(name, []).append(item)
        for named in every(self.source.tree, ast.NamedExpr):
            found.setdefault(named.target.id, []).append(named)
        return found

    @cached_property
    def assigned(self) -> frozenset[str]:
        """The attribute names that its statements assign outside constructors."""
        found: set[str] = set()
        for node in every(self.source.tree, ast.Attribute):
            if not isinstance(node.ctx, ast.Load) and node.attr not in found:
                inside = next((item for item in self.source.above(node) if isinstance(item, FunctionNode)), None)
                if inside is None or inside.name not in {"__init__", "__post_init__"}:
                    found.add(node.attr)
        return frozenset(found)

    @cached_property
    def stored(self) -> frozenset[str]:
        """The attribute names that its code assigns outside constructors in any way; `*` where it may be any."""
        found = set(self.assigned)
        for call in every(self.source.tree, ast.Call):
            if last_name(call.func) in {"setattr", "delattr", "__setattr__"} and len(call.args) > 1:
                owner, name = call.args[0], call.args[1]
                if isinstance(name, ast.Constant):
                    found.add(str(name.value))
                elif not (isinstance(owner, ast.Name) and owner.id == "self"):
                    found.add("*")
        return frozenset(found)

    @cached_property
    def open(self) -> bool:
        """Whether it may have names that its text does not show."""
        if "__getattr__" in self.bindings or "*" in self.bindings:
            return True
        return any(
            last_name(item.func) in {"globals", "setattr", "vars", "exec", "locals"}
            for item in every(self.source.tree, ast.Call)
        ) or any(item.attr in {"modules", "__dict__"} for item in every(self.source.tree, ast.Attribute))

    @cached_property
    def defined(self) -> frozenset[str]:
        """The names that its own statements define, and not an import."""
        return frozenset(
            name for name, nodes in self.bindings.items() if any(not isinstance(node, ast.alias) for node in nodes)
        )

    def imports(self, name: str) -> bool:
        """Whether it imports from a module of this dotted name."""
        return any(item.module == name and not item.level for item in every(self.source.tree, ast.ImportFrom)) or any(
            alias.name == name for item in every(self.source.tree, ast.Import) for alias in item.names
        )

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
    _named: dict[str, list[ModuleInfo]] = field(default_factory=dict)
    _packages: frozenset[str] = frozenset()
    _unknown: set[str] = field(default_factory=set)
    depth: int = 0
    scopes: dict[object, Any] = field(default_factory=dict)
    bound: dict[ast.AST, dict[str, list[tuple[str, ast.AST]]]] = field(default_factory=dict)
    _found: dict[str, Symbol] = field(default_factory=dict)
    _roots: dict[ast.AST, ModuleInfo] = field(default_factory=dict)
    _stores: dict[str, bool] = field(default_factory=dict)
    memo: dict[object, Any] = field(default_factory=dict)
    _classes: dict[ast.ClassDef, ClassInfo] = field(default_factory=dict)
    _aliases: dict[ast.AST, tuple[ast.Import | ast.ImportFrom, ModuleInfo]] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        implementation: Mapping[str, str],
        tests: Mapping[str, str],
        named: frozenset[str] = frozenset(),
        classes: tuple[str, ...] = (),
    ) -> Program:
        """Index the Python files of both. A path in both is a test file; `named` are tests whatever they are called.

        `classes` is what the project's `python_classes` says.
        """
        program = cls()
        for product, files in ((True, implementation), (False, tests)):
            for path in sorted(files):
                if product and path.endswith(_WITHOUT_SOURCE):
                    program._unknown.update(module_names(path, {*implementation, *tests}))
                if not path.endswith(".py") or (product and path in tests):
                    continue
                parsed = parse(path, files[path], named=path in named, classes=() if product else classes)
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
            self._named.setdefault(name, []).append(info)
        self._roots[source.tree] = info
        for node in imports_in(source.tree):
            for alias in node.names:
                self._aliases[alias] = (node, info)

    def home_of(self, node: ast.AST) -> ModuleInfo | None:
        """The module whose file a node stands in."""
        return self._roots.get(root_of(node))

    def stored_outside(self, name: str) -> bool:
        """Whether an attribute of this name is assigned anywhere but in a constructor."""
        if name not in self._stores:
            self._stores[name] = any({name, "*"} & module.stored for module in self.by_path.values())
        return self._stores[name]

    def assigned_outside(self, name: str) -> bool:
        """Whether a statement anywhere, but in a constructor, assigns an attribute of this name."""
        return any(name in module.assigned for module in self.by_path.values())

    def class_info(self, module: ModuleInfo, node: ast.ClassDef) -> ClassInfo:
        """The one ClassInfo of a class statement."""
        return self._classes.setdefault(node, ClassInfo(module, node))

    @cached_property
    def product_modules(self) -> tuple[ModuleInfo, ...]:
        """The modules of the implementation, by path."""
        return tuple(module for module in self.by_path.values() if module.product)

    @cached_property
    def classes(self) -> tuple[ClassInfo, ...]:
        """Every class of every file."""
        return tuple(
            self.class_info(module, node)
            for module in self.by_path.values()
            for node in every(module.source.tree, ast.ClassDef)
        )

    @cached_property
    def product_names(self) -> tuple[str, ...]:
        """The likeliest dotted names of the product's modules."""
        return tuple(module.name for module in self.product_modules)

    @cached_property
    def conftests(self) -> tuple[ModuleInfo, ...]:
        """The files that pytest reads for fixtures and hooks."""
        return tuple(module for module in self.by_path.values() if module.source.is_conftest)

    def find(self, name: str, near: str = "") -> Symbol:
        """What `import name` leads to in the file `near`: of several modules of one name the nearest by its folder."""
        rivals = self._named.get(name, ()) if near else ()
        if len(rivals) > 1:
            rivals = [item for item in rivals if item.name == name] or rivals
            shared = [len(commonpath((f"/{near}", f"/{item.source.path}"))) for item in rivals]
            return rivals[shared.index(max(shared))]
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _find(self, name: str) -> Symbol:
        if name in self.modules:
            return self.modules[name]
        parent, _, leaf = name.rpartition(".")
        if name in self._unknown or (parent in self._packages and name in self._needed):
            return None
        if parent in self._packages and not self._open_package(parent) and not leaf.endswith(_GENERATED):
            return Missing(f"the package {parent} has no module {leaf}")
        prefix = f"{name}."
        if any(known.startswith(prefix) for known in self.modules):
            return None  # a namespace package: it exists, but has no file of its own
        return External(name)

    @cached_property
    def _needed(self) -> frozenset[str]:
        """The modules that the product itself imports, whose source need not be at hand: compiled or generated."""
        found: set[str] = set()
        for module in self.product_modules:
            for node in imports_in(module.source.tree):
                if isinstance(node, ast.Import):
                    found |= {alias.name for alias in node.names}
                    continue
                parts = module.package.split(".") if node.level and module.package else []
                base = [*parts[: len(parts) - node.level + 1], *((node.module or "").split(".") if node.module else [])]
                found.add(".".join(base))
                found |= {".".join([*base, alias.name]) for alias in node.names if not node.module}
        return frozenset(found)

    def _open_package(self, name: str) -> bool:
        return self.modules[name].open or any(
            word in self.modules[name].source.text for word in ("__path__", "pkgutil", "sys.modules")
        )

    def imported(self, alias: ast.AST) -> Symbol:
        """What an import's alias binds."""
        statement, module = self._aliases[alias]
        assert isinstance(alias, ast.alias)
        if isinstance(statement, ast.Import):
            found = self.find(alias.name if alias.asname else alias.name.split(".")[0], module.source.path)
            if alias.asname and isinstance(found, External) and not module.product:
                return self.by_tail(alias.name, ()) or found
            return found
        base = statement.module or ""
        if statement.level:
            parts = module.package.split(".") if module.package else []
            parts = parts[: len(parts) - statement.level + 1]
            if not parts and not base:
                return None
            base = ".".join([*parts, *([base] if base else [])])
        target = self.find(base, module.source.path)
        if isinstance(target, External) and not statement.level and not module.product:
            target = self.by_tail(base, tuple(item.name for item in statement.names)) or target
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
        found = self.find(base, module.source.path)
        target = found if isinstance(found, ModuleInfo) else None
        if target is None and not statement.level and not module.product:
            target = self.by_tail(base, tuple(item.name for item in statement.names))
        return target is not None and target.product

    def by_tail(self, name: str, wanted: tuple[str, ...]) -> ModuleInfo | None:
        """The one product file that a dotted name can only mean, where the tests use another root than the files."""
        key = ("tail", name, wanted)
        if key not in self.memo:
            # Tests that call the product by its own name mean another package by another name.
            parts = min(2, len(name.split("."))) if self._is_named_by_tests else 1
            found_at = by_tail(self.product_modules, name, wanted, at_least=parts)
            self.memo[key] = None if name in self.modules else found_at
        found: ModuleInfo | None = self.memo[key]
        return found

    @cached_property
    def _is_named_by_tests(self) -> bool:
        """Whether a test imports a module of a product package by its whole name."""
        roots = {name for name in self._packages if "." not in name and self.modules[name].product}
        for module in self.by_path.values():
            for node in imports_in(module.source.tree) if not module.product else ():
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                else:
                    names = [] if node.level else [node.module or ""]
                if any(name.split(".")[0] in roots for name in names):
                    return True
        return False

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
            if f"{owner.name}.{name}" in self._unknown or f"{owner.name}.{name}" in self._needed:
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
