"""What a few functions and methods of Python give for known values. Nothing here runs code of the files at hand."""

from __future__ import annotations

import ast
import base64
import datetime as dates
import decimal
import hashlib
import json
import math
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from bot.audit.evaluating.values import (
    MOST_ITEMS,
    MOST_TEXT,
    UNKNOWN,
    Box,
    Known,
    Place,
    Primitive,
    Problem,
    Several,
    Value,
    compare,
    known_or_unknown,
    of_sets,
    plain,
    truth,
    via,
)

HARMLESS = {
    *("builtins.print", "builtins.repr", "builtins.isinstance", "builtins.id", "builtins.type", "builtins.hasattr"),
    *("builtins.callable", "builtins.str", "builtins.len", "builtins.bool", "pytest.approx", "logging.getLogger"),
    *("time.time", "time.monotonic", "time.perf_counter", "datetime.datetime.now", "datetime.datetime.utcnow"),
    *("uuid.uuid4", "asyncio.Event", "asyncio.Lock", "asyncio.Queue", "asyncio.Semaphore", "threading.Lock"),
    *("threading.RLock", "threading.Event", "collections.deque", "collections.defaultdict", "asyncio.sleep"),
    *("logging.basicConfig", "builtins.float", "builtins.int", "structlog.get_logger", "random.random", "time.sleep"),
}
"""Calls that change nothing and, with sound arguments, raise nothing."""

LOGGING = {"debug", "info", "warning", "error", "exception", "critical", "warn", "log"}
LOGGERS = {"logger", "log", "logging", "_logger", "_log", "LOG", "LOGGER"}

_TEXT = {"upper", "lower", "strip", "lstrip", "rstrip", "startswith", "endswith", "replace", "title", "capitalize"} | {
    *("removeprefix", "removesuffix", "isdigit", "isalpha", "count", "find", "swapcase", "casefold", "isupper"),
    *("islower", "isalnum", "isspace", "isnumeric", "isdecimal", "isidentifier", "rfind", "encode", "decode", "hex"),
}
_CUTS = {"split", "rsplit", "splitlines", "partition", "rpartition"}
_HASHES = {"md5", "sha1", "sha224", "sha256", "sha384", "sha512"}
ROUNDINGS = {name for name in vars(decimal) if name.startswith("ROUND_")}
_PADDED = {"zfill", "center", "ljust", "rjust"}
_OF_DECIMAL = {"quantize", "scaleb", "copy_abs", "copy_negate", "is_zero", "is_signed"} | {
    *("normalize", "to_integral_value"),
}
_OF_DATES = {"isoformat", "date", "weekday", "isoweekday", "total_seconds", "toordinal"}
_CODECS = {"utf-8", "utf8", "ascii", "latin-1"}
_DEEPEST = 20
_WITHOUT_EFFECT: dict[type, set[str]] = {
    timedelta: _OF_DATES,
    dates.date: _OF_DATES,
    Decimal: _OF_DECIMAL,
    bytes: {"decode", "hex", "startswith"},
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "builtins.ord": ord,
    "builtins.chr": chr,
    "builtins.repr": repr,
    "math.isclose": math.isclose,
    "math.sqrt": math.sqrt,
}
_DURATIONS = {"days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"}


def builtin(name: str, arguments: Sequence[Value], keywords: dict[str, Value]) -> Value | None:
    """What a call of something external gives, by its dotted name; None when it is none of those known here."""
    if name == "datetime.timedelta":
        return _duration(arguments, keywords)
    if name in {"datetime.datetime", "datetime.date"}:
        return _date(name, arguments, keywords)
    if name.startswith("decimal.ROUND_"):
        return None
    if name in {"builtins.sorted", "builtins.min", "builtins.max"} and keywords:
        return _with_options(name, arguments, keywords)
    if name in {"json.dumps", "json.loads", "base64.b64encode", "base64.b64decode"}:
        return _encoded(name, arguments, keywords)
    if name.startswith("hashlib.") and name.rpartition(".")[2] in _HASHES and len(arguments) == 1:
        given = arguments[0]
        return Box(name.rpartition(".")[2], [given]) if isinstance(given, Known) and not keywords else UNKNOWN
    if name == "decimal.Decimal" and len(arguments) == 1:
        return _decimal(arguments[0])
    if name in {"math.ceil", "math.floor"} and len(arguments) == 1:
        return _whole(name, arguments[0])
    return None if keywords else _builtin(name, arguments)


