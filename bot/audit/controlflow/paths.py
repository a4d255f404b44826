"""The ways through a function: which end green, what each has asserted by then, and where they part.

A path is what one run may do. Loops are gone through never or once, a call in a `try` may raise anything that
a handler there catches, and a condition is taken both ways unless the text decides it. What is found is therefore
what the text allows, and every finding made of it must name the turn of the path that the run takes.
"""

from __future__ import annotations

import ast

from bot.audit.controlflow.catching import Catching
from bot.audit.controlflow.ways import MOST_STATES, Out, Path, Paths, Raised, TooMany, Turn
from bot.audit.reading.definitions import FunctionInfo
from bot.audit.reading.flat import every, own_nodes
from bot.audit.reading.program import Program
from bot.audit.reading.scope import Scope
from bot.audit.reading.source import FunctionNode
from bot.audit.view import View

__all__ = ["Path", "Paths", "Raised", "Turn", "paths_in", "paths_of"]


def paths_in(view: View) -> Paths:
    """The ways through a test."""
    return paths_of(view.program, FunctionInfo(view.module, view.node, view.cls))


def paths_of(program: Program, function: FunctionInfo) -> Paths:
    """The ways through a function, found once. A function that calls itself is taken as asserting nothing there."""
    key = ("paths", function.node)
    if key not in program.memo:
        program.memo[key] = Paths(complete=False)
        scope = Scope.of(program, function.module, (*function.outer, function.node), function.owner)
        program.memo[key] = Walk(program, scope, function.node).run()
    known: Paths = program.memo[key]
    return known


class Walk(Catching):
    """Goes through one function, all paths side by side."""

    def run(self) -> Paths:
        out = Out()
        try:
            ends = self.block(self.node.body, [Path()], out)
        except TooMany:
            ends, complete = [], False
        else:
            complete = True
        self.escaping.update(raised.cause for _, raised in out.raised if raised.kind in {"assertion", "fail"})
        self.escaping.update(raised.cause for _, raised in out.raised if raised.name == "AssertionError")
        self.dead += [raised for _, raised in out.raised if raised.outright]
        fatal = [path for path, raised in out.raised if raised.outright]
        green = dict.fromkeys([*ends, *(path for how, path in out.left if how == "return")])
        skipped = tuple(path for how, path in out.left if how == "skip")
        return Paths(
            self._decided(tuple(green), skipped, fatal),
            skipped,
            frozenset(self.escaping) if complete else frozenset(self._all_checks()),
            frozenset(self.fallible),
            frozenset(self.reached),
            frozenset(self.arranging),
            tuple(dict.fromkeys(self.dead)),
            complete,
        )

    def _decided(self, green: tuple[Path, ...], skipped: tuple[Path, ...], fatal: list[Path]) -> tuple[Path, ...]:
        """Green paths, where a turn whose other ways all end in a failure is an assertion that was passed."""
        if not fatal:
            return green
        alive = [turn for path in (*green, *skipped) for turn in path.turns]
        failed = [turn for path in fatal for turn in path.turns]
        found = []
        for path in green:
            passed = path
            for turn in path.turns:
                if any(map(turn.parts_from, failed)) and not any(map(turn.parts_from, alive)):
                    self.fallible.add(turn.of or turn.node)
                    passed = passed.after(turn.of or turn.node)
            found.append(passed)
        return tuple(found)

    def _all_checks(self) -> set[ast.AST]:
        own = [item for item in own_nodes(self.node) if isinstance(item, ast.Assert)]
        return {*own, *(item for item in every(self.node, ast.Call) if self.asserting.is_check(item))}

    # blocks and statements

    def block(self, body: list[ast.stmt], paths: list[Path], out: Out) -> list[Path]:
        for statement in body:
            if not paths:
                break
            self.reached.add(statement)
            paths = list(dict.fromkeys(self.statement(statement, paths, out)))
            if len(paths) > MOST_STATES:
                raise TooMany
        return paths

    def statement(self, node: ast.stmt, paths: list[Path], out: Out) -> list[Path]:
        if isinstance(node, ast.If):
            return self._if(node, paths, out)
        if isinstance(node, ast.For | ast.AsyncFor | ast.While):
            return self._loop(node, paths, out)
        if isinstance(node, ast.Try | ast.TryStar):
            return self._try(node, paths, out)
        if isinstance(node, ast.With | ast.AsyncWith):
            return self._with(node, 0, paths, out)
        if isinstance(node, ast.Match):
            return self._match(node, paths, out)
        if isinstance(node, FunctionNode):
            checks = self.asserting.decorated(node)
            return [path.after(node) for path in paths] if checks else paths
        if isinstance(node, ast.ClassDef):
            return [path.after(node) for path in paths] if self.asserting.class_used(node) else paths
        if isinstance(node, ast.Import | ast.ImportFrom):
            if self.guards:
                out.raised += [(path, Raised("call", node)) for path in paths]
            return paths
        return self.simple(node, paths, out)
