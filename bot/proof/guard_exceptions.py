"""Fix guard: exceptions that nobody hears of any more."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from bot.audit.reading.definitions import last_name
from bot.domain.patch import GuardFinding
from bot.proof.guard_files import ChangedFile, fresh, within
from bot.proof.trees import (
    FunctionNode,
    fixed,
    is_log,
    is_sleep,
    log_level,
)

_EVERYTHING = {"Exception", "BaseException", "ExceptionGroup", "BaseExceptionGroup"}
_VERDICTS = {"AssertionError"}
_OWN = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.For, ast.While, ast.AsyncFor)
_REPORTED = {"error", "exception", "critical", "fatal"}
MANY_TYPES = 5
"""A handler of so many types is as good as one of all."""
MANY_FAMILIES = 4
"""So is one of so many kinds that have nothing to do with each other, when outages are among them."""
_FAMILIES = {
    **dict.fromkeys(("UnicodeError", "UnicodeDecodeError", "UnicodeEncodeError", "JSONDecodeError"), "ValueError"),
    **dict.fromkeys(("KeyError", "IndexError"), "LookupError"),
    **dict.fromkeys(("IOError", "EnvironmentError", "ConnectionError", "ConnectionResetError", "TimeoutError",
                     "FileNotFoundError", "PermissionError", "BrokenPipeError", "InterruptedError"), "OSError"),
    **dict.fromkeys(("ZeroDivisionError", "OverflowError", "FloatingPointError"), "ArithmeticError"),
    **dict.fromkeys(("RecursionError", "NotImplementedError"), "RuntimeError"),
    "UnboundLocalError": "NameError", "ModuleNotFoundError": "ImportError",
}

Aliases = Mapping[str, ast.expr]


def swallowed(file: ChangedFile) -> Iterator[GuardFinding]:
    """New handlers that drop what they caught, `suppress`, `finally: return`, and `__exit__` that says yes."""
    old = _handlers(file.before)
    for item in fresh(old, _handlers(file.after)):
        if isinstance(item, ast.ExceptHandler):
            yield from _handler(file, item)
    for item in fresh(_suppressed(file.before), _suppressed(file.after)):
        if isinstance(item, ast.Call):
            names = [name for arg in item.args for name in _types(arg, _aliases(file.after))]
            yield _dropped(file, item, names)
    for item in fresh(_final_exits(file.before), _final_exits(file.after)):
        yield file.finding(
            "swallowed-exception", "Leaving a `finally` block drops the exception on its way.", item, hard=True
        )
    for name, node in file.new_functions.items():
        if node.name in {"__exit__", "__aexit__"}:
            before = file.old_functions.get(name)
            says_yes = [item for item in within(node) if isinstance(item, ast.Return) and _is_true(item.value)]
            for item in fresh(within(before) if before is not None else (), says_yes):
                yield file.finding(
                    "swallowed-exception", f"{name} returns True, which drops every exception.", item, hard=True
                )


def _is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _handlers(tree: ast.AST) -> list[ast.ExceptHandler]:
    """The handlers that do not raise again."""
    return [item for item in ast.walk(tree) if isinstance(item, ast.ExceptHandler)
            and not any(isinstance(inner, ast.Raise) for inner in ast.walk(item))]


def _handler(file: ChangedFile, item: ast.ExceptHandler) -> Iterator[GuardFinding]:
    names = ["BaseException"] if item.type is None else _types(item.type, _aliases(file.after))
    silent = all(_says_nothing(part, item.name or "") for part in item.body)
    if silent and not (_is_everything(names) and _reported_in_loop(file, item)):
        yield _dropped(file, item, names)
    elif _is_everything(names):
        yield file.finding("broad-except", "A new handler catches every exception.", item, hard=False)


def _dropped(file: ChangedFile, item: ast.AST, names: list[str]) -> GuardFinding:
    if _is_everything(names):
        return file.finding("swallowed-exception", "A new handler catches every exception and drops it.", item,
                            hard=True)
    if set(names) & _VERDICTS:
        return file.finding("swallowed-exception", "A new handler drops failed assertions.", item, hard=True)
    return file.finding("exception-dropped", f"A new handler drops {', '.join(names) or 'an exception'}.", item,
                        hard=False)


def _is_everything(names: list[str]) -> bool:
    families = {_FAMILIES.get(name, name) for name in names}
    return bool(set(names) & _EVERYTHING) or len(set(names)) >= MANY_TYPES or (
        len(families) >= MANY_FAMILIES and "OSError" in families)


def _aliases(tree: ast.Module) -> dict[str, ast.expr]:
    """What plain names stand for, anywhere in a module: `ERRORS = (Exception,)`, `from builtins import X as Y`."""
    found: dict[str, ast.expr] = {}
    for item in ast.walk(tree):
        if isinstance(item, ast.Assign):
            found.update({target.id: item.value for target in item.targets if isinstance(target, ast.Name)})
        elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and item.value is not None:
            found[item.target.id] = item.value
        elif isinstance(item, ast.ImportFrom) and item.module == "builtins":
            found.update({alias.asname: ast.Name(alias.name) for alias in item.names if alias.asname})
    return found


def _types(node: ast.expr, aliases: Aliases, depth: int = 0) -> list[str]:
    """The names of the types that an `except` clause or a call of `suppress` catches."""
    if isinstance(node, ast.Starred):
        return _types(node.value, aliases, depth)
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return [name for part in node.elts for name in _types(part, aliases, depth)]
    if isinstance(node, ast.BinOp):
        return [*_types(node.left, aliases, depth), *_types(node.right, aliases, depth)]
    if isinstance(node, ast.Call):
        return [name for part in node.args for name in _types(part, aliases, depth)]
    if isinstance(node, ast.Name) and node.id in aliases and depth < 5:
        return _types(aliases[node.id], aliases, depth + 1)
    return [last_name(node)]


def _says_nothing(node: ast.stmt, caught: str = "") -> bool:
    """Whether a statement of a handler tells nobody that there was an exception. A line in the log is nobody.

    `caught` is the name of the exception, empty where it has none.
    """
    if isinstance(node, ast.Pass | ast.Continue | ast.Break):
        return True
    if isinstance(node, ast.Return):
        return node.value is None or _is_made_up(node.value, caught)
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return node.value is not None and fixed(node.value)
    if isinstance(node, ast.If):
        return all(_says_nothing(part, caught) for part in (*node.body, *node.orelse))
    if not isinstance(node, ast.Expr):
        return False
    value = node.value
    named = isinstance(value, ast.Call) and last_name(value.func) in {"print_exc", "format_exc", "warn", "sleep"}
    return isinstance(value, ast.Constant) or is_log(value) or named or is_sleep(node)


def _is_made_up(value: ast.expr, caught: str) -> bool:
    """Whether an answer is a constant, or constants beside what was there before: nothing is worked out for it."""
    if fixed(value):
        return True
    if isinstance(value, ast.Tuple | ast.List):
        return any(map(fixed, value.elts)) and all(
            fixed(part) or (isinstance(part, ast.Name) and part.id != caught) for part in value.elts)
    return False


def _reported_in_loop(file: ChangedFile, handler: ast.ExceptHandler) -> bool:
    """Whether a worker's loop reports the failure of one job as an error and goes on with the next."""
    if not any(log_level(item.value) in _REPORTED for item in handler.body if isinstance(item, ast.Expr)):
        return False
    if any(isinstance(item, ast.Return | ast.Assign | ast.Break) for item in ast.walk(handler)):
        return False
    return any(
        isinstance(loop, ast.While | ast.For | ast.AsyncFor) and _is_directly_in(handler, loop)
        for loop in ast.walk(file.after)
    )


