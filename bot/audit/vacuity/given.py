"""Assertions on nothing but what the test itself put into plain objects: given to a constructor, set, or added."""

from __future__ import annotations

import ast
import builtins

from bot.audit.reading.definitions import ClassInfo, last_name
from bot.audit.reading.flat import every, parent_of
from bot.audit.reading.program import External
from bot.audit.reading.references import Instance
from bot.audit.reading.source import FunctionNode
from bot.audit.vacuity.echoes import given_none
from bot.audit.view import View

_READING = {"len", "isinstance", "set", "list", "sorted", "tuple", "str", "bool", "int", "float", "dict", "any", "all",
            "approx", "type", "print", "repr", "min", "max", "sum", "Decimal"}
_FILLING = {"append", "add", "update", "extend", "insert", "setdefault"}
_LIBRARIES = {"decimal", "datetime", "uuid", "collections", "json", "pathlib", "fractions", "pytest", "unittest"}
_MOST = 40


def only_given(view: View, test: ast.expr) -> bool:
    """Whether all that an assertion looks at was put there by the test: into plain objects, or beside them.

    Only objects of closed classes that do nothing but keep what they are given, and that the test hands to nothing.
    """
    return _Given(view).sees_only(test)


class _Given:
    def __init__(self, view: View) -> None:
        self.view = view
        self.bound = view.bare_scope.bound(view.node)
        self.found = 0
        self.steps = 0
        self.handed: set[str] = set()

    def sees_only(self, test: ast.expr) -> bool:
        return self._own(test, frozenset()) and self.found > 0

    def _own(self, node: ast.AST, seen: frozenset[str]) -> bool:
        self.steps += 1
        if self.steps > _MOST:
            return False
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Name):
            return self._name(node.id, seen)
        if isinstance(node, ast.Call):
            return self._call(node, seen)
        if isinstance(node, ast.Await | ast.Lambda | ast.Yield | ast.YieldFrom | ast.NamedExpr | ast.Starred):
            return False
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            return False
        return all(self._own(part, seen) for part in ast.iter_child_nodes(node)
                   if isinstance(part, ast.expr | ast.keyword))

    def _call(self, node: ast.Call, seen: frozenset[str]) -> bool:
        found = self.view.bare_scope.resolve(node.func)
        plain = isinstance(node.func, ast.Name) and node.func.id in _READING and node.func.id not in self.bound
        library = isinstance(found, External) and found.name.partition(".")[0] in _LIBRARIES
        own = isinstance(found, ClassInfo) and not found.module.product
        given = [*node.args, *(word.value for word in node.keywords)]
        return (plain or library or own) and all(self._own(item, seen) for item in given)

    def _name(self, name: str, seen: frozenset[str]) -> bool:
        if name in seen or name in self.handed:
            return True
        values = self.bound.get(name)
        if values is None:
            found = self.view.bare_scope.resolve(ast.Name(name, ast.Load()))
            return hasattr(builtins, name) or name in self._of_the_file(name) or isinstance(found, External)
        for kind, value in values:
            if kind == "value" and isinstance(value, ast.expr):
                if not self._own(value, seen | {name}):
                    return False
            elif not (isinstance(value, ast.For) and self._own(value.iter, seen | {name})):
                return False
        return True

    def _of_the_file(self, name: str) -> set[str]:
        """Whether a name stands for a constant that the test's file writes down."""
        for item in self.view.source.tree.body:
            named = isinstance(item, ast.Assign) and any(isinstance(one, ast.Name) and one.id == name
                                                         for one in item.targets)
            if isinstance(item, ast.Assign) and named and not any(True for _ in every(item.value, ast.Call)):
                return {name}
        return set()

    def _attribute(self, node: ast.Attribute) -> bool:
        owner = self.view.bare_scope.resolve(node.value)
        if isinstance(owner, ClassInfo):
            return owner.is_enum
        if not isinstance(node.value, ast.Name) or not isinstance(owner, Instance) or owner.call is None:
            return False
        if not self._made_here(node.value.id, owner) or not _keeps(owner.cls, node.attr):
            return False
        if given_none(owner, node.attr):
            return False
        if self._argument(owner, node.attr) or self._set(node):
            self.found += 1
            return True
        return False

    def _made_here(self, name: str, owner: Instance) -> bool:
        values = self.bound.get(name, [])
        here = len(values) == 1 and values[0][1] is owner.call and owner.cls.module.product
        return here and not any(self._leaves(item) for item in self.view.names if item.id == name)

    def _leaves(self, name: ast.Name) -> bool:
        """Whether an object goes anywhere, or is asked to do anything, at a place of its name."""
        above = parent_of(name)
        if isinstance(name.ctx, ast.Store):
            return False
        if isinstance(above, ast.Attribute):
            call = parent_of(above)
            return isinstance(call, ast.Call) and call.func is above
        if isinstance(above, ast.Call):
            return not (last_name(above.func) in _READING or last_name(above.func).startswith("assert"))
        return not isinstance(above, ast.Compare | ast.FormattedValue | ast.Assert | ast.BoolOp | ast.UnaryOp)

    def _argument(self, owner: Instance, attribute: str) -> bool:
        """Whether the constructor's call has a value for an attribute, of the test's own."""
        parameters, call = owner.cls.constructor, owner.call
        if parameters is None or call is None:
            return False
        wanted = attribute
        if owner.cls.method("__init__") is not None:
            stored = [value for item in owner.cls.order for value in item.set_by_methods.get(attribute, [])]
            if len(stored) != 1 or not isinstance(stored[0], ast.Name):
                return False
            wanted = stored[0].id
        names = [item.name for item in parameters.positional]
        given = dict(zip(names, call.args, strict=False)) | {word.arg or "": word.value for word in call.keywords}
        if wanted in given:
            if isinstance(given[wanted], ast.Name):
                self.handed.add(given[wanted].id)  # type: ignore[attr-defined]
                return True
            return self._own(given[wanted], frozenset())
        rest = given.get("")
        if isinstance(rest, ast.Name) and len(values := self.bound.get(rest.id, [])) == 1:
            rest = values[0][1] if isinstance(values[0][1], ast.expr) else None
        return isinstance(rest, ast.Dict) and any(
            isinstance(key, ast.Constant) and key.value == wanted for key in rest.keys)

    def _set(self, node: ast.Attribute) -> bool:
        """Whether the test sets the attribute, or adds to it."""
        wanted = ast.dump(ast.Attribute(node.value, node.attr, ast.Load()))
        for item in self.view.attributes:
            if item.attr != node.attr or ast.dump(ast.Attribute(item.value, item.attr, ast.Load())) != wanted:
                continue
            if item.lineno > node.lineno:
                continue
            statement = parent_of(item)
            if isinstance(statement, ast.Assign) and item in statement.targets:
                return self._own(statement.value, frozenset())
            call = parent_of(statement) if isinstance(statement, ast.Attribute) else None
            if isinstance(statement, ast.Attribute) and statement.attr in _FILLING and isinstance(call, ast.Call):
                return True
        return False


