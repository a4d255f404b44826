"""What a condition or a loop's iterable depends on, and what it is where the text alone decides."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from bot.audit.reading.bindings import parametrized
from bot.audit.reading.constants import Constant, constant
from bot.audit.reading.definitions import ClassInfo, FunctionInfo, last_name
from bot.audit.reading.flat import every, parent_of
from bot.audit.reading.program import External, ModuleInfo
from bot.audit.reading.references import Instance, Made, is_product
from bot.audit.reading.scope import Scope
from bot.audit.reading.source import FunctionNode

_HOST = {"os", "sys", "platform", "shutil", "importlib", "pytest", "packaging", "warnings", "inspect", "typing"}
_HOST |= {"sysconfig", "locale", "logging", "types", "pkg_resources", "ssl", "errno", "string", "re", "itertools"}
_PURE = {"len", "isinstance", "issubclass", "bool", "int", "str", "float", "any", "all", "sorted", "list", "tuple"}
_PURE |= {"set", "dict", "getattr", "hasattr", "callable", "type", "max", "min", "sum", "range", "zip", "enumerate"}
_PURE |= {"repr", "round", "abs", "reversed", "iter", "next", "frozenset", "map", "filter", "print", "format", "id"}
_SAME_LENGTH = {"enumerate", "sorted", "list", "tuple", "reversed", "iter"}
_MOST_STEPS = 12
_UP = re.compile(
    r"avail|running|reach|alive|up(_|$)|ping|online|connect|health|ready|exist|succe|fail|ok(_|$)|valid|work|auth|login",
    re.IGNORECASE,
)


@dataclass(eq=False)
class Dependence:
    """Says for expressions of one function whether they depend on what the code under test did.

    Parameters of the test, the platform, versions and constants are not the run: whoever reads the test knows them.
    """

    scope: Scope
    node: FunctionNode
    _deciding: set[ast.AST] = field(default_factory=set)

    def on_run(self, expression: ast.AST) -> bool:
        """Whether the value of an expression comes from a call of code, rather than from the text or the host."""
        if expression in self._deciding or len(self._deciding) > _MOST_STEPS:
            return False
        self._deciding.add(expression)
        try:
            return any(self._call(item) for item in every(expression, ast.Call)) or any(
                self._name(item) for item in every(expression, ast.Name)
            )
        finally:
            self._deciding.discard(expression)

    def _call(self, node: ast.Call) -> bool:
        if isinstance(node.func, ast.Name) and node.func.id in _PURE:
            return False  # depends on its arguments, which are looked at by themselves
        found = self.scope.resolve(node.func)
        if isinstance(found, External):
            return found.name.partition(".")[0] not in _HOST
        if isinstance(found, FunctionInfo) and not found.module.product:
            return not (self._of_host(found) or self._of_variant(node))
        if isinstance(node.func, ast.Attribute):
            root: ast.expr = node.func.value
            while isinstance(root, ast.Attribute | ast.Subscript):
                root = root.value
            if isinstance(root, ast.Constant | ast.JoinedStr):
                return False
            if isinstance(root, ast.Name) and self._given(root.id):
                return False
            if isinstance(root, ast.Name) and self._of_host_module(root.id):
                return False
        return True

    def _of_host_module(self, name: str) -> bool:
        """Whether a name is that of a module that tells of the host, however often it is imported."""
        if name in self.scope.bound(self.node):
            return False
        imports = self.scope.module.bindings.get(name, [])
        return bool(imports) and all(
            isinstance(item, ast.alias) and item.name.partition(".")[0] in _HOST for item in imports
        )

    def _of_variant(self, call: ast.Call) -> bool:
        """Whether a helper is only asked of what kind a fixture is, as `speaks_v2(client)`; not whether it is up."""
        parameters = {item.arg for item in (*self.node.args.args, *self.node.args.kwonlyargs)}
        given = [*call.args, *(word.value for word in call.keywords)]
        plain = all(isinstance(item, ast.Constant) or last_name(item) in parameters for item in given)
        asked = isinstance(parent_of(call), ast.If | ast.BoolOp | ast.UnaryOp | ast.Compare)
        named = any(isinstance(item, ast.Name) for item in given)
        return asked and plain and named and not _UP.search(last_name(call.func))

    def _of_host(self, function: FunctionInfo) -> bool:
        """Whether a helper of the tests only tells of the host: `is_windows()`."""
        inside = Scope.of(self.scope.program, function.module, (*function.outer, function.node), function.owner)
        for call in every(function.node, ast.Call):
            found = inside.resolve(call.func)
            name = found.name if isinstance(found, External) else ""
            if name.partition(".")[0] not in _HOST and name.rpartition(".")[2] not in _PURE:
                return False
        return True

    def _name(self, node: ast.Name) -> bool:
        if not isinstance(node.ctx, ast.Load) or self._given(node.id):
            return False
        found = self.scope.bound(self.node).get(node.id)
        if found is None:
            return self._outer(node)
        return any(self._binding(kind, value, node) for kind, value in found)

    def _outer(self, node: ast.Name) -> bool:
        for function in self.scope.functions[:-1]:
            if node.id in self.scope.bound(function):
                return True
        found = self.scope.resolve(node)
        return isinstance(found, Instance) and found.cls.module.product

    def _binding(self, kind: str, value: ast.AST, node: ast.Name) -> bool:
        if kind in {"value", "part"}:
            return isinstance(value, ast.expr) and self.on_run(value)
        if kind == "with" and isinstance(value, ast.expr):
            return self.on_run(value)
        if kind == "parameter":
            found = self.scope.resolve(node)
            if isinstance(found, Instance | ModuleInfo | ClassInfo):
                return is_product(found)
            return isinstance(found, Made)
        if isinstance(value, ast.For | ast.AsyncFor | ast.comprehension):
            return isinstance(value, ast.AsyncFor) or self.on_run(value.iter)
        if isinstance(value, ast.AugAssign):
            return True
        return isinstance(value, ast.ExceptHandler)

    def _given(self, name: str) -> bool:
        """Whether a name is filled by parametrisation or generated by hypothesis."""
        if name in parametrized(self.node):
            return True
        if self.scope.cls is not None and name in parametrized(self.scope.cls.node):
            return True
        if name in {"request", "anyio_backend", "anyio_backend_name"}:
            return True
        generated = any(last_name(item) in {"given", "example"} for item in self.node.decorator_list)
        parameters = {item.arg for item in (*self.node.args.args, *self.node.args.kwonlyargs)}
        return name in self._listed or (generated and name in parameters)

    @cached_property
    def _listed(self) -> frozenset[str]:
        """The names that loops over literals set: as good as parameters."""
        return frozenset(
            item.id
            for loop in every(self.node, ast.For)
            if isinstance(loop.iter, ast.List | ast.Tuple | ast.Set) and not list(every(loop.iter, ast.Call))
            for item in every(loop.target, ast.Name)
        )

    def count(self, iterable: ast.expr, names: Mapping[str, Constant], depth: int = 0) -> bool | None:
        """Whether a loop over an expression runs at least once; None when the text does not decide."""
        known = constant(iterable, names)
        if known is not None:
            return bool(known.value) if isinstance(known.value, str | bytes | tuple) else None
        if isinstance(iterable, ast.List | ast.Tuple | ast.Set):
            return True if any(not isinstance(item, ast.Starred) for item in iterable.elts) else None
        if isinstance(iterable, ast.Dict):
            return True if any(key is not None for key in iterable.keys) else None
        if isinstance(iterable, ast.Name) and depth < 4:
            return self._named_count(iterable, depth)
        if isinstance(iterable, ast.Call):
            return self._called_count(iterable, names, depth)
        return None

    def _named_count(self, name: ast.Name, depth: int) -> bool | None:
        found = self.scope.bound(self.node).get(name.id)
        if found is None:
            symbol = self.scope.program.member(self.scope.module, name.id)
            value = symbol if isinstance(symbol, ast.expr) and name.id in self.scope.module.bindings else None
        else:
            value = found[0][1] if len(found) == 1 and isinstance(found[0][1], ast.expr) else None
        # A list that begins empty may be filled later, one that begins filled is hardly ever emptied.
        made = value is not None and self.count(value, {}, depth + 1)
        return True if made else None

    def _called_count(self, call: ast.Call, names: Mapping[str, Constant], depth: int) -> bool | None:
        name = last_name(call.func)
        if isinstance(call.func, ast.Attribute):
            if name in {"items", "keys", "values"} and not call.args:
                return self.count(call.func.value, names, depth + 1)
            return True if name in {"cycle", "count"} else None
        if name == "range":
            values = [constant(item, names) for item in call.args]
            if all(item is not None and isinstance(item.value, int) for item in values) and len(values) <= 2:
                return bool(range(*(item.value for item in values if item is not None)))
            return None if self.on_run(call) else True
        if name in _SAME_LENGTH and call.args:
            return self.count(call.args[0], names, depth + 1)
        if name == "zip":
            counts = [self.count(item, names, depth + 1) for item in call.args]
            return False if False in counts else None if None in counts else bool(counts)
        return None
