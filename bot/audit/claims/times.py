"""How long a run took, as people write it in prose."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.audit.claims.wording import TESTS
from bot.domain.claims import Quantity

_I = re.IGNORECASE
_TIME = r"(?P<t>\d{1,6}(?:\.\d{1,6})?)\s?(?P<unit>ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?)(?![\w/])"
_DURATION = re.compile(
    rf"\b(?:(?:total\s+)?(?:test\s+|suite\s+)?(?:execution|run)[\s-]*time|(?:total\s+)?(?:test|suite)\s+(?:duration|"
    rf"time)|"
    rf"total\s+(?:duration|time))\s*(?:of|is|was|:)?\s*(?P<about>~|about\s+|under\s+|less\s+than\s+|<\s?|"
    rf"over\s+)?{_TIME}|"
    rf"\b(?:passed|failed|skipped|errors?|ran|completed|finished|tests?|executed|run)\s+in\s+"
    rf"(?P<about2>~|about\s+|under\s+|less\s+than\s+|<\s?|"
    rf"over\s+)?{_TIME.replace('?P<t>', '?P<t2>').replace('?P<unit>', '?P<u2>')}",
    _I)
_TAKES = re.compile(rf"\b(?:suite|run|everything|it\s+all|all\s+{TESTS}|the\s+tests)\s+(?:now\s+|still\s+|only\s+)?"
                    rf"(?:finish(?:es|ed)?|takes?|took|complete[sd]?|ends?|ended|is\s+done|lasts?|lasted|needs?|"
                    rf"needed)\s+(?:in\s+)?"
                    rf"(?P<about>~|about\s+|around\s+|roughly\s+|under\s+|less\s+than\s+|<\s?|over\s+)?{_TIME}"
                    rf"(?!\s*(?:each|per|longer|more|less|faster|slower))", _I)
_SCALE = {"m": 60.0, "h": 3600.0}


def durations(clause: str) -> Iterator[Quantity]:
    """The times of a whole run that a clause states; those that are only named as rough have room around them."""
    for match in (*_DURATION.finditer(clause), *_TAKES.finditer(clause)):
        said = match.groupdict()
        value, unit = float(said["t"] or said["t2"]), (said["unit"] or said["u2"]).lower()
        about = (said["about"] or said.get("about2") or "").strip().lower()
        scale = 0.001 if unit.startswith(("ms", "mil")) else _SCALE.get(unit[0], 1.0)
        seconds = value * scale
        least = 0.0 if about in {"under", "less than", "<"} else seconds
        most = 1e12 if about == "over" else seconds
        yield Quantity(least=least, most=most, text=f"{said['t'] or said['t2']} {unit}")
