"""Conditions, matches and loops: where paths part, and where they come together again."""

from __future__ import annotations

import ast
from dataclasses import replace

from bot.audit.controlflow.straight import Straight, touched_by
from bot.audit.controlflow.ways import Out, Path, Turn, TurnKind, picture
from bot.audit.reading.flat import every, walk

Side = tuple[list[Path], Out, bool]
"""What one way of a branch gives: the paths that reach its end, those that leave it, and whether any entered."""


class Branches(Straight):
    """Goes through branches and loops."""

    def _if(self, node: ast.If, paths: list[Path], out: Out) -> list[Path]:
        paths = self.expressions(node.test, paths, out)
        taken, others = [], []
        for path in paths:
            decided = self.decide(node.test, path)
            if decided is not False:
                taken.append(path if decided else self.learn(path, node.test, True))
            if decided is not True:
                others.append(path if decided is False else self.learn(path, node.test, False))
        run = self.depends.on_run(node.test)
        sides = [self._side(node.body, taken), self._side(node.orelse, others)]
        return self._join(node, "if", run, sides, out)

    def _side(self, body: list[ast.stmt], paths: list[Path]) -> Side:
        out = Out()
        entered = bool(paths)
        ends = self.block(body, paths, out)
        return ends, out, entered

    def _join(self, node: ast.AST, kind: TurnKind, run: bool, sides: list[Side], out: Out) -> list[Path]:
        """Put two sides together: one path for both where they did the same."""
        pictures = [
            ({picture(path) for path in ends}, {(how, picture(path)) for how, path in left.left})
            for ends, left, _ in sides
        ]
        same = pictures[0] == pictures[1] and all(entered for *_, entered in sides)
        found: list[Path] = []
        seen: set[Path] = set()
        for at, (ends, left, _) in enumerate(sides):
            turn = Turn(node, kind, at == 0, run)
            if same:
                for path in ends:
                    if (known := picture(path)) not in seen:
                        seen.add(known)
                        found.append(replace(path, known=frozenset()))
                out.left += left.left if at == 0 else []
            else:
                found += [path.via(turn) for path in ends]
                out.left += [(how, path.via(turn)) for how, path in left.left]
            out.raised += [(path if same else path.via(turn), raised) for path, raised in left.raised]
        return found

    def _match(self, node: ast.Match, paths: list[Path], out: Out) -> list[Path]:
        paths = self.expressions(node.subject, paths, out)
        run = self.depends.on_run(node.subject)
        found: list[Path] = []
        open_end = True
        for case in node.cases:
            stored = {item.name for item in walk(case.pattern) if isinstance(item, ast.MatchAs | ast.MatchStar)}
            ends, left, _ = self._side(case.body, [path.without(filter(None, stored)) for path in paths])
            turn = Turn(case, "case", True, run, of=node)
            found += [path.via(turn) for path in ends]
            out.left += [(how, path.via(turn)) for how, path in left.left]
            out.raised += [(path.via(turn), raised) for path, raised in left.raised]
            open_end = open_end and not (isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None)
        return [*found, *((path.via(Turn(node, "case", False, run)) for path in paths) if open_end else ())]

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, paths: list[Path], out: Out) -> list[Path]:
        head = node.test if isinstance(node, ast.While) else node.iter
        paths = self.expressions(head, paths, out)
        stored = {
            item.id
            for part in ([*node.body, node.target] if not isinstance(node, ast.While) else node.body)
            for item in every(part, ast.Name)
            if not isinstance(item.ctx, ast.Load)
        }
        if isinstance(node, ast.While):
            # In a later round the objects that the body works on have changed.
            stored |= {name for part in node.body for call in every(part, ast.Call) for name in touched_by(call)}
        never, entering = [], []
        for path in paths:
            enters = self._enters(node, path)
            if enters is not False:
                entering.append(path.without(stored))
            if enters is not True:
                never.append(path)
        inner = Out()
        ends = self.block(node.body, entering, inner)
        kind: TurnKind = "while" if isinstance(node, ast.While) else "loop"
        run = self.depends.on_run(head)
        forever = isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and bool(node.test.value)
        through = [*ends, *(path for how, path in inner.left if how == "continue")]
        broke = [path for how, path in inner.left if how == "break"]
        turned = {picture(path) for path in never} != {picture(path) for path in (*through, *broke)}
        if turned and never:
            never = [path.via(Turn(node, kind, False, run)) for path in never]
            through = [path.via(Turn(node, kind, True, run)) for path in through]
            broke = [path.via(Turn(node, kind, True, run)) for path in broke]
            # A body that fails outright, as `for item in found: assert False`, wants nothing to go through.
            inner.raised = [
                (path.via(Turn(node, kind, True, run)) if raised.outright else path, raised)
                for path, raised in inner.raised
            ]
        exhausted = [*never, *through] if not forever else never
        exhausted = self.block(node.orelse, list(dict.fromkeys(exhausted)), out) if node.orelse else exhausted
        out.raised += inner.raised
        out.left += [(how, path) for how, path in inner.left if how in {"return", "skip"}]
        return [*exhausted, *broke]

    def _enters(self, node: ast.For | ast.AsyncFor | ast.While, path: Path) -> bool | None:
        if isinstance(node, ast.While):
            return self.decide(node.test, path)
        counted = self.depends.count(node.iter, dict(path.names))
        if counted is None and not self.depends.on_run(node.iter):
            return True  # a parameter or constant of the test's own: whoever wrote it sees that it is not empty
        return counted
