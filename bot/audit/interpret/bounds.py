"""What a call of a library function may cost: whatever could take long or give something large is refused before."""

from __future__ import annotations

import decimal
import enum
import fractions
import io
import operator
import re
import types
from typing import Any

from bot.audit.interpret.patterns import work_of
from bot.audit.interpret.values import (
    CONTAINERS,
    MOST_BITS,
    MOST_ITEMS,
    MOST_TEXT,
    Bounded,
    is_instance,
    items_of,
    size_of,
    spend,
    undecided,
    weigh,
)

WIDE = re.compile(r"\d{4,}|\*")
_WIDTHS = {"ljust", "rjust", "center", "zfill", "expandtabs", "to_bytes", "round", "repeat", "bytes", "bytearray",
           "islice", "ldexp", "quantize", "scaleb", "shift", "rotate", "indent", "shorten", "wrap", "fill",
           "combinations", "permutations", "product", "token_hex", "random", "deque", "namedtuple", "tee", "quantiles",
           "seek", "truncate", "read", "fromkeys", "dumps", "Enum", "Flag"}
_PATTERNS = {"compile", "match", "search", "fullmatch", "sub", "subn", "findall", "finditer", "split"}
_SUMS = {"sum", "prod", "mean", "median", "stdev", "pstdev", "variance", "fmean", "quantiles", "mode"}
_TEXT_WORK = {"textwrap", "html", "urllib.parse", "uuid", "base64"}
_HASHING = {"set", "frozenset", "dict", "Counter", "OrderedDict", "defaultdict", "update", "union", "intersection",
            "difference", "symmetric_difference", "issubset", "issuperset", "isdisjoint", "fromkeys",
            "difference_update", "intersection_update", "symmetric_difference_update", "Enum"}
_MOST_TEXT_WORK = 5_000
_ENCODINGS = {"utf8", "utf16", "utf16le", "utf16be", "utf32", "ascii", "usascii", "latin1", "iso88591", "cp1252",
              "utf8sig", "l1"}
_UNFORMATTED = re.compile(r"\{[^{}]*[.\[]|\d{4,}|:[^{}]*\{")
_DEBUG = int(re.DEBUG)


def plain(value: Any) -> Any:
    """A number or string without what an interpreted class makes of it."""
    if isinstance(value, int):
        return int.__index__(value)
    if isinstance(value, str):
        return str.__str__(value)
    return value


def whole(value: Any) -> int | None:
    """The whole number that a value counts as; None where it counts as none."""
    if isinstance(value, int):
        return int.__index__(value)
    return operator.index(value) if is_instance(value) and hasattr(type(value), "__index__") else None


def check_call(function: Any, name: str, owner: Any, args: list[Any], kwargs: dict[str, Any]) -> None:
    """End the interpretation before a call that could take long or give something large."""
    given = [*args, *kwargs.values()]
    for value in given:
        if isinstance(value, range) and len(value) > MOST_ITEMS and name not in {"len", "iter", "isinstance"}:
            raise Bounded("a range that is too long")
        if name in _WIDTHS:
            number = whole(value)
            if number is not None and abs(number) > MOST_ITEMS:
                raise Bounded("a size that is too large")
        if isinstance(value, str | bytes) and size_of(value) > 1_000:
            spend(size_of(value) >> 10)
        if name in _HASHING and isinstance(value, CONTAINERS):
            size = size_of(value)
            spend(size * (size >> 6) >> 6)
    if isinstance(owner, str | bytes | bytearray):
        _check_text(name, owner, args, kwargs)
    _check_encoding(name, owner, args, kwargs)
    _check_numbers(name, owner, given)
    _check_module(function, name, args, kwargs)
    if name in _PATTERNS or name == "expand":
        check_pattern(function, name, owner, args, kwargs)
    if name == "write" and isinstance(owner, io.StringIO | io.BytesIO):
        held = owner.tell() + sum(size_of(value) for value in given if isinstance(value, str | bytes | bytearray))
        if held > MOST_TEXT:
            raise Bounded("a stream that is too long")


