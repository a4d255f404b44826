"""Fix guard: public functions whose signature changed or that are gone, and the callers that were left behind."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from bot.audit.reading.definitions import last_name
from bot.domain.patch import GuardFinding
from bot.proof.guard_files import ChangedFile, shown
from bot.proof.trees import FunctionNode, functions

_WRAPPING = {"create_task", "ensure_future", "gather", "run", "wait_for", "shield", "run_until_complete", "wait",
             "run_coroutine_threadsafe", "start_soon", "partial", "run_in_executor", "to_thread"}


@dataclass(frozen=True, eq=False)
class _Module:
    """A file as it is after the patch: its text, its tree, the parent of each node."""

    path: str
    text: str
    tree: ast.Module

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def imports(self) -> dict[str, tuple[str, str]]:
        """What a name was imported as: the module's last part and the name in it."""
        return {alias.asname or alias.name: ((item.module or "").rpartition(".")[2], alias.name)
                for item in ast.walk(self.tree) if isinstance(item, ast.ImportFrom) for alias in item.names}

    @property
    def name(self) -> str:
        """The last part of its name as a module."""
        stem = self.path.removesuffix(".py").removesuffix("/__init__")
        return stem.rpartition("/")[2]


@dataclass(frozen=True)
class Program:
    """The product's files after the patch, so that callers are found in all of them."""

    files: tuple[_Module, ...]
    names: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, changed: Sequence[ChangedFile], others: Mapping[str, tuple[str, ast.Module]]) -> Program:
        """`others` are the files that the patch leaves alone, each with its text and tree."""
        files = (*(_Module(file.path, file.new, file.after) for file in changed),
                 *(_Module(path, text, tree) for path, (text, tree) in others.items()))
        names = Counter(name.rpartition(".")[2] for file in files for name in functions(file.tree))
        return cls(files, names)


def _given_out(file: ChangedFile) -> set[str]:
    """The names that a module takes from elsewhere after the patch, so that they are still in it."""
    return {alias.asname or alias.name for item in file.after.body if isinstance(item, ast.ImportFrom)
            for alias in item.names}


def signatures(file: ChangedFile, program: Program) -> Iterator[GuardFinding]:
    """Changed signatures and removed functions, softly; hard where a caller in the product does not fit any more."""
    old, new = file.old_functions, file.new_functions
    for name, node in old.items():
        private = any(part.startswith("_") and part != "__init__" for part in name.split("."))
        now = new.get(name)
        if now is None:
            if name in _given_out(file):
                continue
            left = list(_importers(file, name, program))
            yield from (_left(module, at, f"{name} of {file.path}, which is gone") for module, at in left)
            if not left and not private and "." not in name.removesuffix(".__init__"):
                yield file.removed("public-removed", f"The public function {name} is gone.", node, hard=False)
            elif not left and not private:
                yield file.removed("public-removed", f"The public method {name} is gone.", node, hard=False)
            continue
        if ast.dump(node.args) == ast.dump(now.args) and type(node) is type(now):
            continue
        if not private:
            how = "" if type(node) is type(now) else (
                "; it is now " + ("async" if isinstance(now, ast.AsyncFunctionDef) else "not async"))
            yield file.finding("signature-changed", f"The signature of {name} changed{how}.", now, hard=False)
        for module, call in _calls(file, name, program):
            if why := _misfit(module, call, name, node, now):
                yield _left(module, call, f"{name} {why}")
    yield from _classes(file, program)


def _left(module: _Module, node: ast.AST, what: str) -> GuardFinding:
    return GuardFinding(rule="callers-left-behind", hard=True, path=module.path, hunk=shown(module.text, node),
                        message=f"{module.path} still uses {what}.")


def _classes(file: ChangedFile, program: Program) -> Iterator[GuardFinding]:
    was, now = ({item.name for item in tree.body if isinstance(item, ast.ClassDef)}
                for tree in (file.before, file.after))
    bound = {item.id for item in ast.walk(file.after) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)}
    imported = {alias.asname or alias.name for item in ast.walk(file.after)
                if isinstance(item, ast.Import | ast.ImportFrom) for alias in item.names}
    for name in sorted(was - now - bound - imported):
        for module, at in _importers(file, name, program):
            yield _left(module, at, f"{name} of {file.path}, which is gone")


def _importers(file: ChangedFile, name: str, program: Program) -> Iterator[tuple[_Module, ast.AST]]:
    """Where a name of a file is imported or used as an attribute of the module; a method's: where it is called."""
    if "." in name:
        method = name.rpartition(".")[2]
        if not program.names[method] and not _bound_in(file.after, method):
            yield from ((module, call) for module, call in _calls(file, name, program))
        return
    if _bound_in(file.after, name):
        return
    stem = _Module(file.path, "", file.after).name
    for module in program.files:
        for item in ast.walk(module.tree):
            match item:
                case ast.Call(func=ast.Name(id=called)):
                    used = module.path == file.path and called == name
                case ast.ImportFrom():
                    used = module.path != file.path and (item.module or "").rpartition(".")[2] == stem \
                        and any(alias.name == name for alias in item.names)
                case ast.Attribute(value=ast.Name(id=of), attr=attribute):
                    used = module.path != file.path and (of, attribute) == (stem, name)
                case _:
                    used = False
            if used:
                yield module, item


