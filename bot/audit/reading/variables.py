"""Which variable a name in a file is: for each one, where it is bound and where it is read."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from bot.audit.reading.flat import children
from bot.audit.reading.program import ModuleInfo
from bot.audit.reading.source import FunctionNode

ScopeNode = FunctionNode | ast.Lambda | ast.ClassDef
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_TELLING = frozenset({
    *_SCOPES, ast.Name, ast.Nonlocal, ast.Global, ast.alias, ast.ExceptHandler, ast.MatchAs, ast.MatchStar,
    ast.AnnAssign,
})
"""All kinds of nodes that are not just looked into."""


@dataclass(eq=False)
class Variable:
    """One variable. `scope` is the function, lambda or class that it is local to, None for the module.

    `bindings` are what binds it: a name that is stored, a parameter, a definition, an import's alias or a handler.
    """

    name: str
    scope: ScopeNode | None
    bindings: list[ast.AST] = field(default_factory=list)
    uses: list[ast.Name] = field(default_factory=list)


@dataclass(eq=False)
class Variables:
    """All variables of a file. `of` gives that of a name which is read or stored."""

    known: dict[tuple[ScopeNode | None, str], Variable] = field(default_factory=dict)
    of: dict[ast.AST, Variable] = field(default_factory=dict)
    inside: dict[ast.AST, ScopeNode | None] = field(default_factory=dict)
    """The scope in which each scope stands, and that of each name."""

    def at(self, scope: ScopeNode | None, name: str) -> Variable | None:
        """The variable that a name means in a scope; None when the file binds no such name there."""
        found = self.known.get((scope, name))
        while found is None and scope is not None:
            scope = self.inside[scope]
            # A class's names are not seen from the functions in it.
            found = None if isinstance(scope, ast.ClassDef) else self.known.get((scope, name))
        return found


def variables(module: ModuleInfo) -> Variables:
    """The variables of a module, found once."""
    key = ("variables", module.source.path)
    if key not in module.program.memo:
        module.program.memo[key] = _Indexing().run(module.source.tree)
    known: Variables = module.program.memo[key]
    return known


class _Indexing:
    """One walk over a file."""

    def __init__(self) -> None:
        self.result = Variables()
        self.elsewhere: dict[tuple[ScopeNode | None, str], ScopeNode | None] = {}
        self.bound: list[tuple[ScopeNode | None, str, ast.AST]] = []
        self.read: list[tuple[ScopeNode | None, ast.Name]] = []

    def run(self, tree: ast.Module) -> Variables:
        waiting: list[tuple[ast.AST, ScopeNode | None]] = [(tree, None)]
        while waiting:
            node, scope = waiting.pop()
            waiting.extend(self._look(node, scope))
        for scope, name, node in self.bound:
            home = self._home(scope, name)
            variable = self.result.known.setdefault((home, name), Variable(name, home))
            variable.bindings.append(node)
            self.result.of[node] = variable
        for scope, used in self.read:
            if (found := self.result.at(scope, used.id)) is not None:
                found.uses.append(used)
                self.result.of[used] = found
        return self.result

    def _home(self, scope: ScopeNode | None, name: str) -> ScopeNode | None:
        """The scope whose variable a name stored in `scope` is: another one after `nonlocal` or `global`."""
        if (scope, name) not in self.elsewhere:
            return scope
        outer = self.elsewhere[scope, name]
        declared = {(where, what) for where, what, _ in self.bound if what == name}
        while outer is not None and ((outer, name) not in declared or (outer, name) in self.elsewhere):
            outer = self.result.inside[outer]
        return outer

    def _look(self, node: ast.AST, scope: ScopeNode | None) -> list[tuple[ast.AST, ScopeNode | None]]:
        if type(node) not in _TELLING:
            return [(item, scope) for item in children(node)]
        if isinstance(node, _SCOPES):
            return self._scope(node, scope)
        if isinstance(node, ast.Name):
            self.result.inside[node] = scope
            if isinstance(node.ctx, ast.Load):
                self.read.append((scope, node))
            else:
                self.bound.append((scope, node.id, node))
            return []
        if isinstance(node, ast.Nonlocal | ast.Global):
            outer = self.result.inside[scope] if isinstance(node, ast.Nonlocal) and scope is not None else None
            self.elsewhere.update(dict.fromkeys(((scope, name) for name in node.names), outer))
        elif isinstance(node, ast.alias):
            self.bound.append((scope, node.asname or node.name.split(".")[0], node))
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            self.bound.append((scope, node.name, node))
        elif isinstance(node, ast.AnnAssign):
            return [(item, scope) for item in (node.target, node.value) if item is not None]
        return [(item, scope) for item in children(node)]

    def _scope(self, node: ScopeNode, scope: ScopeNode | None) -> list[tuple[ast.AST, ScopeNode | None]]:
        self.result.inside[node] = scope
        if isinstance(node, ast.ClassDef):
            self.bound.append((scope, node.name, node))
            outside = [*node.bases, *(word.value for word in node.keywords), *node.decorator_list]
            return [*((item, scope) for item in outside), *((item, node) for item in node.body)]
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [item for item in (arguments.vararg, arguments.kwarg) if item]
        self.bound += [(node, item.arg, item) for item in every]
        self.result.inside.update(dict.fromkeys(every, node))
        defaults = [item for item in (*arguments.defaults, *arguments.kw_defaults) if item is not None]
        if isinstance(node, ast.Lambda):
            return [*((item, scope) for item in defaults), (node.body, node)]
        self.bound.append((scope, node.name, node))
        return [*((item, scope) for item in (*defaults, *node.decorator_list)), *((item, node) for item in node.body)]
