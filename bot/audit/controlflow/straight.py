"""Statements without branches: what their expressions assert, raise and set, on all paths side by side."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import Literal

from bot.audit.controlflow.asserting import Asserting, is_claim, predicate
from bot.audit.controlflow.conditions import Dependence
from bot.audit.controlflow.ways import Out, Path, Raised
from bot.audit.reading.constants import constant, truth
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every, own_nodes, parent_of
from bot.audit.reading.program import Program
from bot.audit.reading.scope import Scope
from bot.audit.reading.source import FunctionNode

_HARMLESS = {"print", "len", "str", "repr", "int", "float", "bool", "isinstance", "type", "list", "dict", "set"}
_HARMLESS |= {"tuple", "time", "sleep", "debug", "info", "warning", "error", "exception", "critical", "append", "add"}
_HARMLESS |= {"monotonic", "perf_counter", "range", "enumerate", "zip", "format", "join"}


@dataclass(frozen=True, eq=False)
class Facts:
    """What the expressions of a statement do."""

    checks: tuple[ast.Call, ...]
    risky: ast.AST | None
    fails: tuple[tuple[ast.Call, str], ...]
    skips: bool
    claims: tuple[ast.AST, ...]
    touched: frozenset[str]
    exits: ast.Call | None = None


class Straight:
    """Goes through the simple statements of one function. `guards` is how many handlers or the like are around."""

    def __init__(self, program: Program, scope: Scope, node: FunctionNode) -> None:
        self.node = node
        self.asserting = Asserting(program, scope, node)
        self.depends = Dependence(scope, node)
        self.guards = 0
        self.asks = any(True for _ in every(node, ast.If, ast.While))
        self.escaping: set[ast.AST] = set()
        self.fallible: set[ast.AST] = set()
        self.reached: set[ast.AST] = set()
        self.arranging: set[ast.AST] = set()
        self.dead: list[Raised] = []
        self.captured = frozenset(
            name.id
            for kind in (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
            for inner in every(node, kind)
            if inner is not node
            for name in every(inner, ast.Name)
        )

    def block(self, body: list[ast.stmt], paths: list[Path], out: Out) -> list[Path]:
        """Go through statements; gives the paths that reach the end, and adds those that leave to `out`."""
        raise NotImplementedError

    def simple(self, node: ast.stmt, paths: list[Path], out: Out) -> list[Path]:
        """Go through a statement that holds no others."""
        if isinstance(node, ast.Break | ast.Continue):
            out.left += [("break" if isinstance(node, ast.Break) else "continue", path) for path in paths]
            return []
        failing = isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and self.asserting.fails(node.exc)
        if failing or not isinstance(node, ast.Raise):  # `raise pytest.fail(...)` does what the call alone does
            paths = self.expressions(node, paths, out)
        if isinstance(node, ast.Assert):
            return self.asserted(node, node.test, paths, out)
        if isinstance(node, ast.Return):
            out.left += [("return", path) for path in paths]
            return []
        if isinstance(node, ast.Raise):
            name = last_name(node.exc) if node.exc is not None else ""
            if name == "SkipTest":
                out.left += [("skip", path) for path in paths]
                return []
            # A handler that only raises again is no assertion: it is as if it were not there.
            again = node.exc is None and isinstance(parent_of(node), ast.ExceptHandler)
            out.raised += [(path, Raised("explicit", node, name, outright=not again)) for path in paths]
            return []
        return self._stored(node, paths)

    def _stored(self, node: ast.stmt, paths: list[Path]) -> list[Path]:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        stored = {item.id for item in every(node, ast.Name) if not isinstance(item.ctx, ast.Load)}
        stored |= {
            item.value.id
            for item in every(node, ast.Subscript)
            if not isinstance(item.ctx, ast.Load) and isinstance(item.value, ast.Name)
        }
        # What is put elsewhere, as `out.write = lines.append`, may be filled from there.
        kept = set() if value is None else _handed_on(value, [item for item in targets if item is not None])
        if not (stored or kept):
            return paths
        one = targets[0] if len(targets) == 1 else None
        pairs: list[tuple[str, ast.expr]] = []
        if value is not None:
            for target in targets:
                if isinstance(target, ast.Name):
                    pairs.append((target.id, value))
                elif (
                    target is one
                    and isinstance(target, ast.Tuple)
                    and isinstance(value, ast.Tuple)
                    and len(target.elts) == len(value.elts)
                ):
                    pairs += [
                        (a.id, b) for a, b in zip(target.elts, value.elts, strict=True) if isinstance(a, ast.Name)
                    ]
        found = []
        for old in paths:
            before = dict(old.names)
            path = old.without(stored | {name for name in kept if name in before and before[name].value == ()})
            for name, given in pairs:
                known = constant(given, before)
                if known is None or name in self.captured or (known.value == () and not _makes_new(given)):
                    continue
                path = replace(path, names=path.names | {(name, known)})
            found.append(path)
        return found

    # expressions

    def _facts(self, node: ast.AST) -> Facts:
        nodes = [*([node] if isinstance(node, ast.expr) else []), *own_nodes(node)]
        calls = [item for item in nodes if isinstance(item, ast.Call)]
        checks, fails, touched, skips = [], [], set(), False
        risky: ast.AST | None = None
        for call in calls:
            if how := self.asserting.fails(call):
                fails.append((call, how))
                continue
            if self.asserting.skips(call):
                skips = True
                continue
            if self.asserting.is_check(call) or self.asserting.handed(call):
                checks.append(call)
            if last_name(call.func) not in _HARMLESS:
                risky = risky or call
            if predicate(call) is None:
                touched.update(touched_by(call))
        if risky is None:
            kinds = (ast.Await, ast.Subscript, ast.YieldFrom, ast.BinOp, *(() if calls else (ast.Attribute,)))
            risky = next((item for item in nodes if isinstance(item, kinds)), None)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Name):
                risky = node.value  # a name that stands alone is there for its NameError
        return Facts(
            tuple(checks),
            risky,
            tuple(fails),
            skips,
            tuple(item for item in calls if is_claim(item)),
            frozenset(touched),
            next((item for item in calls if item is node_value(node) and self._exits(item)), None),
        )

    def _exits(self, call: ast.Call) -> bool:
        """Whether a call ends the process, as that of a child that a test forked."""
        return self.depends.scope.dotted(call.func) in {"os._exit", "sys.exit", "builtins.exit"}

    def expressions(self, node: ast.AST, paths: list[Path], out: Out) -> list[Path]:
        """Go through the expressions of a statement: what they assert, raise, print and may change."""
        facts = self._facts(node)
        if facts.touched:
            paths = [path.without(facts.touched) for path in paths]
        if facts.risky is not None or not isinstance(node, ast.expr | ast.Assert):
            paths = [path.later for path in paths]
        if facts.risky is not None and self.guards:
            out.raised += [(path, Raised("call", facts.risky)) for path in paths]
        for check in facts.checks:
            test = predicate(check)
            if test is not None:
                paths = self.asserted(check, test, paths, out)
                continue
            self.fallible.add(check)
            if self.asserting.is_arrangement(check):
                self.arranging.add(check)
            self.may_raise(paths, Raised("assertion", check), out)
            paths = [path.after(check) for path in paths]
        if facts.claims:
            paths = [replace(path, claims=(*path.claims, *facts.claims)) for path in paths]
        if facts.fails:
            call, how = facts.fails[0]
            kind: Literal["assertion", "fail"] = "assertion" if how == "assertion" else "fail"
            out.raised += [(path, Raised(kind, call, outright=True)) for path in paths]
            return []
        if facts.exits is not None:
            out.raised += [(path, Raised("explicit", facts.exits, "SystemExit", outright=True)) for path in paths]
            return []
        if facts.skips:
            out.left += [("skip", path) for path in paths]
            return []
        return paths

    def may_raise(self, paths: list[Path], raised: Raised, out: Out) -> None:
        """Note that something may be raised on some paths: it is caught, or ends the test."""
        if self.guards:
            out.raised += [(path, raised) for path in paths]
        elif paths:
            self.escaping.add(raised.cause)

    def asserted(self, node: ast.AST, test: ast.expr, paths: list[Path], out: Out) -> list[Path]:
        """Go past an assertion, on each path as far as that decides it."""
        found = []
        for path in paths:
            decided = self.decide(test, path)
            if decided is False:
                self.fallible.add(node)
                out.raised.append((path, Raised("assertion", node, outright=True)))
                continue
            if decided is None:
                self.fallible.add(node)
                self.may_raise([path], Raised("assertion", node), out)
                found.append(self.learn(path.after(node), test, True))
            else:
                found.append(path.settling(node))
        return found

    def decide(self, test: ast.expr, path: Path) -> bool | None:
        """Whether a condition holds on a path; None when that is not known."""
        known = truth(test, dict(path.names))
        if known is not None:
            return bool(known.value)
        if path.known:
            key, positive = condition_key(test)
            for one, holds in path.known:
                if one == key:
                    return holds is positive
        return None

    def learn(self, path: Path, test: ast.expr, holds: bool) -> Path:
        """A path that knows how a condition turned out. Nothing is learned of one that calls: it may change."""
        if not self.asks or any(True for _ in every(test, ast.Call, ast.Await)):
            return path
        if isinstance(test, ast.BoolOp):
            if isinstance(test.op, ast.And) is holds:
                for part in test.values:
                    path = self.learn(path, part, holds)
            return path
        local = self.depends.scope.bound(self.node)
        for name in every(test, ast.Name):
            if name.id in self.captured or not local.get(name.id) or local[name.id][0][1] is self.node:
                return path  # other code may change it
        key, positive = condition_key(test)
        return replace(path, known=path.known | {(key, holds is positive)})


def _handed_on(value: ast.expr, targets: list[ast.expr]) -> set[str]:
    """The names whose objects an assignment makes reachable by another way."""
    inside = [item.value for item in every(value, ast.Attribute)]
    inside += [part for item in every(value, ast.List) for part in item.elts]
    inside += [part for item in every(value, ast.Tuple) for part in item.elts]
    inside += [part for item in every(value, ast.Dict) for part in item.values if part is not None]
    if any(not isinstance(item, ast.Name) for item in targets) or isinstance(value, ast.Name):
        inside.append(value)
    return {item.id for item in inside if isinstance(item, ast.Name)}


def node_value(node: ast.AST) -> ast.AST | None:
    """The expression that a statement consists of."""
    return node.value if isinstance(node, ast.Expr) else None


def _makes_new(node: ast.expr) -> bool:
    return not isinstance(node, ast.Name)


def touched_by(call: ast.Call) -> set[str]:
    """The names whose objects a call may change."""
    found: set[str] = set()
    if isinstance(call.func, ast.Attribute):
        found.update(item.id for item in every(call.func.value, ast.Name))
    if last_name(call.func) not in {"len", "print", "str", "repr", "isinstance", "bool", "sorted", "sum", "any", "all"}:
        for argument in (*call.args, *(word.value for word in call.keywords)):
            found.update(item.id for item in every(argument, ast.Name))
    return found


def condition_key(test: ast.expr) -> tuple[str, bool]:
    """A key for a condition and whether it is asked positively; the names in it come first."""
    positive = True
    while isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        positive, test = not positive, test.operand
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        op = test.ops[0]
        if isinstance(op, ast.IsNot | ast.NotEq | ast.NotIn):
            positive = not positive
            opposite = {ast.IsNot: ast.Is(), ast.NotEq: ast.Eq(), ast.NotIn: ast.In()}[type(op)]
            test = ast.Compare(test.left, [opposite], test.comparators)
    names = ",".join(sorted({item.id for item in ast.walk(test) if isinstance(item, ast.Name)}))
    deep = any(isinstance(item, ast.Attribute | ast.Subscript) for item in ast.walk(test))
    return f"{'object' if deep else 'name'} {names} {ast.dump(test)}", positive