def _bound_in(tree: ast.Module, name: str) -> bool:
    """Whether a module still has a name by another way: an assignment, an import, an attribute that is set."""
    return any(
        (isinstance(item, ast.Name) and item.id == name and isinstance(item.ctx, ast.Store))
        or (isinstance(item, ast.Attribute) and item.attr == name and isinstance(item.ctx, ast.Store))
        or (isinstance(item, ast.alias) and name in {item.asname or item.name, "*"})
        or (isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) and item.name in {name, "__getattr__"})
        or (isinstance(item, ast.ClassDef) and item.name == name)
        for item in ast.walk(tree)
    )


def _calls(file: ChangedFile, name: str, program: Program) -> Iterator[tuple[_Module, ast.Call]]:
    """The calls of a function that can be told: by name where it is imported, of a method by a name of its own."""
    owner, _, last = name.rpartition(".")
    stem = _Module(file.path, "", file.after).name
    for module in program.files:
        own = module.path == file.path
        for item in ast.walk(module.tree):
            if not isinstance(item, ast.Call):
                continue
            func = item.func
            wanted = owner if last == "__init__" else last
            if isinstance(func, ast.Name) and (not owner or last == "__init__"):
                if (own and func.id == wanted) or module.imports.get(func.id) == (stem, wanted):
                    yield module, item
            elif isinstance(func, ast.Attribute) and func.attr == wanted:
                if not owner or last == "__init__":
                    if isinstance(func.value, ast.Name) and func.value.id == stem:
                        yield module, item
                elif program.names[last] <= 1 or (own and last_name(func.value) in {"self", "cls"}
                                                  and _within_class(module, item, owner)):
                    yield module, item


def _within_class(module: _Module, node: ast.AST, owner: str) -> bool:
    at: ast.AST | None = node
    while at is not None:
        if isinstance(at, ast.ClassDef):
            return at.name == owner.rpartition(".")[2]
        at = module.parents.get(at)
    return False


def _misfit(module: _Module, call: ast.Call, name: str, old: FunctionNode, new: FunctionNode) -> str:
    """Why a call does not fit the new signature though it fitted the old one; empty when it does."""
    method = "." in name and not any(last_name(item) == "staticmethod" for item in new.decorator_list)
    if _fits(call, new.args, method) is False and _fits(call, old.args, method) is not False:
        return "with arguments that it does not take any more"
    was, now = isinstance(old, ast.AsyncFunctionDef), isinstance(new, ast.AsyncFunctionDef)
    if was == now:
        return ""
    parent = module.parents.get(call)
    awaited = isinstance(parent, ast.Await)
    if not now:
        return "with `await`, and it is not async any more" if awaited else ""
    given = isinstance(parent, ast.Return | ast.Lambda | ast.Starred | ast.List | ast.Tuple | ast.comprehension
                       | ast.GeneratorExp | ast.ListComp | ast.AsyncFor | ast.withitem) or (
        isinstance(parent, ast.Call) and last_name(parent.func) in _WRAPPING)
    named = isinstance(parent, ast.Assign) and any(
        isinstance(item, ast.Await) and last_name(item.value) == last_name(parent.targets[0])
        for item in ast.walk(module.tree))
    generator = any(isinstance(item, ast.Yield) for item in ast.walk(new))
    return "" if awaited or given or named or generator else "without `await`, and it is async now"


def _fits(call: ast.Call, args: ast.arguments, method: bool) -> bool | None:
    """Whether a call can be bound; None where stars hide that."""
    if any(isinstance(arg, ast.Starred) for arg in call.args) or any(word.arg is None for word in call.keywords):
        return None
    positional = [*args.posonlyargs, *args.args][1 if method else 0:]
    keywords = {word.arg for word in call.keywords}
    if len(call.args) > len(positional) and args.vararg is None:
        return False
    plain = {arg.arg for arg in args.posonlyargs}
    known = {arg.arg for arg in positional if arg.arg not in plain} | {arg.arg for arg in args.kwonlyargs}
    if keywords - known and args.kwarg is None:
        return False
    taken = {arg.arg for arg in positional[: len(call.args)]}
    needed = {arg.arg for arg in positional[: len(positional) - len(args.defaults)]} | {
        arg.arg for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True) if default is None}
    return not (taken & keywords) and needed <= taken | keywords
