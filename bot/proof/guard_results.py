"""Fix guard: checks that now always pass, return early, or do nothing any more."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.domain.patch import GuardFinding
from bot.proof.guard_files import ChangedFile, constants_of, fresh, own_statements, within
from bot.proof.guard_known import Names, one_result, truth
from bot.proof.trees import FunctionNode, fixed, raises

_EXITS = {"__exit__", "__aexit__"}


def constant_result(file: ChangedFile) -> Iterator[GuardFinding]:
    """A function that decided and now always gives one answer, also as a lambda or a constant in its place."""
    for name, old, new in file.pairs:
        names = _names(file, new)
        was = _results(old)
        now = one_result(_results(new), names)
        varied = len({ast.dump(item) for item in was}) > 1 or one_result(was, _names(file, old)) is None
        if not (was and varied) or now is None:
            continue
        if new.name in _EXITS and isinstance(now, ast.Constant) and not now.value:
            continue  # it swallows nothing any more
        yield file.finding(
            "constant-result", f"{name} decided before and now always gives `{ast.unparse(now)}`.", new, hard=True
        )
    decided = {name for name, node in file.old_functions.items() if any(not fixed(item) for item in _results(node))}
    known = {ast.dump(node) for _, _, node in _bound(file.before)}
    for name, value, node in _bound(file.after):
        gives = value.body if isinstance(value, ast.Lambda) else value
        late = name not in file.new_functions or _is_late(file, name, node)
        if late and name in decided and fixed(gives) and ast.dump(node) not in known:
            yield file.finding(
                "constant-result", f"{name} decided before and is now `{ast.unparse(value)}`.", node, hard=True
            )


def _names(file: ChangedFile, node: FunctionNode) -> Names:
    """Constants of a function, and those that the patch brings into its module."""
    return {**file.new_constants, **constants_of(node)}


def _is_late(file: ChangedFile, name: str, node: ast.stmt) -> bool:
    """Whether a name is bound again after its function was defined."""
    return node.lineno > file.new_functions[name].lineno


def _bound(tree: ast.Module) -> Iterator[tuple[str, ast.expr, ast.stmt]]:
    """Names that the module and its classes bind to a value: `name`, `Class.name`."""
    for statement in tree.body:
        for prefix, item in ((("", statement),) if not isinstance(statement, ast.ClassDef) else
                             tuple((f"{statement.name}.", inner) for inner in statement.body)):
            if isinstance(item, ast.Assign):
                for target in item.targets:
                    if isinstance(target, ast.Name):
                        yield f"{prefix}{target.id}", item.value, item
                    elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                        yield f"{target.value.id}.{target.attr}", item.value, item


def _results(node: FunctionNode) -> list[ast.expr]:
    return [item.value or ast.Constant(None) for item in within(node) if isinstance(item, ast.Return)]


def emptied(file: ChangedFile) -> Iterator[GuardFinding]:
    """A function whose whole body went, and a branch that raised and now does nothing."""
    for name, old, new in file.pairs:
        if own_statements(old) and not own_statements(new):
            yield file.finding("emptied", f"{name} did something before and now does nothing.", new, hard=True)
            continue
        old_tests = {ast.dump(item.test) for item in within(old)
                     if isinstance(item, ast.If) and any(map(raises, item.body))}
        for item in within(new):
            if isinstance(item, ast.If) and all(map(_is_nothing, item.body)) and ast.dump(item.test) in old_tests:
                yield file.finding(
                    "emptied", f"{name} raised when `{ast.unparse(item.test)}` and now does nothing.", item, hard=True
                )


def _is_nothing(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def early_return(file: ChangedFile) -> Iterator[GuardFinding]:
    """A `return` before the rest of a body, and one that says yes because a collaborator is missing."""
    for name, old, new in file.pairs:
        early = _early(new, _names(file, new))
        if early is not None and _early(old, _names(file, old)) is None:
            yield file.finding(
                "early-return", f"{name} now returns before the rest of its body is reached.", early, hard=True
            )
        known = [item for item in within(old) if isinstance(item, ast.If)]
        for item in fresh(known, (item for item in within(new) if isinstance(item, ast.If))):
            if not isinstance(item, ast.If) or not isinstance(item.body[-1], ast.Return):
                continue
            missing = _missing(item.test, new)
            value = item.body[-1].value
            if not missing or (value is not None and not fixed(value)):
                continue
            if any(ast.dump(item.test) == ast.dump(before.test) and _same_return(item, before)
                   for before in known if isinstance(before, ast.If)):
                continue
            positive = value is not None and truth(value, {}) is True
            yield file.finding(
                "missing-collaborator",
                f"{name} now returns {'a good result' if positive else 'early'} when `{missing}` is missing.",
                item, hard=positive and len({ast.dump(result) for result in _results(new)}) > 1,
            )


def _same_return(new: ast.If, old: ast.If) -> bool:
    return ast.dump(new.body[-1]) == ast.dump(old.body[-1])


def _early(node: FunctionNode, names: Names) -> ast.stmt | None:
    for statement in node.body[:-1]:
        inner: ast.stmt = statement
        while isinstance(inner, ast.If | ast.With | ast.AsyncWith):
            if isinstance(inner, ast.If) and truth(inner.test, names) is not True:
                break
            inner = inner.body[-1]
        if isinstance(inner, ast.Return) and (inner is statement or isinstance(statement, ast.If)):
            return statement
    return None


def _missing(test: ast.expr, node: FunctionNode) -> str:
    """The collaborator, an attribute of `self` whose methods the function calls, that a test finds missing."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=subject):
            pass
        case ast.Compare(left=subject, ops=[ast.Is() | ast.Eq()], comparators=[ast.Constant(value=None)]):
            pass
        case ast.UnaryOp(op=ast.Not(), operand=ast.Call(func=ast.Name(id="hasattr"), args=[subject, *_])):
            pass
        case _:
            return ""
    if not (isinstance(subject, ast.Attribute) and isinstance(subject.value, ast.Name)
            and subject.value.id in {"self", "cls"}):
        return ""
    used = ast.dump(subject)
    asked = any(isinstance(item, ast.Attribute) and ast.dump(item.value) == used for item in within(node))
    return ast.unparse(subject) if asked else ""


