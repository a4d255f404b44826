"""A syntax tree laid out flat, so that walking any part of it is taking a slice."""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, TypeVar

Node = TypeVar("Node", bound=ast.AST)

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_INNER = (*_FUNCTIONS, ast.ClassDef, ast.Lambda)
_IN_TEXT: dict[type[ast.AST], tuple[str, ...]] = {
    ast.FunctionDef: ("decorator_list", "args", "returns", "body"),
    ast.AsyncFunctionDef: ("decorator_list", "args", "returns", "body"),
    ast.ClassDef: ("decorator_list", "bases", "keywords", "body"),
    ast.IfExp: ("body", "test", "orelse"),
    ast.Name: (),
    ast.Constant: (),
}
_NO_NODES = {"ctx", "op", "ops", "id", "attr", "type_comment", "lineno", "level", "module", "conversion", "is_async"}
_children: dict[type[ast.AST], tuple[str, ...]] = {}
_AST = ast.AST


class Flat:
    """The nodes of a tree in the order of the text (a node before its parts). Operators and contexts are left out.

    `ends[n]` is where the part under node n ends, `owners[n]` the place of its parent (-1 for the root),
    `deepest` the number of levels. The nodes of one tree only: each knows its place by an attribute.
    """

    __slots__ = ("_own", "_places", "deepest", "ends", "nodes", "owners")

    def __init__(self, tree: ast.AST, most: int) -> None:
        """Lay out a tree, and stop when it is deeper than `most` levels."""
        nodes: list[ast.AST] = []
        owners: list[int] = []
        self.deepest = 0
        stack: list[tuple[ast.AST, int, int]] = [(tree, -1, 1)]
        while stack:
            node, owner, depth = stack.pop()
            if depth > self.deepest:
                self.deepest = depth
                if depth > most:
                    break
            place = len(nodes)
            nodes.append(node)
            owners.append(owner)
            node.__dict__["_flat"], node.__dict__["_place"] = self, place
            parts = _parts(node)
            if parts:
                depth += 1
                stack.extend([(part, place, depth) for part in reversed(parts)])
        ends = [1] * len(nodes)
        for place in range(len(nodes) - 1, 0, -1):
            ends[owners[place]] += ends[place]
        self.ends = [place + size for place, size in enumerate(ends)]
        self.nodes, self.owners = nodes, owners
        self._places: dict[type[ast.AST], list[int]] | None = None
        self._own: dict[int, tuple[ast.AST, ...]] = {}

    def places(self, kind: type[ast.AST]) -> list[int]:
        """Where the nodes of a kind stand, ascending."""
        if self._places is None:
            self._places = {}
            for place, node in enumerate(self.nodes):
                self._places.setdefault(type(node), []).append(place)
        return self._places.get(kind, [])

    def between(self, start: int, end: int, kinds: Sequence[type[Node]]) -> Iterator[Node]:
        """The nodes of some kinds from one place up to another, kind by kind."""
        nodes: Any = self.nodes
        found: list[Iterator[Node]] = []
        for kind in kinds:
            places = self.places(kind)
            if places:
                first = bisect_left(places, start)
                last = bisect_left(places, end, first)
                if first < last:
                    found.append(map(nodes.__getitem__, places[first:last]))
        return found[0] if len(found) == 1 else chain.from_iterable(found)

    def own(self, start: int) -> tuple[ast.AST, ...]:
        """What is under a node without the insides of functions, classes and lambdas."""
        if start not in self._own:
            found: list[ast.AST] = []
            place, end = start + 1, self.ends[start]
            while place < end:
                node = self.nodes[place]
                found.append(node)
                place = self.ends[place] if isinstance(node, _INNER) else place + 1
            self._own[start] = tuple(found)
        return self._own[start]


def _parts(node: ast.AST) -> list[ast.AST]:
    kind = type(node)
    names = _children.get(kind)
    if names is None:
        names = _IN_TEXT.get(kind, kind._fields)
        names = _children[kind] = tuple(name for name in names if name not in _NO_NODES)
    found: list[ast.AST] = []
    for name in names:
        value = getattr(node, name, None)
        if type(value) is list:
            found += [item for item in value if isinstance(item, _AST)]
        elif isinstance(value, _AST):
            found.append(value)
    if kind is ast.Dict:
        found.sort(key=lambda item: (getattr(item, "lineno", 0), getattr(item, "col_offset", 0)))
    return found


def _place(node: ast.AST) -> tuple[Flat, int] | None:
    noted = node.__dict__
    flat = noted.get("_flat")
    if flat is None:
        return None
    place = noted["_place"]
    return (flat, place) if flat.nodes[place] is node else None


def walk(node: ast.AST) -> Sequence[ast.AST]:
    """A node and all under it, in the order of the text: what `ast.walk` gives, without operators and contexts."""
    found = _place(node)
    if found is None:
        return list(ast.walk(node))
    flat, place = found
    return flat.nodes[place : flat.ends[place]]


def every(node: ast.AST, *kinds: type[Node]) -> Iterator[Node]:
    """The nodes of some concrete kinds (`ast.Call`, no base class) in a node, itself included; kind by kind."""
    found = _place(node)
    if found is None:
        return (item for item in ast.walk(node) if isinstance(item, kinds))
    flat, start = found
    return flat.between(start, flat.ends[start], kinds)


def every_in(body: Sequence[ast.stmt], *kinds: type[Node]) -> Iterator[Node]:
    """The nodes of some concrete kinds in a whole block of one tree, as `every` for all its statements at once."""
    first = _place(body[0]) if body else None
    last = _place(body[-1]) if body else None
    if first is None or last is None or first[0] is not last[0]:
        return chain.from_iterable(every(statement, *kinds) for statement in body)
    flat, start = first
    return flat.between(start, flat.ends[last[1]], kinds)


def imports_in(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """The import statements in a node."""
    yield from every(node, ast.Import)
    yield from every(node, ast.ImportFrom)


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function's or class's body without those of functions and classes defined in it."""
    found = _place(node)
    if found is not None:
        yield from found[0].own(found[1])
        return
    stack = list(ast.iter_child_nodes(node))
    while stack:
        item = stack.pop()
        yield item
        if not isinstance(item, _INNER):
            stack.extend(ast.iter_child_nodes(item))


def root_of(node: ast.AST) -> ast.AST:
    """The root of the tree that a node stands in; the node itself when it is of no file."""
    found = _place(node)
    return found[0].nodes[0] if found is not None else node


def children(node: ast.AST) -> list[ast.AST]:
    """The parts directly under a node, without operators and contexts."""
    return _parts(node)


def ancestors(node: ast.AST) -> Iterator[ast.AST]:
    """A node's ancestors, the nearest first; none for a node of no file."""
    found = _place(node)
    if found is not None:
        nodes, owners = found[0].nodes, found[0].owners
        place = owners[found[1]]
        while place >= 0:
            yield nodes[place]
            place = owners[place]


def parent_of(node: ast.AST) -> ast.AST | None:
    """A node's parent; None for the root, and for a node of no file."""
    found = _place(node)
    if found is None:
        return None
    owner = found[0].owners[found[1]]
    return found[0].nodes[owner] if owner >= 0 else None
