"""Where product code has a part in what a test asserts though it asserts no value of it: callbacks, operators."""

from __future__ import annotations

import ast
import re
from itertools import pairwise

from bot.audit.dataflow.flow import asserted
from bot.audit.reading.definitions import ClassInfo, last_name
from bot.audit.reading.flat import every, parent_of
from bot.audit.reading.references import Instance, is_product
from bot.audit.reading.source import FunctionNode
from bot.audit.rule import Context
from bot.audit.view import View

_REPLACES_PROCESS = {"execv", "execvp", "execl", "execlp", "execve", "execvpe", "spawnv", "spawnlp", "posix_spawn"}


_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_STANDS_IN = re.compile(r"mock|fake|stub|dummy|simulat|standalone|inline", re.IGNORECASE)
"""Names of what is there in place of the product, and is no tool."""
_NAMED = 0.6
"""The part of a tool's name that the name of its own test says at least."""


def steered(view: View) -> bool:
    """Whether the product decides what the assertions see: it calls what they count, or its operator is what raises."""
    return (
        _by_callback(view)
        or _by_operator(view)
        or _by_reference(view)
        or _by_process(view)
        or _ends_a_loop(view)
        or _by_object_in_use(view)
    )


def told_of_spec(view: View) -> bool:
    """Whether a test is about how the product looks to a mock that is made after it: `create_autospec(Cached)`."""
    made = [call for call in view.calls if last_name(call.func) == "create_autospec" and call.args]
    return "spec" in view.node.name and any(_is_products(view, call.args[0]) for call in made)


def shared_tool(context: Context, view: View, node: ast.AST | None) -> bool:
    """Whether a definition of the tests is a tool with which other tests of the file exercise the product."""
    name = getattr(node, "name", "")
    words = {word.lower() for word in _WORDS.findall(name)}
    told = {word.lower() for word in _WORDS.findall(view.node.name)}
    if node is None or _STANDS_IN.search(name) or len(words & told) < _NAMED * len(words):
        return False
    home = view.program.home_of(node)
    if home is not None and home is not view.module:
        return True  # it stands in a module of its own, for the tests that import it
    key = ("users of helpers", view.source.path)
    memo = view.program.memo
    if key not in memo:
        found: dict[ast.AST, list[str]] = {}
        for other in context.views:
            if other.source is view.source and _runs_product(other):
                nodes: list[ast.AST] = [item.node for item in other.reach.functions]
                nodes += [item.node for item in other.reach.classes]
                for used in nodes:
                    found.setdefault(used, []).append(other.case.id)
        memo[key] = found
    users: dict[ast.AST, list[str]] = memo[key]
    return any(test != view.case.id for test in users.get(node, ()))


def _runs_product(view: View) -> bool:
    return any(item.module.product for item in view.reach.functions) or any(
        _of_product(view, call.func) for call in view.calls
    )


def _is_products(view: View, node: ast.expr) -> bool:
    """Whether an expression is of the product, or of a class that the tests derive from or decorate with it."""
    found = view.bare_scope.resolve(node)
    if is_product(found):
        return True
    cls = found.cls if isinstance(found, Instance) else found
    if not isinstance(cls, ClassInfo):
        return False
    parts = [*cls.node.bases, *(item for member in cls.node.body if isinstance(member, FunctionNode)
                                for item in member.decorator_list)]
    return any(_may_be_products(view, item.func if isinstance(item, ast.Call) else item) for item in parts)


def _read(view: View) -> set[str]:
    """The local names and attributes of `self` that the test's own assertions read."""
    found: set[str] = set()
    for item in asserted(view):
        for operand in item.operands:
            found |= {name.id for name in every(operand, ast.Name)}
            found |= {f"self.{part.attr}" for part in every(operand, ast.Attribute)
                      if isinstance(part.value, ast.Name) and part.value.id == "self"}
    return found


def _writes(function: FunctionNode) -> set[str]:
    """The outer names and attributes of `self` that a function sets."""
    outer = {name for item in every(function, ast.Nonlocal) for name in item.names}
    outer |= {name for item in every(function, ast.Global) for name in item.names}
    found = {name.id for name in every(function, ast.Name) if isinstance(name.ctx, ast.Store)} & outer
    return found | {
        f"self.{part.attr}" for part in every(function, ast.Attribute)
        if isinstance(part.ctx, ast.Store) and isinstance(part.value, ast.Name) and part.value.id == "self"
    }


