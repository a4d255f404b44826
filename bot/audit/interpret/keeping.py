"""What values held at one moment, and putting it back where it has changed."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from operator import is_
from typing import Any

_MOST_TOGETHER = 500


class Slots(dict[str, Any]):
    """What the slots of an instance held."""


class Kept:
    """Values with what they held. Finding out what has changed goes by identity and order: it runs nothing of them."""

    def __init__(self) -> None:
        self._groups: dict[type, list[_Group]] = {dict: [], list: []}
        self._waiting: dict[type, list[tuple[Any, Any]]] = {dict: [], list: []}
        self._others: list[tuple[Any, Any]] = []

    def add(self, value: Any, copy: Any) -> None:
        """Keep a value with a copy of what it holds: Slots for an instance that has some, None for a cache."""
        self._waiting.get(type(value), self._others).append((value, copy))

    def put_back(self) -> None:
        """Let every value hold again what it held when it was added."""
        for kind, groups in self._groups.items():
            self._group(kind, groups)
            for group in groups:
                if group.has_changed():
                    for value, copy in group.pairs:
                        _put_back(value, copy)
        for value, copy in self._others:
            _put_back(value, copy)

    def _group(self, kind: type, groups: list[_Group]) -> None:
        """Put what was added since into groups, the last one filled up first."""
        waiting = self._waiting[kind]
        if waiting and groups and len(groups[-1].pairs) < _MOST_TOGETHER:
            waiting[:0] = groups.pop().pairs
        groups += [_Group(kind, waiting[at : at + _MOST_TOGETHER]) for at in range(0, len(waiting), _MOST_TOGETHER)]
        waiting.clear()


class _Group:
    """Some dicts, or some lists, compared with their copies in one go: they are very many, and few ever change."""

    __slots__ = ("_held", "_kind", "_sizes", "_values", "pairs")

    def __init__(self, kind: type, pairs: list[tuple[Any, Any]]) -> None:
        self._kind, self.pairs = kind, pairs
        self._values = [value for value, _ in pairs]
        copies = [copy for _, copy in pairs]
        self._sizes = list(map(len, copies))
        self._held = list(self._items(copies))

    def _items(self, values: list[Any]) -> Iterable[Any]:
        items = chain.from_iterable(values)
        return chain(items, chain.from_iterable(map(dict.values, values))) if self._kind is dict else items

    def has_changed(self) -> bool:
        """Whether any of them holds something else, or in another order."""
        # The sizes, too: an item that moves from the end of one to the start of the next changes nothing in the row.
        return list(map(len, self._values)) != self._sizes or not all(map(is_, self._items(self._values), self._held))


def _put_back(value: Any, copy: Any) -> None:
    if isinstance(copy, Slots):
        for name, old in copy.items():
            object.__setattr__(value, name, old)
    elif copy is None:
        value.cache_clear()
    elif isinstance(value, list):
        value[:] = copy
    elif isinstance(value, (dict, set)):
        value.clear()
        value.update(copy)
    else:
        value.clear()
        value.extend(copy)