def _builtin(name: str, arguments: Sequence[Value]) -> Value | None:
    if name in {"builtins.dict", "builtins.list", "builtins.set", "builtins.frozenset", "builtins.tuple"}:
        return _collected(name, arguments)
    if name in {"builtins.bool", "builtins.float", "builtins.int", "builtins.str"} and len(arguments) == 1:
        return _converted(name, arguments[0])
    if name == "builtins.len" and len(arguments) == 1:
        return _length(arguments[0])
    if name in {"builtins.sorted", "builtins.reversed", "builtins.enumerate", "builtins.zip", "builtins.range"}:
        return _sequence(name, arguments)
    if name == "builtins.divmod" or name in _FUNCTIONS:
        return _plainly(name, arguments)
    if name in {"builtins.max", "builtins.min", "builtins.sum", "builtins.abs", "builtins.round"}:
        return _number(name, arguments)
    if name in {"builtins.all", "builtins.any"} and len(arguments) == 1:
        return _all_or_any(name, elements(arguments[0]))
    return None


def _all_or_any(name: str, items: Sequence[Value] | None) -> Value:
    decided = None if items is None else [truth(item) for item in items]
    if decided is None or None in decided:
        return UNKNOWN
    return Known(all(decided) if name.endswith("all") else any(decided), via=via(items or ()))