def _check_text(name: str, owner: Any, args: list[Any], kwargs: dict[str, Any]) -> None:
    size = size_of(owner)
    if size > 1_000:
        spend(size >> 10)
    if name == "replace" and len(args) > 1 and isinstance(args[1], str | bytes | bytearray) \
            and (size + 1) * (size_of(args[1]) + 1) > 10 * MOST_TEXT:
        raise Bounded("a replacement that is too long")
    if name == "join" and args:
        if not isinstance(args[0], CONTAINERS):
            undecided("a text joined from something odd")
        total = sum(size_of(item) if isinstance(item, str | bytes | bytearray) else 0 for item in items_of(args[0]))
        if total + size * size_of(args[0]) > MOST_TEXT:
            raise Bounded("a text that is too long")
    if name == "expandtabs" and size * max([8, *(abs(whole(item) or 0) for item in args)]) > 10 * MOST_TEXT:
        raise Bounded("a text that is too long")
    if name == "translate":
        table = args[0] if args else None
        widest = max((size_of(item) for item in dict.values(table) if isinstance(item, str)), default=1) \
            if isinstance(table, dict) else 1
        if size * max(widest, 1) > MOST_TEXT:
            raise Bounded("a text that is too long")
    if name in {"format", "format_map"}:
        text = str.__str__(owner) if isinstance(owner, str) else ""
        if _UNFORMATTED.search(text) or name == "format_map":
            undecided("a format that reads attributes")
        if weigh(*args, *kwargs.values()):
            undecided("a format of something unknown")


def _check_encoding(name: str, owner: Any, args: list[Any], kwargs: dict[str, Any]) -> None:
    """Only quick and common encodings: others import modules, and some take long."""
    said: list[Any] = [kwargs[key] for key in ("encoding",) if key in kwargs]
    if name in {"encode", "decode"} and isinstance(owner, str | bytes | bytearray):
        said += args[:1]
    elif name in {"str", "bytes", "bytearray"}:
        said += [item for item in args[1:2] if isinstance(item, str)]
    elif name in {"quote", "quote_plus", "unquote", "unquote_plus", "urlencode", "parse_qs", "parse_qsl"}:
        said += [item for item in args[2:] if isinstance(item, str)]
    for item in said:
        if item is not None and (type(item) is not str
                                 or item.lower().replace("-", "").replace("_", "") not in _ENCODINGS):
            undecided("an encoding that is not common")


def _check_numbers(name: str, owner: Any, given: list[Any]) -> None:
    if name in {"prod", "pow", "perm", "comb", "factorial", "lcm"}:
        size = sum(int.bit_length(item) for value in given
                   for item in (items_of(value) if isinstance(value, CONTAINERS) else (value,))
                   if isinstance(item, int))
        wide = any(isinstance(value, int) and abs(plain(value)) > 1_000 for value in given)
        if size > MOST_BITS or (name in {"pow", "perm", "comb", "factorial"} and wide):
            raise Bounded("a number that is too large")
    if name in _SUMS:
        size = 0
        for value in given:
            for item in items_of(value) if isinstance(value, CONTAINERS) else (value,):
                if isinstance(item, fractions.Fraction):
                    size += item.denominator.bit_length()
                elif isinstance(item, (*CONTAINERS, str)):
                    size += size_of(item)
        if size > MOST_BITS:
            raise Bounded("a sum of too many parts")
    if name in {"int", "Fraction", "float", "Decimal", "complex"} and any(
            isinstance(value, str | bytes) and (size_of(value) > 400 or _has_exponent(value)) for value in given):
        raise Bounded("a number that is too large")
    if name in {"Decimal", "from_float", "__new__"} and any(isinstance(value, tuple | list) for value in given) \
            and isinstance(owner, type) | (owner is None):
        undecided("a number made of its parts")
    numbers = [value for value in (*given, owner) if isinstance(value, decimal.Decimal)]
    if any(decimal.Decimal.is_finite(value) and abs(decimal.Decimal.adjusted(value)) > 1_000 for value in numbers):
        raise Bounded("a number that is too large")


def _has_exponent(text: Any) -> bool:
    text = str.__str__(text) if isinstance(text, str) else bytes.decode(bytes(text), "latin-1")
    return re.search(r"[eE][+-]?\d{4,}", text.replace("_", "")) is not None