def constant_condition(file: ChangedFile) -> Iterator[GuardFinding]:
    """A condition that cannot come out the other way, by a constant, a tautology, or a name that stands for one."""
    for name, old, new in file.pairs:
        for item in fresh(_forced(old, _names(file, old)), _forced(new, _names(file, new))):
            if isinstance(item, ast.expr):
                yield file.finding(
                    "constant-condition", f"{name} has a condition that decides nothing: `{ast.unparse(item)}`.",
                    item, hard=True,
                )


def _forced(node: FunctionNode, names: Names) -> list[ast.expr]:
    found: list[ast.expr] = []
    for item in ast.walk(node):
        if isinstance(item, ast.BoolOp):
            # `x or 0` is a default value; only what is true or false by itself decides a condition
            decides = isinstance(item.op, ast.Or)
            if any(_is_truth(part, names) is decides for part in item.values) or (
                    truth(item, names) is not None and not any(isinstance(part, ast.Constant) for part in item.values)):
                found.append(item)
        elif isinstance(item, ast.If | ast.IfExp | ast.Assert):
            if not isinstance(item.test, ast.BoolOp) and truth(item.test, names) is not None:
                found.append(item.test)
        elif isinstance(item, ast.While) and truth(item.test, names) is False:
            found.append(item.test)
        elif isinstance(item, ast.Return) and isinstance(item.value, ast.Compare | ast.Call | ast.UnaryOp) \
                and truth(item.value, names) is not None and not fixed(item.value):
            found.append(item.value)
    return found


def _is_truth(node: ast.expr, names: Names) -> bool | None:
    """What a part of a condition always says, where it is a constant True or False, by name or by comparison."""
    value = names.get(node.id, node) if isinstance(node, ast.Name) else node
    if isinstance(value, ast.Constant):
        return value.value if isinstance(value.value, bool) else None
    return truth(value, names) if isinstance(value, ast.Compare | ast.UnaryOp | ast.Call) else None


def raise_removed(file: ChangedFile) -> Iterator[GuardFinding]:
    """Fewer places that raise: a mistaken check may go, so this is only shown."""
    for name, old, new in file.pairs:
        if raises(new) < raises(old):
            yield file.finding(
                "raise-removed", f"{name} has {raises(old) - raises(new)} fewer places that raise.", new, hard=False
            )
