"""Whether the implementation's own words speak for a value that its code does not give."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import timedelta

from bot.audit.evaluating.values import Place
from bot.audit.reading.flat import every
from bot.audit.reading.source import FunctionNode, Source

_AROUND = 4
"""Lines before and after a constant in which a comment is about it."""

_LONGEST = 1_000
"""Characters of a sentence that are read."""

_SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
_ONES = {word: number for number, word in enumerate(_SMALL.split())} | {"seventeen": 17, "eighteen": 18, "nineteen": 19}
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_UNITS = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds", "msec"), 0.001),
    **dict.fromkeys(("minute", "minutes", "min", "mins", "m"), 60.0),
    **dict.fromkeys(("hour", "hours", "h", "hr", "hrs"), 3600.0),
    **dict.fromkeys(("day", "days", "d"), 86400.0),
    **dict.fromkeys(("kb", "kib", "k"), 1024.0),
    **dict.fromkeys(("mb", "mib"), 1024.0 * 1024),
    "dozen": 12.0,
}
_NUMBER = re.compile(r"(?<![\w.])(-?\d[\d_,]{0,20}(?:\.\d{1,20})?)[ \t]?-?[ \t]?([a-z]+|%)?", re.IGNORECASE)
_WORD = re.compile(r"[a-z]+", re.IGNORECASE)
_DEMANDS = re.compile(
    r"\b(must|never|always|shall|should|rais(?:e|es|ed|ing)|reject|refus|invalid|forbid|only|not allowed|required|"
    r"at least|at most|non-negative|positive|fails?|error)",
    re.IGNORECASE,
)


_SPECIFIC = re.compile(
    r"\d|\b(half|twice|doubl\w*|each|always|never|only|must|until|inclusive\w*|exclusive\w*|sorted|order(?:ed)?|first|last|"
    r"newest|oldest|ascending|descending|unique|empty|lower|upper|case|rounded|exactly|except|unless|otherwise|before|"
    r"after|when|if|per|without|not|no|none|least|most|more|less|than|above|below|from|zero|one|two|three|four|five|six|"
    r"seven|eight|nine|ten|twenty|thirty|sixty|hundred|minute|minutes|hour|hours|grow\w*|exponential\w*|raise[sd]?|"
    r"should|shall|ignor\w*|strip\w*|normali[sz]\w*|like|as|for example|e\.g)\b",
    re.IGNORECASE,
)


def numbers_in(text: str) -> frozenset[float]:
    """Every number that a text names, in digits or words, also as what its unit makes of it: `1 minute` is 1 and 60."""
    found: set[float] = set()
    for digits, unit in _NUMBER.findall(text):
        with_unit = digits.replace("_", "").replace(",", "")
        if len(with_unit) < 20:
            found |= {float(with_unit), float(with_unit) * _UNITS.get(unit.lower(), 1.0)}
            if unit == "%":
                found.add(float(with_unit) / 100)
    words = [word.lower() for word in _WORD.findall(text)]
    for at, word in enumerate(words):
        value = 1 if word in {"a", "an"} else _ONES.get(word, _TENS.get(word))
        if value is None:
            continue
        then = words[at + 1] if at + 1 < len(words) else ""
        if word in _TENS and 0 < _ONES.get(then, 0) < 10:
            value += _ONES[then]
            then = words[at + 2] if at + 2 < len(words) else ""
        if then == "hundred":
            value, then = value * 100, words[at + 2] if at + 2 < len(words) else ""
        if word not in {"a", "an"}:
            found.add(float(value))
        if then in _UNITS:
            found.add(value * _UNITS[then])
    if re.search(r"\b(never|non|not|no)[- ]negative", text, re.IGNORECASE):
        found.add(0.0)
    return frozenset(found)


def prose_about(source: Source, place: Place) -> tuple[str, ...]:
    """The docstrings around a line of a file, and the comments near it, in sentences."""
    texts = [text for text in (_docstring(source.tree),) if text]
    for node in (*every(source.tree, ast.ClassDef), *_functions(source.tree)):
        if node.lineno <= place.line <= (node.end_lineno or node.lineno):
            texts.append(_docstring(node))
            if isinstance(node, ast.ClassDef):
                texts += [_docstring(item) for item in node.body if isinstance(item, FunctionNode)]
    first = max(place.line - _AROUND, 1)
    for number in range(first, place.line + _AROUND + 1):
        line = source.line(number)
        _, hash_, comment = line.partition("#")
        if hash_:
            texts.append(comment)
    follows = _string_after(source, place.line)
    return tuple(
        sentence[:_LONGEST]
        for text in (*texts, follows)
        for sentence in re.split(r"(?<=[.;])\s|\n", text)
        if sentence.strip()
    )


def _functions(tree: ast.Module) -> Iterator[FunctionNode]:
    yield from every(tree, ast.FunctionDef)
    yield from every(tree, ast.AsyncFunctionDef)


def _docstring(node: ast.Module | ast.ClassDef | FunctionNode) -> str:
    return ast.get_docstring(node) or ""


def _string_after(source: Source, line: int) -> str:
    """The string that stands as a statement right after a line: the docstring of an attribute."""
    for node in every(source.tree, ast.Expr):
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str) and node.lineno == line + 1:
            return node.value.value
    return ""


def speaks_for(source: Source, place: Place, expected: object, actual: object) -> bool:
    """Whether the prose about a place names the expected value, and not in one breath with the actual one."""
    return any(_names(text, expected) and not _names(text, actual) for text in prose_about(source, place))


def demands(source: Source, place: Place, names: tuple[str, ...]) -> bool:
    """Whether the prose about a place says that something must be or is refused, or names one of the exceptions."""
    return any(
        _DEMANDS.search(sentence) or any(name in sentence for name in names) for sentence in prose_about(source, place)
    )


def leaves_open(source: Source, place: Place, expected: object, actual: object) -> bool:
    """Whether the prose about a place may speak for an expected value: by saying anything specific.

    What names the actual value and not the expected one speaks for the code.
    """
    return any(
        _SPECIFIC.search(text) and not (_is_telling(actual) and _names(text, actual) and not _names(text, expected))
        for text in prose_about(source, place)
    )


def _is_telling(value: object) -> bool:
    """Whether a value is one that prose does not name by chance."""
    if isinstance(value, bool) or value is None or isinstance(value, list | tuple | dict):
        return False
    if isinstance(value, int | float):
        return abs(value) > 2
    return len(str(value)) > 2


def _names(text: str, value: object) -> bool:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or value is None:
        return str(value).lower() in (word.lower() for word in _WORD.findall(text))
    if isinstance(value, int | float):
        return float(value) in numbers_in(text)
    return str(value).strip() != "" and str(value).lower() in text.lower()