def _check_module(function: Any, name: str, args: list[Any], kwargs: dict[str, Any]) -> None:
    """Bounds of functions that are written in Python, and so take longer."""
    module = getattr(function, "__module__", "")
    if module in _TEXT_WORK:
        total = sum(size_of(value) for value in (*args, *kwargs.values()) if isinstance(value, str | bytes))
        spend(total >> 5)
        if module == "textwrap" and total > _MOST_TEXT_WORK:
            raise Bounded("a text that is too long")
    if name == "dumps":
        for key in ("indent", "separators"):
            found = kwargs.get(key)
            parts = items_of(found) if isinstance(found, CONTAINERS) else [found]
            if any((isinstance(item, str) and size_of(item) > 20) or (isinstance(item, int) and plain(item) > 20)
                   for item in parts):
                raise Bounded("a text that is too long")
    if isinstance(function, enum.EnumMeta) and len(args) + len(kwargs) > 1:
        _check_members(args[1] if len(args) > 1 else kwargs.get("names"))


def _check_members(names: Any) -> None:
    """An enumeration made by a call: its members have plain names, so that none is a method that Python calls."""
    if type(names) is str:
        names = names.replace(",", " ").split()
    found = [next(items_of(item)) if isinstance(item, list | tuple) and item else item
             for item in (items_of(names) if isinstance(names, CONTAINERS) else [None])]
    if any(type(item) is not str or not item.isidentifier() or item.startswith("_") for item in found):
        undecided("an enumeration of odd members")


def check_pattern(function: Any, name: str, owner: Any, args: list[Any], kwargs: dict[str, Any]) -> None:
    """End the interpretation before a search that may take long, or a replacement that may grow large."""
    if isinstance(owner, re.Match):
        size = sum(len(part or "") for part in (owner.group(), *owner.groups()))
        if name == "expand" and args and size * size_of(args[0]) > MOST_TEXT:
            raise Bounded("a text that is too long")
        return
    if not isinstance(owner, re.Pattern) and getattr(function, "__module__", "") != "re":
        return
    rest = list(args)
    pattern = owner if isinstance(owner, re.Pattern) else rest.pop(0) if rest else kwargs.get("pattern")
    rest += [value for key, value in kwargs.items() if key != "pattern"]
    if any(isinstance(item, int) and plain(item) & _DEBUG for item in rest):
        undecided("a pattern that is printed")
    if any(isinstance(item, str | bytes) and type(item) not in (str, bytes) for item in (pattern, *rest)):
        undecided("a pattern or text of an odd class")
    texts = [value for value in rest if isinstance(value, str | bytes)]
    longest = max((len(text) for text in texts), default=0)
    work = work_of(pattern, longest)
    if work is None:
        raise Bounded("a pattern that may take long")
    spend(work >> 8)
    if name in {"sub", "subn"} and rest and isinstance(rest[0], str | bytes):
        growth = (longest + 1) * (len(rest[0]) + 1)
        if growth > 10 * MOST_TEXT or (rest[0].find("\\" if isinstance(rest[0], str) else b"\\") >= 0  # type: ignore[arg-type]
                                       and growth * (longest + 1) > 100 * MOST_TEXT):
            raise Bounded("a replacement that is too long")


class Growing:
    """A function that gives replacements, which may not become too long together."""

    def __init__(self, function: Any) -> None:
        self.function, self.left = function, MOST_TEXT

    def __call__(self, match: Any) -> Any:
        """One replacement."""
        found = self.function(match)
        self.left -= size_of(found) if isinstance(found, str | bytes) else 0
        if self.left < 0:
            raise Bounded("a replacement that is too long")
        return found


class Counted:
    """An iterator for a function that may skip any number of its items: each is a step."""

    def __init__(self, items: Any) -> None:
        self._next = type(items).__next__
        self._items = items

    def __iter__(self) -> Counted:
        return self

    def __next__(self) -> Any:
        spend(1)
        return self._next(self._items)


def is_lazy(value: Any) -> bool:
    """Whether a value is an iterator of the standard library that may hold others in it."""
    return type(value).__module__ in {"itertools", "builtins"} and hasattr(type(value), "__next__") \
        and not isinstance(value, types.GeneratorType)
