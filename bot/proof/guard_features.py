"""Fix guard: features, handlers and checks that are switched off or taken out."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from bot.audit.reading.definitions import last_name
from bot.domain.patch import GuardFinding
from bot.proof.guard_files import ChangedFile, within
from bot.proof.trees import FunctionNode

_WANTED = re.compile(
    r"(^|_)(enabled?|activ(e|ate|ated)|features?|verif(y|ied)|validat(e|es|ion)|checks?|checked|strict|require[ds]?|auth"
    r"\w*|secure|ssl|tls|safe|guard(ed)?|protect(ed)?|monitor\w*|alert\w*|audit\w*|limit(ed|er)?)(_|$)", re.IGNORECASE)
_UNWANTED = re.compile(r"(^|_)(disabled?|skip(ped|s)?|bypass|off|mute[ds]?|silen(t|ce[ds]?)|dry_run|no_\w+)(_|$)",
                       re.IGNORECASE)
_HARMLESS = {"check_same_thread"}
_SPARE = re.compile(
    r"debug|verbose|trace|dry_run|test|legacy|deprecated|experimental|insecure|lazy|cache|quiet|autocommit|buffer|echo",
    re.IGNORECASE)
"""What is often on by mistake."""
_LISTED = re.compile(
    r"(handler|middleware|route|plugin|hook|validator|check|filter|rule|processor|interceptor|listener|subscriber|task"
    r"|job|step|feature|permission|authenticator|guard)s?(_classes|_list)?$", re.IGNORECASE)
_REGISTERS = re.compile(r"^(add|register|include|install|mount|attach)_\w+|^(register|subscribe|mount|use)$")
_MEANING = re.compile(r"route|^(get|post|put|delete|patch|websocket|on|task|command|event)$|on_event|auth|login|require"
                      r"|permission|valid|check|limit|verif|listen|handler|subscri|hook|middleware", re.IGNORECASE)
_PLAIN_DECORATORS = {"staticmethod", "classmethod", "property", "cache", "lru_cache", "cached_property", "cached",
                     "wraps", "override", "final", "contextmanager", "asynccontextmanager", "dataclass", "overload",
                     "deprecated", "retry", "abstractmethod", "memoize", "total_ordering", "setter"}
_VERIFIES = re.compile(
    r"^_*(check|verify|validate|ensure|assert|require|authori[sz]e|authenticate)(_|$)", re.IGNORECASE)
_OFF = (False, None, 0, "off", "false", "no", "0")
_ON = (True, 1, "on", "true", "yes", "1")


def switched_off(file: ChangedFile) -> Iterator[GuardFinding]:
    """A default, a constant, a setting or an argument that goes from on to off."""
    old, new = _switches(file.before), _switches(file.after)
    pairs = [(key, was, now) for key, values in new.items() if len(values) == len(old.get(key, ()))
             for was, now in zip(old[key], values, strict=True)]
    for key, before, (value, node) in pairs:
        if type(before[0]) is type(value) and before[0] == value:
            continue
        name = key.rpartition(":")[2]
        gone = _among(before[0], _ON) and _among(value, _OFF)
        come = _among(before[0], _OFF) and _among(value, _ON)
        if not gone and not come:
            continue
        bad = name not in _HARMLESS and bool(
            (gone and _WANTED.search(name) and not _UNWANTED.search(name)) or (come and _UNWANTED.search(name)))
        yield file.finding(
            "feature-off" if bad else "default-changed", f"{name} was {before[0]!r} and is now {value!r}.", node,
            hard=bad,
        )


def sole_switch(files: Sequence[ChangedFile]) -> Iterator[GuardFinding]:
    """A patch that does nothing but switch something off that the code asks for, whatever its name."""
    gone = [one for file in files for one in switched_off(file) if one.rule == "default-changed"]
    if len(gone) != 1 or any(len(_changed_constants(file)) > 1 for file in files):
        return
    for file in files:
        for name, was, value, node in _changed_constants(file):
            asked = any(isinstance(item, ast.If | ast.IfExp | ast.While | ast.BoolOp) and _names(item, name)
                        for item in ast.walk(file.after))
            if _among(was, _ON) and _among(value, _OFF) and asked and not _SPARE.search(name):
                yield file.finding(
                    "feature-off", f"All that changes is that {name} is switched off, so what it stands for does not "
                    "run any more.", node, hard=True)


def _changed_constants(file: ChangedFile) -> list[tuple[str, object, object, ast.AST]]:
    """Each constant that differs where nothing else of a file does: name, before, after, node."""
    left = [node for node in ast.walk(file.before) if isinstance(node, ast.Constant)]
    right = [node for node in ast.walk(file.after) if isinstance(node, ast.Constant)]
    if len(left) != len(right) or len(list(ast.walk(file.before))) != len(list(ast.walk(file.after))):
        return []
    named = {id(value): key.rpartition(":")[2] for key, values in _switches(file.after).items() for _, value in values}
    return [(named[id(new)], old.value, new.value, new) for old, new in zip(left, right, strict=True)
            if (type(old.value), old.value) != (type(new.value), new.value) and id(new) in named]


def _names(node: ast.AST, name: str) -> bool:
    tests = node.values if isinstance(node, ast.BoolOp) else [getattr(node, "test", node)]
    return any(last_name(item) == name for test in tests for item in ast.walk(test)
               if isinstance(item, ast.Name | ast.Attribute))


def _among(value: object, some: tuple[object, ...]) -> bool:
    return any(type(value) is type(one) and (value.lower() if isinstance(value, str) else value) == one for one in some)


def _switches(tree: ast.Module) -> dict[str, list[tuple[object, ast.AST]]]:
    """Names that are given a constant, by where: defaults, module and class constants, arguments, keys of dicts."""
    found: dict[str, list[tuple[object, ast.AST]]] = {}
    stack: list[tuple[ast.AST, str, bool]] = [(tree, "", False)]
    while stack:
        node, where, local = stack.pop()
        inner = f"{where}.{node.name}" if isinstance(node, FunctionNode | ast.ClassDef) else where
        for kind, name, value in _named(node, local):
            if isinstance(value, ast.Constant) and name:
                key = f"{inner if isinstance(node, FunctionNode) else where}{kind}:{name}"
                found.setdefault(key, []).append((value.value, value))
        local = isinstance(node, FunctionNode) or (local and not isinstance(node, ast.ClassDef))
        stack.extend((child, inner, local) for child in reversed(list(ast.iter_child_nodes(node))))
    return found


def _named(node: ast.AST, local: bool) -> Iterator[tuple[str, str, ast.expr | None]]:
    """What a node gives to names: in which way, the name, and the value. A local variable is state, not a switch."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from (("()", name, value) for name, value in defaults_of(node.args))
        case ast.Assign(targets=[target]) if isinstance(target, ast.Attribute) or not local:
            yield "", last_name(target), node.value
        case ast.AnnAssign() if not local:
            yield "", last_name(node.target), node.value
        case ast.Call():
            yield from ((f".{last_name(node.func)}()", word.arg or "", word.value) for word in node.keywords)
        case ast.Dict():
            yield from (("{}", entry.value, item) for entry, item in zip(node.keys, node.values, strict=True)
                        if isinstance(entry, ast.Constant) and isinstance(entry.value, str))