def _by_callback(view: View) -> bool:
    """Whether what is asserted is set by a function that only the product can have called."""
    wanted = _read(view)
    for call in view.calls:
        if not _of_product(view, call.func):
            continue
        for argument in (*call.args, *(word.value for word in call.keywords)):
            function = getattr(view.bare_scope.resolve(argument), "function", None)
            if (isinstance(argument, ast.Attribute) and function is not None and not function.module.product
                    and _writes(function.node) & wanted):
                return True
    for cls in view.every(ast.ClassDef):
        if any(_may_be_products(view, base) for base in cls.bases):
            family = {last_name(base) for base in cls.bases} | {cls.name}
            methods = [item for each in view.every(ast.ClassDef) if each.name in family
                       for item in each.body if isinstance(item, FunctionNode)]
            if any(_writes(method) & wanted for method in methods):
                return True
    return False


def _of_product(view: View, func: ast.expr) -> bool:
    """Whether what is called is the product's, or an object that is made by it."""
    if is_product(view.bare_scope.resolve(func)):
        return True
    return any(is_product(view.bare_scope.resolve(call.func)) for call in every(func, ast.Call))


def _by_operator(view: View) -> bool:
    """Whether an error is expected of `value |= other`, where the value is none that the test wrote down."""
    for block in view.withs:
        for change in (item for part in block.body for item in every(part, ast.AugAssign)):
            name = change.target
            if not isinstance(name, ast.Name):
                continue
            bound = [value for kind, value in view.bare_scope.bound(view.node).get(name.id, []) if kind == "value"]
            made = [value for value in bound if not isinstance(value, ast.AugAssign)]
            taken = any(item.arg == name.id for item in every(view.node.args, ast.arg))
            if taken or any(isinstance(value, ast.Call) for value in made):
                return True
    return False


def _by_reference(view: View) -> bool:
    """Whether what is asserted is if an object that the product was given is still alive."""
    names = {
        target.id
        for assign in view.every(ast.Assign)
        if isinstance(assign.value, ast.Call) and view.bare_scope.dotted(assign.value.func).startswith("weakref.")
        for target in assign.targets
        if isinstance(target, ast.Name)
    }
    return bool(names & _read(view)) and any(_may_be_products(view, call.func) for call in view.calls)


def _may_be_products(view: View, node: ast.expr) -> bool:
    """Whether something is the product's, also where the module it is from is not written in Python."""
    if _of_product(view, node):
        return True
    root = node
    while isinstance(root, ast.Attribute):
        root = root.value
    bound = view.module.bindings.get(root.id, []) if isinstance(root, ast.Name) else []
    tops = {module.name.partition(".")[0] for module in view.program.product_modules}
    return any(
        (getattr(parent_of(item), "module", None) or item.name).partition(".")[0] in tops
        for item in bound
        if isinstance(item, ast.alias)
    )


def _by_process(view: View) -> bool:
    """Whether the test becomes, or starts, a process that runs a module of the product: `execlp(..., "-m", "trio")`."""
    tops = {module.name.partition(".")[0] for module in view.program.product_modules}
    for call in view.calls:
        if last_name(call.func) in _REPLACES_PROCESS:
            words = [item.value for item in every(call, ast.Constant) if isinstance(item.value, str)]
            if any(one == "-m" and two.partition(".")[0] in tops for one, two in pairwise(words)):
                return True
    return False


def _ends_a_loop(view: View) -> bool:
    """Whether the test fails where no round of a loop, in which it runs the product, came to the wanted end."""
    for item in asserted(view):
        loop = parent_of(item.node)
        looped = loop.body if isinstance(loop, ast.For | ast.While | ast.AsyncFor) and item.node in loop.orelse else []
        if any(_may_be_products(view, call.func) for part in looped for call in every(part, ast.Call)):
            return True
    return False


def _by_object_in_use(view: View) -> bool:
    """Whether an attribute is asserted of an object that the product gives to a `with` block."""
    names = {
        item.optional_vars.id
        for block in view.withs
        for item in block.items
        if isinstance(item.optional_vars, ast.Name)
        and isinstance(item.context_expr, ast.Call)
        and _of_product(view, item.context_expr.func)
    }
    return any(
        isinstance(part.value, ast.Name) and part.value.id in names
        for item in asserted(view)
        for operand in item.operands
        for part in every(operand, ast.Attribute)
    )