def _is_directly_in(handler: ast.ExceptHandler, loop: ast.While | ast.For | ast.AsyncFor) -> bool:
    """Whether a handler's `try` stands in a loop with nothing but blocks in between."""
    return any(item is handler for statement in loop.body
               if not isinstance(statement, FunctionNode | ast.ClassDef) for item in ast.walk(statement))


def _suppressed(tree: ast.AST) -> list[ast.AST]:
    return [item for item in ast.walk(tree) if isinstance(item, ast.Call) and last_name(item.func) == "suppress"]


def _final_exits(tree: ast.AST) -> list[ast.AST]:
    """`return` in a `finally` block, and `break` or `continue` of a loop around it."""
    found: list[ast.AST] = []
    for item in ast.walk(tree):
        if isinstance(item, ast.Try | ast.TryStar):
            stack: list[ast.AST] = list(item.finalbody)
            while stack:
                inner = stack.pop()
                if isinstance(inner, ast.Return | ast.Break | ast.Continue):
                    found.append(inner)
                elif not isinstance(inner, _OWN):
                    stack.extend(ast.iter_child_nodes(inner))
    return found


def unlooked(file: ChangedFile) -> Iterator[GuardFinding]:
    """Results that hold exceptions and that nobody looks at: `gather(…, return_exceptions=True)`, tasks left alone."""
    for name, node in file.new_functions.items():
        before = file.old_functions.get(name)
        for item in fresh(_ignored(before) if before is not None else (), _ignored(node)):
            yield file.finding(
                "swallowed-exception", f"{name} gathers exceptions as results and looks at none of them.", item,
                hard=True,
            )
        for item in fresh(_left_alone(before) if before is not None else (), _left_alone(node)):
            if before is not None:
                yield file.finding(
                    "left-alone", f"{name} starts a task that nobody waits for: its exception is lost.", item,
                    hard=False,
                )
    for item in fresh(_hooks(file.before), _hooks(file.after)):
        yield file.finding("hook-replaced", "What happens to exceptions that nobody caught is changed.", item,
                           hard=True)


def _ignored(node: FunctionNode) -> list[ast.AST]:
    loads = {item.id for item in within(node) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Load)}
    found: list[ast.AST] = []
    for item in within(node):
        targets: list[ast.expr] = []
        if isinstance(item, ast.Assign):
            targets, value = item.targets, item.value
        elif isinstance(item, ast.Expr):
            value = item.value
        else:
            continue
        value = value.value if isinstance(value, ast.Await) else value
        named = {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
        if isinstance(value, ast.Call) and last_name(value.func) == "gather" and not named & loads \
                and any(word.arg == "return_exceptions" and _is_true(word.value) for word in value.keywords):
            found.append(value)
    return found


def _left_alone(node: FunctionNode) -> list[ast.AST]:
    return [item.value for item in within(node) if isinstance(item, ast.Expr) and isinstance(item.value, ast.Call)
            and last_name(item.value.func) in {"create_task", "ensure_future", "run_coroutine_threadsafe"}
            and not (isinstance(item.value.func, ast.Attribute) and last_name(item.value.func.value)
                     in {"tg", "group", "task_group", "nursery", "tasks"})]


def _hooks(tree: ast.AST) -> list[ast.AST]:
    found: list[ast.AST] = []
    for item in ast.walk(tree):
        hook = isinstance(item, ast.Assign) and any(
            last_name(target) in {"excepthook", "unraisablehook"} for target in item.targets)
        handler = isinstance(item, ast.Call) and last_name(item.func) == "set_exception_handler" and bool(item.args) \
            and isinstance(item.args[0], ast.Lambda)
        if hook or handler:
            found.append(item)
    return found
