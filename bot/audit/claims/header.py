"""Claims about the report as a whole: its date, the marks it gives, the verdicts it states."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from bot.audit.claims.markdown import Unit, plain
from bot.audit.claims.places import quote
from bot.domain.claims import Claim, Quantity, Subject

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMES = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_ISO = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)")
_MONTH_FIRST = re.compile(rf"\b{_NAMES}\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})\b", re.IGNORECASE)
_DAY_FIRST = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\.?\s+{_NAMES}\.?,?\s+(\d{{4}})\b", re.IGNORECASE)
_DATE_LABEL = re.compile(r"\W{0,6}(?P<label>(?:report|audit|test|execution|run|generated|executed|created)?\s?"
                         r"(?:date|on|at)|date)\s*:", re.IGNORECASE)
_OF_TEN = re.compile(r"(?<![\w./-])(\d{1,3}(?:\.\d{1,2})?)\s?/\s?(5|10|100)(?![\w/]|\.\d)")
_OVERALL = re.compile(r"\boverall\b|\btotal\s+score\b|\baverage\b|\bfinal\s+(?:score|rating)\b", re.IGNORECASE)
_MARKS = re.compile(r"\bscores?\b|\bratings?\b|\bmarks?\b|\bgrades?\b", re.IGNORECASE)
_COUNTED = re.compile(r"\b(?:tests|passed|failed|passing|failing|connections?|attempts?|combinations?|"
                      r"patterns?)\b", re.IGNORECASE)
_VERDICT = re.compile(r"(?:recommendation|verdict|decision|go\s?/\s?no-?go|overall(?:\s+audit)?\s+(?:result|status|"
                      r"verdict))\s*:\s*"
                      r"\W{0,8}(?P<said>no[\s-]go|go|hold|approved|rejected|not\s+ready|ready|pass(?:ed)?|"
                      r"fail(?:ed)?)\b"
                      r"(?!\s+(?:through|over|to|by)\b)", re.IGNORECASE)
_HOLD = re.compile(r"\b(?:hold\s+deployment|do\s+not\s+(?:deploy|merge|release)|not\s+ready\s+(?:for|"
                   r"to))\b", re.IGNORECASE)
_CRITICAL = re.compile(r"\bcritical\s+(?:issues|failures|defects|problems)\s*(?:are\s+|were\s+)?(?:identified|found|"
                       r"remain\w*|"
                       r"confirmed|open|unresolved)\b", re.IGNORECASE)
_NONE = re.compile(r"\bno\b|\bnone\b|\bzero\b|\b0\b|\bresolved\b|\bfixed\b|\bif\b|\bpreviously\b|\bwhen\b|\bunless\b|"
                   r"\bclosed\b|"
                   r"\blegend\b|\bmeans\b|\bafter\b|\bbefore\b|\bonce\b|\buntil\b", re.IGNORECASE)


def day_in(text: str) -> date | None:
    """The first day that a text names in full; None when there is none or it does not exist."""
    short = text[:300]
    try:
        if found := _ISO.search(short):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if found := _MONTH_FIRST.search(short):
            return date(int(found[3]), _MONTHS.index(found[1].lower()) + 1, int(found[2]))
        if found := _DAY_FIRST.search(short):
            return date(int(found[3]), _MONTHS.index(found[2].lower()) + 1, int(found[1]))
    except ValueError:
        return None
    return None


def claims(path: str, parts: tuple[Unit, ...]) -> Iterator[Claim]:
    """The claims of one report about itself."""
    yield from _dates(path, parts)
    yield from _marks(path, parts)
    yield from _verdicts(path, parts)


def _claim(path: str, unit: Unit, subject: Subject, quantity: Quantity, word: str, evidence: str = "") -> Claim:
    return Claim(path=path, line=unit.line, quote=quote(unit, unit.line), subject=subject, quantity=quantity,
                 statement=unit.line, word=word, evidence=evidence)


def _dates(path: str, parts: tuple[Unit, ...]) -> Iterator[Claim]:
    """The labelled dates before the second section: those of the report, not of what it tells."""
    sections = 0
    for unit in parts:
        sections += unit.kind == "heading" and unit.depth > 1
        if sections > 1:
            return
        label = _DATE_LABEL.match(unit.text[:100]) if unit.kind in {"text", "item"} else None
        day = day_in(unit.text) if label is not None else None
        if label is not None and day is not None:
            quantity = Quantity(least=day.toordinal(), most=day.toordinal(), text=day.isoformat())
            yield _claim(path, unit, "date", quantity, " ".join(label["label"].lower().split()))


def _marks(path: str, parts: tuple[Unit, ...]) -> Iterator[Claim]:
    """An overall mark with its parts in the same table or list, as `evidence`: `3 9 4 6 9`."""
    blocks: dict[int, list[Unit]] = {}
    for unit in parts:
        if unit.kind in {"row", "item"}:
            blocks.setdefault(unit.block, []).append(unit)
    for members in blocks.values():
        each = [(unit, _OF_TEN.findall(plain(unit.raw[:400]))) for unit in members]
        marked = [(unit, found) for unit, found in each if len(found) == 1]
        overall = [(unit, found[0]) for unit, found in marked if _OVERALL.search(unit.text[:200])]
        if len(overall) != 1:
            continue
        unit, (value, scale) = overall[0]
        others = [found[0][0] for one, found in marked if one is not unit and found[0][1] == scale
                  and not _COUNTED.search(one.text[:200])]
        if len(others) >= 2:
            word = "average" if re.search(r"\baverage\b", unit.text[:200], re.IGNORECASE) else "overall"
            quantity = Quantity(least=float(value), most=float(value), text=f"{value}/{scale}")
            yield _claim(path, unit, "rating", quantity, word, " ".join(others))


def _verdicts(path: str, parts: tuple[Unit, ...]) -> tuple[Claim, ...]:
    """Words of approval (1) and of refusal (0), where a report has both or approves."""
    found = tuple(_stated(path, parts))
    return found if any(claim.quantity.least for claim in found) else ()


def _stated(path: str, parts: tuple[Unit, ...]) -> Iterator[Claim]:
    for unit in parts:
        if unit.kind not in {"heading", "text", "item"} or unit.checked is not None:
            continue
        text = unit.text[:600]
        said = _VERDICT.search(text)
        if said is not None and not re.match(r"\s*(?:if|when|once|unless|or\b|/)", text[said.end():], re.IGNORECASE):
            word = " ".join(said["said"].upper().split())
            good = word in {"GO", "APPROVED", "READY", "PASS", "PASSED"}
            yield _claim(path, unit, "verdict", Quantity(least=good, most=good, text=word), "verdict")
        elif (hold := _HOLD.search(text)) is not None and not _NONE.search(text[:hold.start()]):
            yield _claim(path, unit, "verdict", Quantity(least=0, most=0, text=hold[0].upper()), "advice")
        elif (critical := _CRITICAL.search(text)) is not None and not _NONE.search(text):
            yield _claim(path, unit, "verdict", Quantity(least=0, most=0, text=critical[0].upper()), "critical")
