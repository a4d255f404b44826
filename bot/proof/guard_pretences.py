"""Fix guard: what looks like a cure and can be none, whatever it is put around: locks, caches, objects that say yes."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from bot.audit.reading.definitions import last_name
from bot.domain.patch import GuardFinding
from bot.proof.guard_files import ChangedFile, fresh, within
from bot.proof.trees import FunctionNode, fixed

_BUILTINS = {"builtins", "__builtins__"}
_LOCKS = {"Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition"}
_CACHES = {"lru_cache", "cache", "cached", "memoize", "memoized", "memoise"}
_CHANGING = {"append", "add", "pop", "popleft", "popitem", "extend", "insert", "remove", "discard"}


def lock_of_one_call(file: ChangedFile) -> Iterator[GuardFinding]:
    """A lock that is made where it is taken: nobody else can hold it, so it keeps nobody out."""
    for item in fresh(_own_locks(file.before), _own_locks(file.after)):
        yield file.finding(
            "lock-of-one-call", f"`{ast.unparse(item)}` is made anew by each call, so it keeps nobody out.", item,
            hard=True)


def _own_locks(tree: ast.Module) -> list[ast.AST]:
    found: list[ast.AST] = [
        part.context_expr for item in ast.walk(tree) if isinstance(item, ast.With | ast.AsyncWith)
        for part in item.items
        if isinstance(part.context_expr, ast.Call) and last_name(part.context_expr.func) in _LOCKS
        # A condition is made of the lock that keeps others out.
        and not part.context_expr.args]
    return found


def cached_effect(file: ChangedFile) -> Iterator[GuardFinding]:
    """A cache in front of a function that counts or takes: what it did at each call it now does once."""
    for name, old, new in file.pairs:
        was = {last_name(item) for item in old.decorator_list}
        added = next((item for item in new.decorator_list
                      if last_name(item) in _CACHES and last_name(item) not in was), None)
        effect = _steps_on(new) if added is not None else None
        if added is not None and effect is not None and _steps_on(old) is not None:
            yield file.finding(
                "cached-effect", f"{name} changes something at each call (`{ast.unparse(effect)}`); behind "
                f"`@{ast.unparse(added)}` it does so only once.", new, hard=True)


def _steps_on(node: FunctionNode) -> ast.AST | None:
    """What of a body makes each call differ from the one before: something outside of it is a step further then."""
    local = {item.id for item in within(node) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)}
    local -= {name for item in within(node) if isinstance(item, ast.Global | ast.Nonlocal) for name in item.names}
    for item in within(node):
        if isinstance(item, ast.Expr | ast.Assign) and isinstance(item.value, ast.Call) \
                and isinstance(item.value.func, ast.Attribute) and item.value.func.attr in _CHANGING \
                and _root(item.value.func.value) not in local:
            return item
        if not isinstance(item, ast.AugAssign | ast.Assign):
            continue
        for target in [item.target] if isinstance(item, ast.AugAssign) else item.targets:
            if _root(target) in local or isinstance(target, ast.Tuple | ast.List):
                continue
            root = _root(target)
            again = isinstance(item, ast.AugAssign) or any(
                isinstance(part, ast.Name) and part.id == root for part in ast.walk(item.value))
            if root and again and (isinstance(target, ast.Name) or not _only_reads(item, target)):
                return item
    return None


def _only_reads(item: ast.Assign | ast.AugAssign, target: ast.expr) -> bool:
    """Whether an assignment to a part of an object (`self.x = self.load()`) leaves the part itself unasked."""
    if isinstance(item, ast.AugAssign) or isinstance(target, ast.Subscript):
        return False
    return not any(isinstance(part, ast.Attribute) and isinstance(target, ast.Attribute) and part.attr == target.attr
                   for part in ast.walk(item.value))


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def answers_everything(file: ChangedFile) -> Iterator[GuardFinding]:
    """An object that has every attribute, so that whatever is asked of it works."""
    for name, node in file.new_functions.items():
        if node.name != "__getattr__" or name in file.old_functions or "." not in name:
            continue
        results = [item.value for item in within(node) if isinstance(item, ast.Return) and item.value is not None]
        own = node.args.args[0].arg if node.args.args else ""
        if results and not any(isinstance(item, ast.Raise) for item in within(node)) \
                and all(_is_empty(value, own) for value in results):
            yield file.finding(
                "answers-everything", f"{name.rpartition('.')[0]} answers to every name with the same: nothing that "
                "is missing is noticed.", node, hard=True)


def _is_empty(value: ast.expr, own: str) -> bool:
    if isinstance(value, ast.Lambda):
        return _is_empty(value.body, own)
    return fixed(value) or (isinstance(value, ast.Name) and value.id == own)


def builtin_replaced(file: ChangedFile) -> Iterator[GuardFinding]:
    """A built-in function that the product puts its own in place of, for everybody: for the tests, too."""
    for item in fresh(_replaced(file.before), _replaced(file.after)):
        yield file.finding(
            "builtin-replaced", f"`{ast.unparse(item)}` changes what a built-in name means to everybody.", item,
            hard=True)


def _replaced(tree: ast.Module) -> Iterator[ast.AST]:
    for item in ast.walk(tree):
        if isinstance(item, ast.Assign | ast.AugAssign):
            for target in item.targets if isinstance(item, ast.Assign) else [item.target]:
                if isinstance(target, ast.Attribute | ast.Subscript) and _root(target) in _BUILTINS \
                        and _is_builtin(target.slice if isinstance(target, ast.Subscript) else target):
                    yield item
        elif isinstance(item, ast.Call) and last_name(item.func) == "setattr" and item.args \
                and _root(item.args[0]) in _BUILTINS and len(item.args) > 1 and _is_builtin(item.args[1]):
            yield item


def _is_builtin(name: ast.expr) -> bool:
    """Whether a name is one that Python itself has, and no new one such as gettext's `_`."""
    said = name.value if isinstance(name, ast.Constant) else name.attr if isinstance(name, ast.Attribute) else None
    return said in vars(builtins)


def stale_answer(file: ChangedFile) -> Iterator[GuardFinding]:
    """An exception that is passed over without a word, and in its place the answer of an earlier call."""
    for name, old, new in file.pairs:
        kept = {one for item in within(new) if isinstance(item, ast.Global) for one in item.names}
        kept -= {one for item in within(old) if isinstance(item, ast.Global) for one in item.names}
        silent = any(isinstance(item, ast.ExceptHandler) and all(isinstance(part, ast.Pass) for part in item.body)
                     for item in within(new))
        given = [item for item in within(new) if isinstance(item, ast.Return)
                 and item.value is not None and _root(item.value) in kept]
        if silent and given:
            yield file.finding(
                "stale-answer", f"When it fails, {name} now says nothing and gives what an earlier call gave.",
                given[-1], hard=True)