def _whole(name: str, one: Value) -> Value:
    if isinstance(one, Known) and isinstance(one.value, int | float) and abs(one.value) < 10**30:
        return Known(int(-(-one.value // 1)) if name == "math.ceil" else int(one.value // 1), via=one.via)
    return UNKNOWN


def elements(value: Value) -> Sequence[Value] | None:
    """What iterating gives, where that is known."""
    if isinstance(value, Several):
        return value.items
    if isinstance(value, Box) and not value.lost and value.kind != "set":
        return list(value.keys) if value.kind == "dict" else tuple(value.items) if value.kind == "list" else None
    if isinstance(value, Known) and isinstance(value.value, str) and len(value.value) <= MOST_ITEMS:
        return [Known(item, via=value.via) for item in value.value]
    return None


def formatted(value: Known, spec: str) -> Value:
    """What `format` gives, for a short specification."""
    numbers = "".join(item if item.isdigit() else " " for item in spec).split()
    if len(spec) > 12 or any(int(item) > 100 for item in numbers) or isinstance(value.value, dates.date | timedelta):
        return UNKNOWN
    try:
        return known_or_unknown(format(value.value, spec), value.via)
    except (ValueError, OverflowError, TypeError):
        return UNKNOWN


def method(receiver: Value, name: str, arguments: Sequence[Value]) -> Value | None:
    """What a method of a known text, duration, list, set or dict gives; None when that is not known here."""
    if isinstance(receiver, Box):
        if receiver.kind in _HASHES:
            return _digest(receiver, name, arguments)
        return None if receiver.lost else _of_box(receiver, name, arguments)
    if isinstance(receiver, Several):
        return _of_sequence(receiver.items, name, arguments)
    if not isinstance(receiver, Known):
        return None
    for kind, names in _WITHOUT_EFFECT.items():
        if isinstance(receiver.value, kind):
            return _call_of(receiver, name, arguments) if name in names else None
    return _of_text(receiver, name, arguments) if isinstance(receiver.value, str) else None


def _of_text(receiver: Known, name: str, arguments: Sequence[Value]) -> Value | None:
    if not isinstance(receiver.value, str):
        return None
    if name in _PADDED or name == "format":
        width = arguments[0] if arguments else None
        small = isinstance(width, Known) and isinstance(width.value, int) and width.value <= 1_000
        if name != "format":
            return _call_of(receiver, name, arguments) if small else None
        plainly = "{" not in receiver.value.replace("{}", "")
        return _call_of(receiver, name, arguments) if plainly else None
    if name in _CUTS:
        return _cut(receiver, name, arguments)
    if name == "join" and len(arguments) == 1:
        items = elements(arguments[0]) or ()
        texts = [item.value for item in items if isinstance(item, Known) and isinstance(item.value, str)]
        if items and len(texts) == len(items) and sum(map(len, texts)) < MOST_TEXT > len(receiver.value):
            return known_or_unknown(receiver.value.join(texts), via((receiver, *items)))
        return None
    given = [item.value for item in arguments if isinstance(item, Known)]
    if len(given) != len(arguments) or not all(isinstance(item, str) for item in given):
        return None
    return _changed(receiver, receiver.value, name, arguments, [str(item) for item in given])


def _changed(receiver: Known, text: str, name: str, arguments: Sequence[Value], given: list[str]) -> Value | None:
    if name not in _TEXT or len(text) * max([len(item) for item in given], default=1) > 1_000_000:
        return None
    if name == "encode" and given and given[0] not in _CODECS:
        return None
    try:
        found = getattr(text, name)(*given)
    except (TypeError, ValueError, AttributeError):
        return None
    if isinstance(found, str) and len(found) > MOST_TEXT:
        return UNKNOWN
    return Known(found, via=via((receiver, *arguments)))


def _call_of(receiver: Known, name: str, arguments: Sequence[Value]) -> Value:
    """What a method without effects gives for known arguments."""
    given = [item.value for item in arguments if isinstance(item, Known)]
    if len(given) != len(arguments) or (name == "decode" and given and given[0] not in _CODECS):
        return UNKNOWN
    try:
        return known_or_unknown(getattr(receiver.value, name)(*given), via((receiver, *arguments)))
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError):
        return UNKNOWN


def _cut(receiver: Known, name: str, arguments: Sequence[Value]) -> Value | None:
    given = [item.value for item in arguments if isinstance(item, Known)]
    if len(given) != len(arguments) or not isinstance(receiver.value, str):
        return None
    try:
        parts = getattr(receiver.value, name)(*given)
    except (TypeError, ValueError):
        return None
    if len(parts) > MOST_ITEMS:
        return None
    made: list[Value] = [Known(part, via=receiver.via) for part in parts]
    return Several(tuple(made)) if name.endswith("partition") else Box("list", made)


def _of_box(box: Box, name: str, arguments: Sequence[Value]) -> Value | None:
    if name == "copy" and not arguments:
        return Box(box.kind, list(box.items), list(box.keys))
    if name == "clear" and not arguments:
        box.items.clear()
        box.keys.clear()
        return Known(None)
    try:
        if box.kind == "dict":
            return _of_dict(box, name, arguments)
        if box.kind == "list":
            return _of_list(box, name, arguments)
        return _of_set(box, name, arguments) if box.kind == "set" else None
    except ValueError:
        return None  # whether a key or an item is there cannot be told


def _of_list(box: Box, name: str, arguments: Sequence[Value]) -> Value | None:
    first = arguments[0] if arguments else None
    if name == "append" and first is not None:
        box.items.append(first)
        return Known(None)
    if name == "extend" and first is not None and (more := elements(first)) is not None:
        if len(box.items) + len(more) > MOST_ITEMS:
            return None
        box.items.extend(more)
        return Known(None)
    if name == "pop" and box.items and (first is None or isinstance(first, Known)):
        at = -1 if not isinstance(first, Known) else first.value
        if isinstance(at, int) and -len(box.items) <= at < len(box.items):
            return box.items.pop(at)
    if name == "insert" and len(arguments) == 2 and isinstance(first, Known) and isinstance(first.value, int):
        box.items.insert(first.value, arguments[1])
        return Known(None)
    if name == "reverse":
        box.items.reverse()
        return Known(None)
    if name == "remove" and first is not None:
        pictures = [plain(item) for item in box.items]
        if None not in pictures and plain(first) in pictures:
            del box.items[pictures.index(plain(first))]
            return Known(None)
    if name == "sort" and not arguments and (items := _in_order(box.items)) is not None:
        box.items[:] = items
        return Known(None)
    return _of_sequence(box.items, name, arguments)


def _of_sequence(items: Sequence[Value], name: str, arguments: Sequence[Value]) -> Value | None:
    if name not in {"count", "index"} or len(arguments) != 1:
        return None
    pictures, wanted = [plain(item) for item in items], plain(arguments[0])
    if wanted is None or None in pictures:
        return None
    if name == "count":
        return Known(pictures.count(wanted), via=via(items))
    return Known(pictures.index(wanted), via=via(items)) if wanted in pictures else None


def _of_set(box: Box, name: str, arguments: Sequence[Value]) -> Value | None:
    if len(arguments) != 1:
        return None
    first = arguments[0]
    pictures = [plain(item) for item in box.items]
    if name in {"union", "intersection", "difference", "update", "issubset", "issuperset", "isdisjoint"}:
        other = first.items if isinstance(first, Box) and first.kind == "set" and not first.lost else elements(first)
        return None if other is None else _of_two_sets(box, name, list(other))
    if plain(first) is None or None in pictures:
        return None
    there = plain(first) in pictures
    if name == "add" and not there:
        box.items.append(first)
    elif name in {"discard", "remove"} and there:
        del box.items[pictures.index(plain(first))]
    elif name not in {"add", "discard"}:
        return None
    return Known(None)


def _of_two_sets(box: Box, name: str, other: list[Value]) -> Value | None:
    ones, twos = {plain(item) for item in box.items}, {plain(item) for item in other}
    if None in ones or None in twos:
        return None
    place = via([*box.items, *other])
    if name.startswith("is"):
        found = {"issubset": ones <= twos, "issuperset": ones >= twos, "isdisjoint": not ones & twos}[name]
        return Known(found, via=place)
    op: ast.operator = {"intersection": ast.BitAnd(), "difference": ast.Sub()}.get(name, ast.BitOr())
    made = of_sets(op, box.items, other)
    if name == "update" and isinstance(made, Box):
        box.items[:] = made.items
        return Known(None)
    return made


def _of_dict(box: Box, name: str, arguments: Sequence[Value]) -> Value | None:
    first = arguments[0] if arguments else None
    if name in {"get", "pop", "setdefault"} and first is not None:
        place = box.at(first)
        other = arguments[1] if len(arguments) > 1 else Known(None)
        if place is not None:
            found = box.items[place]
            if name == "pop":
                del box.keys[place], box.items[place]
            return found
        if name == "setdefault":
            box.put(first, other)
        return other if name != "pop" or len(arguments) > 1 else None
    if name == "update" and isinstance(first, Box) and first.kind == "dict" and not first.lost:
        for key, value in first.pairs():
            box.put(key, value)
        return Known(None)
    if arguments:
        return None
    if name == "keys":
        return Box("list", list(box.keys))
    if name == "values":
        return Box("list", list(box.items))
    return Box("list", [Several(pair) for pair in box.pairs()]) if name == "items" else None


def _digest(box: Box, name: str, arguments: Sequence[Value]) -> Value | None:
    given = box.items[0]
    if arguments or name not in {"hexdigest", "digest"} or not isinstance(given, Known):
        return None
    if not isinstance(given.value, bytes):
        return None
    made = hashlib.new(box.kind, given.value, usedforsecurity=False)
    return Known(made.hexdigest() if name == "hexdigest" else made.digest(), via=given.via)


def _in_order(items: Sequence[Value], key: Callable[[Value], Value] | None = None) -> list[Value] | None:
    """Values sorted, where each two can be compared."""
    keyed = [(key(item) if key is not None else item, item) for item in items]
    if len(keyed) > 100:
        return None
    sorted_: list[tuple[Value, Value]] = []
    for mine, item in keyed:
        at = len(sorted_)
        while at > 0:
            less = compare(ast.Lt(), mine, sorted_[at - 1][0])
            if less is None:
                return None
            if not less:
                break
            at -= 1
        sorted_.insert(at, (mine, item))
    if len(sorted_) == 1 and plain(sorted_[0][0]) is None:
        return [sorted_[0][1]]
    return [item for _, item in sorted_]


def _with_options(name: str, arguments: Sequence[Value], keywords: dict[str, Value]) -> Value | None:
    """`sorted(..., reverse=True)`, `min(..., default=0)`; a key function is for whoever can call it."""
    if set(keywords) - {"reverse", "default"} or len(arguments) != 1:
        return None
    items = elements(arguments[0])
    if items is None:
        return None
    if name != "builtins.sorted":
        return builtin(name, arguments, {}) if items else keywords.get("default")
    ordered, reverse = _in_order(items), truth(keywords.get("reverse", Known(False)))
    if ordered is None or reverse is None:
        return None
    if reverse and len({plain(item) for item in ordered}) != len(ordered):
        return None
    return Box("list", ordered[::-1] if reverse else ordered)


def _sequence(name: str, arguments: Sequence[Value]) -> Value | None:
    if name == "builtins.range":
        given = [item.value for item in arguments if isinstance(item, Known) and isinstance(item.value, int)]
        if len(given) != len(arguments) or not 1 <= len(given) <= 3 or (len(given) == 3 and given[2] == 0):
            return None
        numbers = range(*given)
        # len() overflows for what no list could hold; a slice of a range does not.
        few = len(numbers[:MOST_ITEMS + 1]) <= MOST_ITEMS
        return Box("list", [Known(item) for item in numbers]) if few else None
    if name == "builtins.sorted" and len(arguments) == 1:
        first = arguments[0]
        held = first.items if isinstance(first, Box) and first.kind == "set" and not first.lost else elements(first)
        ordered = None if held is None else _in_order(held)
        return None if ordered is None else Box("list", ordered)
    parts = [elements(item) for item in arguments]
    known = [part for part in parts if part is not None]
    if len(known) != len(parts) or not known:
        return None
    if name == "builtins.reversed":
        return Box("list", list(known[0])[::-1])
    if name == "builtins.zip":
        return Box("list", [Several(tuple(items)) for items in zip(*known, strict=False)])
    if name == "builtins.enumerate" and len(known) == 1:
        return Box("list", [Several((Known(at), item)) for at, item in enumerate(known[0])])
    return None


def _plainly(name: str, arguments: Sequence[Value]) -> Value | None:
    given = [item.value for item in arguments if isinstance(item, Known)]
    if len(given) != len(arguments):
        return None
    place = via(arguments)
    try:
        if name == "builtins.divmod":
            one, two = given
            if isinstance(one, int) and isinstance(two, int):
                return Several(tuple(Known(item, via=place) for item in divmod(one, two)))
            return None
        return known_or_unknown(_FUNCTIONS[name](*given), place)
    except (TypeError, ValueError, ArithmeticError):
        return None


def _date(name: str, arguments: Sequence[Value], keywords: dict[str, Value]) -> Value:
    """`datetime(2024, 1, 31, 12)`, without a time zone."""
    given = [item.value for item in arguments if isinstance(item, Known) and isinstance(item.value, int)]
    named = {
        key: item.value for key, item in keywords.items() if isinstance(item, Known) and isinstance(item.value, int)
    }
    if len(given) != len(arguments) or len(named) != len(keywords) or "tzinfo" in keywords:
        return UNKNOWN
    try:
        if name == "datetime.date":
            return Known(dates.date(*given, **named), via=via((*arguments, *keywords.values())))
        return Known(dates.datetime(*given, **named), via=via((*arguments, *keywords.values())))  # type: ignore[arg-type]  # noqa: DTZ001
    except (TypeError, ValueError, OverflowError):
        return UNKNOWN


def _encoded(name: str, arguments: Sequence[Value], keywords: dict[str, Value]) -> Value | None:
    if len(arguments) != 1:
        return None
    first = arguments[0]
    place = via((first,))
    try:
        if name.startswith("base64."):
            if keywords or not isinstance(first, Known) or not isinstance(first.value, bytes | str):
                return None
            encode = name.endswith("encode")
            if encode and not isinstance(first.value, bytes):
                return None
            made = base64.b64encode(first.value) if encode else base64.b64decode(first.value)  # type: ignore[arg-type]
            return known_or_unknown(made, place)
        if name == "json.loads":
            if keywords or not isinstance(first, Known) or not isinstance(first.value, str | bytes):
                return None
            return from_python(json.loads(first.value), place, 0)
        if set(keywords) - {"sort_keys"} or plain(first) is None:
            return None
        options = {key: bool(truth(item)) for key, item in keywords.items()}
        return known_or_unknown(json.dumps(to_python(first, 0), **options), place)  # type: ignore[arg-type]
    except (ValueError, TypeError, RecursionError):
        return None


def to_python(value: Value, depth: int) -> object:
    """A fully known value as Python has it; ValueError for all else."""
    if depth > _DEEPEST:
        raise ValueError
    if isinstance(value, Known) and isinstance(value.value, str | bool | int | float | None):
        return value.value
    if isinstance(value, Several) or (isinstance(value, Box) and value.kind == "list" and not value.lost):
        return [to_python(item, depth + 1) for item in value.items]
    if isinstance(value, Box) and value.kind == "dict" and not value.lost:
        pairs = [(to_python(key, depth + 1), to_python(item, depth + 1)) for key, item in value.pairs()]
        if all(isinstance(key, str | int) for key, _ in pairs):
            return dict(pairs)
    raise ValueError


def from_python(found: object, place: Place | None, depth: int) -> Value:
    """What a document of JSON holds, as a value."""
    if depth > _DEEPEST:
        return UNKNOWN
    if isinstance(found, list):
        return Box("list", [from_python(item, place, depth + 1) for item in found])
    if isinstance(found, dict):
        values = [from_python(item, place, depth + 1) for item in found.values()]
        return Box("dict", values, [Known(key) for key in found])
    return known_or_unknown(found, place)


def _collected(name: str, arguments: Sequence[Value]) -> Value | None:
    kind = name.rpartition(".")[2].removeprefix("frozen")
    if not arguments:
        return Box(kind) if kind != "tuple" else Several(())
    given = arguments[0]
    items = elements(given)
    if items is None and isinstance(given, Box) and given.kind == "set" and not given.lost and kind == "set":
        items = given.items
    if items is None:
        return None
    if kind == "tuple":
        return Several(tuple(items))
    if kind == "set":
        pictured = {plain(item): item for item in items}
        return Box("set", list(pictured.values())) if None not in pictured else None
    if kind == "list":
        return Box("list", list(items))
    box = Box("dict")
    if isinstance(given, Box) and given.kind == "dict":
        return Box("dict", list(given.items), list(given.keys))
    for item in items:
        pair = elements(item)
        if pair is None or len(pair) != 2:
            return None
        box.put(pair[0], pair[1])
    return None if box.lost else box


def _length(value: Value) -> Value:
    if isinstance(value, Several):
        return Known(len(value.items), via=via((value,)))
    if isinstance(value, Box) and not value.lost:
        pictures = [plain(item) for item in value.items]
        exact = value.kind != "set" or (None not in pictures and len(set(pictures)) == len(pictures))
        return Known(len(value.items), via=via((value,))) if exact else UNKNOWN
    if isinstance(value, Known) and isinstance(value.value, str | bytes):
        return Known(len(value.value), via=value.via)
    return UNKNOWN


def _number(name: str, arguments: Sequence[Value]) -> Value:
    last = name.rpartition(".")[2]
    start = arguments[1] if last == "sum" and len(arguments) == 2 else Known(0)
    whole = last == "sum" or (len(arguments) == 1 and last in {"max", "min"})
    items = elements(arguments[0]) if whole and arguments else arguments
    if items is None or (not items and last != "sum"):
        return UNKNOWN
    numbers = [item.value for item in items if isinstance(item, Known)]
    place = via([*items, *arguments])
    if len(numbers) != len(items) or not isinstance(start, Known) or not isinstance(start.value, int | float | Decimal):
        return UNKNOWN
    return _of_numbers(last, numbers, start.value, place)


def _of_numbers(last: str, numbers: list[Primitive], start: int | float | Decimal, place: Place | None) -> Value:
    if last in {"max", "min"} and numbers:
        if not all(isinstance(item, str) for item in numbers) and not all(_counts(item) for item in numbers):
            return UNKNOWN
        best = max(numbers) if last == "max" else min(numbers)  # type: ignore[type-var]
        return Known(best, via=place)
    if not all(_counts(item) for item in numbers):
        return UNKNOWN
    try:
        if last == "sum":
            return known_or_unknown(sum(numbers, start), place)  # type: ignore[arg-type]
        if last == "abs":
            return known_or_unknown(abs(numbers[0]), place)  # type: ignore[arg-type]
        digits = numbers[1] if len(numbers) > 1 else None
        if digits is not None and not (isinstance(digits, int) and abs(digits) < 20):
            return UNKNOWN
        number: Any = numbers[0]
        return known_or_unknown(round(number, digits), place)
    except (ValueError, OverflowError, TypeError, ArithmeticError, IndexError):
        return UNKNOWN


def _counts(item: object) -> bool:
    if isinstance(item, int | float | Decimal):
        return -(10**30) < item < 10**30
    return isinstance(item, timedelta)


def _duration(arguments: Sequence[Value], keywords: dict[str, Value]) -> Value:
    named = dict(zip(("days", "seconds"), arguments, strict=False)) | keywords
    given: dict[str, float] = {}
    for name, value in named.items():
        if name not in _DURATIONS or not isinstance(value, Known) or not isinstance(value.value, int | float):
            return UNKNOWN
        given[name] = value.value
    try:
        return Known(timedelta(**given), via=via(named.values()))
    except (OverflowError, ValueError):
        return UNKNOWN


def _decimal(value: Value) -> Value:
    if not isinstance(value, Known) or not isinstance(value.value, int | str) or len(str(value.value)) > 50:
        return UNKNOWN
    try:
        return known_or_unknown(Decimal(value.value), value.via)
    except (InvalidOperation, ValueError):
        return UNKNOWN


def _converted(name: str, value: Value) -> Value:
    if name == "builtins.bool":
        decided = truth(value)
        return UNKNOWN if decided is None else Known(decided, via=via((value,)))
    if isinstance(value, Problem) and name == "builtins.str":
        return value.message if isinstance(value.message, Known) and isinstance(value.message.value, str) else UNKNOWN
    if not isinstance(value, Known) or isinstance(value.value, bytes | timedelta | dates.date):
        return UNKNOWN
    try:
        if name == "builtins.str":
            return known_or_unknown(str(value.value), value.via)
        if isinstance(value.value, str) and len(value.value) > 100:
            return UNKNOWN
        given: Any = value.value
        made = float(given) if name == "builtins.float" else int(given)
        return Known(made, value.origin, value.via) if math.isfinite(made) else UNKNOWN
    except (ValueError, OverflowError, TypeError):
        return UNKNOWN