def defaults_of(args: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    """The parameters that have a default, and it."""
    positional = [*args.posonlyargs, *args.args]
    for arg, value in zip(positional[len(positional) - len(args.defaults):], args.defaults, strict=True):
        yield arg.arg, value
    for arg, keyword in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        if keyword is not None:
            yield arg.arg, keyword


def taken_out(file: ChangedFile) -> Iterator[GuardFinding]:
    """Entries of lists of handlers, registrations and decorators that are gone."""
    old, new = _lists(file.before), _lists(file.after)
    for name, (entries, _) in old.items():
        if name in new:
            gone = [text for text in entries if text not in new[name][0]]
            if gone and set(new[name][0]) <= set(entries) and not _still_used(file, gone):
                yield file.finding(
                    "entry-removed", f"{name} lost {', '.join(f'`{text}`' for text in gone[:3])}.", new[name][1],
                    hard=True,
                )
    was, now = _registrations(file.before), _registrations(file.after)
    others = {ast.unparse(node.func) for key, node in now.items() if key not in was}
    for key, node in was.items():
        if key not in now and ast.unparse(node.func) not in others:
            named = [ast.unparse(arg) for arg in node.args if isinstance(arg, ast.Name | ast.Attribute)]
            yield file.removed(
                "registration-removed", f"`{ast.unparse(node)}` is gone.", node,
                hard=bool(named) and not any(_mentioned(file.after, text) for text in named),
            )
    for name, before, after in file.pairs:
        left = {last_name(item) for item in after.decorator_list}
        for decorator in before.decorator_list:
            if (called := last_name(decorator)) not in left | _PLAIN_DECORATORS:
                yield file.finding(
                    "decorator-removed", f"{name} has lost `@{ast.unparse(decorator)}`.", after,
                    hard=bool(_MEANING.search(called)),
                )
        yield from _unchecked(file, name, before, after)


def _unchecked(file: ChangedFile, name: str, before: FunctionNode, after: FunctionNode) -> Iterator[GuardFinding]:
    """Checks that were called as statements and are called no more."""
    still = {last_name(item.func) for item in within(after) if isinstance(item, ast.Call)}
    for item in within(before):
        value = item.value if isinstance(item, ast.Expr) else None
        value = value.value if isinstance(value, ast.Await) else value
        if isinstance(value, ast.Call) and _VERIFIES.match(called := last_name(value.func)) and called not in still:
            yield file.removed("check-removed", f"{name} no longer calls {called}.", item,
                               hard=not _called_anywhere(file.after, called))


def _called_anywhere(tree: ast.Module, name: str) -> bool:
    return any(isinstance(item, ast.Call) and last_name(item.func) == name for item in ast.walk(tree))


def _still_used(file: ChangedFile, texts: list[str]) -> bool:
    """Whether all that was taken out of a list is called or listed somewhere else now, where it was not before."""
    was, now = (Counter(ast.unparse(item) for item in ast.walk(tree)
                        if isinstance(item, ast.Name | ast.Attribute | ast.Constant | ast.Call))
                for tree in (file.before, file.after))
    return all(now[text] >= was[text] for text in texts)


def _mentioned(tree: ast.Module, text: str) -> bool:
    """Whether an expression is written anywhere in a module but for importing or defining it."""
    return any(isinstance(item, ast.Name | ast.Attribute) and ast.unparse(item) == text for item in ast.walk(tree))


def _lists(tree: ast.Module) -> dict[str, tuple[list[str], ast.AST]]:
    """Displays that are bound to a name for handlers and the like, or given as such, and what stands in them."""
    found: dict[str, tuple[list[str], ast.AST]] = {}
    for item in ast.walk(tree):
        pairs: list[tuple[str, ast.expr]] = []
        if isinstance(item, ast.Assign):
            pairs = [(last_name(target), item.value) for target in item.targets]
        elif isinstance(item, ast.AnnAssign) and item.value is not None:
            pairs = [(last_name(item.target), item.value)]
        elif isinstance(item, ast.keyword):
            pairs = [(item.arg or "", item.value)]
        for name, value in pairs:
            if _LISTED.search(name) and isinstance(value, ast.List | ast.Tuple | ast.Set | ast.Dict):
                parts = value.keys if isinstance(value, ast.Dict) else value.elts
                found[name] = [ast.unparse(part) for part in parts if part is not None], item
    return found


def _registrations(tree: ast.Module) -> dict[str, ast.Call]:
    return {ast.dump(item): item for item in ast.walk(tree)
            if isinstance(item, ast.Call) and _REGISTERS.match(last_name(item.func))}