def set_to_true(view: View, node: ast.AST, test: ast.expr) -> bool:
    """Whether an assertion is that an attribute is true (or false) which the statement before has set so.

    Only where each product class with that attribute does nothing but keep it.
    """
    wanted = True
    while isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, wanted = test.operand, not wanted
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Is | ast.Eq):
        right = test.comparators[0]
        if not isinstance(right, ast.Constant):
            return False
        test, wanted = test.left, bool(right.value) == wanted
    if not isinstance(test, ast.Attribute):
        return False
    statement = node if isinstance(node, ast.stmt) else parent_of(node)
    before = _statement_before(statement)
    while isinstance(before, ast.Assert) or _only_prints(before):
        before = _statement_before(before)
    if not (isinstance(before, ast.Assign) and isinstance(before.value, ast.Constant)):
        return False
    target = before.targets[0]
    same = ast.unparse(target) == ast.unparse(test) and bool(before.value.value) == wanted
    holders = [cls for cls in view.program.classes if cls.module.product and cls.has(test.attr)]
    return same and bool(holders) and all(_keeps_set(cls, test.attr) for cls in holders)


def _statement_before(statement: ast.AST | None) -> ast.stmt | None:
    block = getattr(parent_of(statement), "body", []) if statement is not None else []
    at = next((at for at, item in enumerate(block) if item is statement), 0) if isinstance(block, list) else 0
    return block[at - 1] if at else None


def _only_prints(statement: ast.stmt | None) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and last_name(
        statement.value.func) == "print"


def _keeps_set(cls: ClassInfo, attribute: str) -> bool:
    return (cls.closed and cls.method(attribute) is None and cls.method("__setattr__") is None
            and not any(isinstance(item.members.get(attribute), ast.Call) for item in cls.order))


def _keeps(cls: ClassInfo, attribute: str) -> bool:
    """Whether objects of a class hold in an attribute just what was put there: a dataclass, or a plain constructor."""
    if not cls.closed or cls.method(attribute) is not None or cls.method("__setattr__") is not None:
        return False
    if any(isinstance(item.members.get(attribute), ast.Call) for item in cls.order):
        return False
    after = cls.method("__post_init__")
    if after is not None and (attribute in cls.set_by_methods or "__setattr__" in ast.unparse(after.node)):
        return False
    init = cls.method("__init__")
    if init is None:
        return any(item.is_dataclass for item in cls.order)
    return not _changes(init.node, attribute)


def _changes(init: FunctionNode, attribute: str) -> bool:
    """Whether a constructor may do more with what it keeps in an attribute than to keep it."""
    stores = [item for item in every(init, ast.Attribute)
              if item.attr == attribute and not isinstance(item.ctx, ast.Load)]
    if len(stores) != 1:
        return True
    statement = parent_of(stores[0])
    value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
    if not isinstance(value, ast.Name) or statement not in init.body:
        return True
    uses = [item for item in every(init, ast.Name) if item.id == value.id]
    return any(not isinstance(item.ctx, ast.Load) for item in uses) or len(uses) != 1
