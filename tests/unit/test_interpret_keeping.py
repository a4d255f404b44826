"""What tests change in place is put back before the next one, and finding that out runs nothing of it."""

from __future__ import annotations

import functools
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.audit.interpret.doubles import Patcher
from bot.audit.interpret.interpretation import Machine, interpreted
from bot.audit.interpret.keeping import Kept, Slots
from bot.audit.reading.program import Program
from bot.audit.rule import Context


class Odd:
    """Compares and hashes itself at nobody's wish."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared")


class Slotted:
    """Has slots."""

    __slots__ = ("at",)

    def __init__(self) -> None:
        self.at: Any = 1


CHANGES: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "added": (lambda: {"a": 1}, lambda value: value.update(b=2)),
    "taken-out": (lambda: {"a": 1, "b": 2}, lambda value: value.pop("b")),
    "replaced": (lambda: {"a": [1]}, lambda value: value.update(a=[2])),
    "same-value-by-another-key": (lambda: {"a": None}, lambda value: (value.clear(), value.update(b=None))),
    "order-of-keys": (lambda: {"a": None, "b": None}, lambda value: value.update(a=value.pop("a"))),
    "appended": (lambda: [1], lambda value: value.append(2)),
    "order-of-items": (lambda: [1, 2], lambda value: value.reverse()),
    "equal-but-another": (lambda: [1], lambda value: value.__setitem__(0, True)),
    "set": (lambda: {1}, lambda value: value.add(2)),
    "deque": (lambda: deque([1]), lambda value: value.appendleft(2)),
    "order-of-an-ordered-dict": (lambda: OrderedDict(a=1, b=2), lambda value: value.move_to_end("a")),
}


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_what_was_changed_is_put_back(name: str) -> None:
    make, change = CHANGES[name]
    kept, values = Kept(), [make() for _ in range(120)]
    for value in values:
        kept.add(value, dict(value) if isinstance(value, dict) else type(value)(value))
    kept.put_back()
    change(values[70])
    assert repr(values[70]) != repr(make())
    kept.put_back()
    assert [repr(value) for value in values] == [repr(make()) for _ in values]


def test_an_item_that_moves_to_the_next_list_is_noticed() -> None:
    kept, item = Kept(), object()
    first: list[object] = [item]
    second: list[object] = []
    kept.add(first, [item])
    kept.add(second, [])
    second.append(first.pop())
    kept.put_back()
    assert (first, second) == ([item], [])


def test_nothing_of_the_values_is_run_and_what_was_added_later_is_kept_too() -> None:
    kept, odd = Kept(), Odd()
    values: list[Any] = [[odd], {"a": odd}]
    kept.add(values[0], [odd])
    kept.put_back()
    kept.add(values[1], {"a": odd})
    values[1]["a"] = Odd()
    values[0][0] = Odd()
    kept.put_back()
    assert values[0][0] is odd
    assert values[1]["a"] is odd


def test_slots_and_caches_are_put_back() -> None:
    kept, slotted = Kept(), Slotted()
    cached = functools.cache(Slotted)
    kept.add(slotted, Slots(at=1))
    kept.add(cached, None)
    slotted.at, before = 2, cached()
    kept.put_back()
    assert slotted.at == 1
    assert cached() is not before


def _outcomes(files: dict[str, str], product: dict[str, str]) -> list[str]:
    return [interpreted(view).outcome for view in Context(Program.build(product, files), files).views]


def test_a_test_that_its_marks_end_does_not_hide_what_the_one_before_changed() -> None:
    text = ("import pytest, product\n"
            "def test_changes():\n    product.seen.append(1)\n    product.limit = 5\n    assert product.seen == [1]\n"
            "@pytest.mark.skip\ndef test_skips():\n    assert 0\n"
            "def test_sees_nothing_of_it():\n    assert product.seen == [] and product.limit == 3\n")
    product = {"product.py": "seen = []\nlimit = 3\n"}
    assert _outcomes({"test_it.py": text}, product) == ["passed", "unknown", "passed"]
    other = text.replace("def test_sees", "def test_also_sees").replace("def test_changes", "def test_also_changes")
    assert _outcomes({"test_a.py": text, "test_b.py": other}, product) == ["passed", "unknown", "passed"] * 2


def test_a_patch_that_the_end_of_the_run_undid_may_be_left_once_more() -> None:
    machine = Machine(Program.build({}, {}))
    machine.set_up()
    patch = Patcher(machine, lambda: None, gives=False)

    def under_it() -> Iterator[None]:
        with patch:
            yield

    left_open = under_it()
    next(left_open)
    machine._end()
    left_open.close()  # type: ignore[attr-defined]
    assert (patch.current, machine.patching) == ([], [])
