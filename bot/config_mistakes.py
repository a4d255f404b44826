"""What is wrong in a `bot.toml`, in sentences that name the key and what it may be."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.domain.config import BotConfig
from bot.domain.logs import Focus

_MOST = 3
"""So many mistakes are told of at once."""
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WAY = re.compile(r"(?:function-[a-z]+|literal|nullable|union|constrained-str)\[")
_KEY = "[key]"
"""How pydantic says that not the value but the key of a table is wrong."""
PLACEHOLDER = "…"

_WANTED: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "greater_than": lambda limits: f"more than {_bound(limits['gt'])}",
    "greater_than_equal": lambda limits: f"at least {_bound(limits['ge'])}",
    "less_than": lambda limits: f"less than {_bound(limits['lt'])}",
    "less_than_equal": lambda limits: f"at most {_bound(limits['le'])}",
    "finite_number": lambda limits: "a finite number",
    "decimal_max_places": lambda limits: f"a number with at most {limits['decimal_places']} decimal places",
    "string_pattern_mismatch": lambda limits: f"text of the form {limits['pattern']}",
    "string_too_short": lambda limits: f"text of at least {_counted(limits['min_length'], 'character')}",
    "string_too_long": lambda limits: f"text of at most {_counted(limits['max_length'], 'character')}",
    "too_short": lambda limits: f"a list of at least {_counted(limits['min_length'], 'item')}",
    "too_long": lambda limits: f"a list of at most {_counted(limits['max_length'], 'item')}",
}
"""What must be, for the kinds of mistakes that know their limits."""

_KINDS = (
    (("model_type", "model_attributes_type", "dict_type", "mapping_type"), "a table"),
    (("tuple_type", "list_type"), "a list"),
    (("string_type",), "text in quotation marks"),
    (("int_",), "a whole number"),
    (("float_", "decimal_"), "a number"),
    (("bool_",), "true or false"),
    (("date_", "datetime_"), "a date, as 2030-12-31"),
)
"""What must be, by what the kind of mistake begins with."""


def in_words(error: ValidationError) -> str:
    """The first mistakes in what was validated as a BotConfig, without a stop at the end."""
    # A mistyped key comes first: what is missing often stands under the wrong name.
    wrong = sorted(error.errors(), key=lambda item: item["type"] != "extra_forbidden")
    places = {_place(item) for item in wrong}
    told: dict[tuple[str, ...], str] = {}
    for item in wrong:
        place = _place(item)
        # Of the ways in which one value may be written the first is told of; of a list and its item, the item.
        if place not in told and not any(other[:len(place)] == place for other in places - {place}):
            told[place] = _sentence(place, item)
    return "; ".join(list(told.values())[:_MOST])


def _place(item: ErrorDetails) -> tuple[str, ...]:
    """Where a mistake is, without pydantic's names for the ways in which a value may be written."""
    parts = tuple(str(part) for part in item["loc"])
    return parts[:-1] if parts and _WAY.match(parts[-1]) else parts


def _sentence(place: tuple[str, ...], item: ErrorDetails) -> str:
    if place[-1:] == (_KEY,):
        *table, key = place[:-1]
        if item["type"] == "string_pattern_mismatch":
            return f"{key!r} under [{_dotted(table)}] must be {_wanted(item['type'], item['ctx'])}"
        # The choices come as 'a', 'b' or 'c'.
        known = item.get("ctx", {}).get("expected", "").replace(" or ", ", ").replace("'", "")
        return f"there is no {key!r} under [{_dotted(table)}]" + (f" (there are {known})" if known else "")
    if item["type"] == "extra_forbidden":
        known = _keys_beside(place[:-1])
        return f"there is no key {_dotted(place)!r}" + (f" (there are {', '.join(known)})" if known else "")
    return f"{_dotted(place)} {_objection(item)}"


def _objection(item: ErrorDetails) -> str:
    kind, given, limits = item["type"], item["input"], item.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind in {"value_error", "assertion_error"}:
        return f"is wrong: {limits.get('error', item['msg'])}"
    if given == PLACEHOLDER:
        return f"still says {PLACEHOLDER}, where a value of yours has to stand"
    if "expected" in limits:
        return f"is {_shown(given)}, but may be {limits['expected']}"
    wanted = _wanted(kind, limits)
    return f"is {_shown(given)}, but must be {wanted}" if wanted else f"is {_shown(given)}, which it cannot be"


def _wanted(kind: str, limits: Mapping[str, Any]) -> str:
    maker = _WANTED.get(kind)
    if maker is not None:
        return maker(limits)
    return next((words for beginnings, words in _KINDS if kind.startswith(beginnings)), "")


def _bound(limit: object) -> str:
    return f"{limit:.0f}" if isinstance(limit, float) and limit.is_integer() else str(limit)


def _shown(given: object) -> str:
    """A value as TOML has it; of tables and lists only what they are."""
    match given:
        case bool():
            return str(given).lower()
        case str():
            return repr(given) if len(given) <= 80 else f"{given[:80]!r}…"
        case dict():
            return "a table"
        case list() | tuple():
            return "a list" if given else "empty"
        case date() | datetime() | time():
            return str(given)
    return repr(given)[:80]


def _dotted(place: tuple[str, ...] | list[str]) -> str:
    """A key as TOML writes it: parts that are no bare keys in quotation marks."""
    return ".".join(part if _BARE.fullmatch(part) else json.dumps(part, ensure_ascii=False) for part in place)


def _counted(number: int, one: str) -> str:
    return f"{number} {one}" + ("" if number == 1 else "s")


def _keys_beside(place: tuple[str, ...]) -> tuple[str, ...]:
    """The keys that are allowed in a table, found in the types; empty where that cannot be told."""
    model: type[BaseModel] = BotConfig
    parts = list(place)
    while parts:
        part = parts.pop(0)
        field = model.model_fields.get(part)
        if field is None:
            return ()
        annotation = field.annotation
        arguments = [item for item in get_args(annotation) if isinstance(item, type) and issubclass(item, BaseModel)]
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
        elif arguments:
            model = arguments[0]
            parts = parts[1:]
        else:
            return ()
    return tuple(sorted(name for name in model.model_fields if name != "name" or model is not Focus))
