"""`copy.copy` and `copy.deepcopy` of plain values and plain interpreted objects; all else is not followed."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import pathlib
import re
import types
import uuid
from typing import Any

from bot.audit.interpret.frames import inner_of
from bot.audit.interpret.values import CONTAINERS, UNKNOWN, is_instance, is_interpreted, spend, undecided

_SAME = (int, float, bool, complex, str, bytes, type(None), range, datetime.date, datetime.time, datetime.timedelta,
         datetime.tzinfo, decimal.Decimal, fractions.Fraction, pathlib.PurePath, uuid.UUID, re.Pattern, type(...))


def copied(value: Any, *, deep: bool, memo: dict[int, Any] | None = None) -> Any:
    """A copy of a value, deep or not."""
    memo = {} if memo is None else memo
    spend(1)
    if id(value) in memo:
        return memo[id(value)]
    if value is UNKNOWN or type(value) in _SAME or isinstance(value, type | enum.Enum) or inner_of(value) is not None \
            or (isinstance(value, _SAME) and not is_instance(value)):
        return value

    def part(item: Any) -> Any:
        return copied(item, deep=True, memo=memo) if deep else item

    if type(value) in CONTAINERS:
        return _container(value, part, memo)
    if isinstance(value, dict) and not is_instance(value):
        made: Any = value.copy()
        memo[id(value)] = made
        for key in list(made) if deep else ():
            made[key] = part(made[key])
        return made
    if type(value) is types.SimpleNamespace:
        made = memo[id(value)] = types.SimpleNamespace()
        made.__dict__.update({key: part(item) for key, item in value.__dict__.items()})
        return made
    return _instance(value, part, memo)


def _container(value: Any, part: Any, memo: dict[int, Any]) -> Any:
    spend(len(value))
    if isinstance(value, list):
        made: Any = []
        memo[id(value)] = made
        made.extend(part(item) for item in value)
    elif isinstance(value, dict):
        made = memo[id(value)] = {}
        for key, item in value.items():
            made[part(key)] = part(item)
    else:
        made = memo[id(value)] = type(value)(part(item) for item in value)
    return made


def _instance(value: Any, part: Any, memo: dict[int, Any]) -> Any:
    cls = type(value)
    names = getattr(value, "__dict__", None)
    odd = any(not is_interpreted(item) and item is not object and item.__module__ not in {"abc", "typing"}
              for item in cls.__mro__)
    slots = any(vars(item).get("__slots__") for item in cls.__mro__ if is_interpreted(item))
    if not is_instance(value) or odd or slots or not isinstance(names, dict) or getattr(cls, "_left_out", False):
        undecided("a copy of something odd")
    made = memo[id(value)] = object.__new__(cls)
    for name, item in dict.items(names):
        if type(name) is not str or name.startswith("__"):
            undecided("a copy of something odd")
        object.__getattribute__(made, "__dict__")[name] = part(item)
    return made
