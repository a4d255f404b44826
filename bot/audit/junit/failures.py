"""Reads what is printed in JUnit XML of one failure: tracebacks as Python and as pytest print them."""

from __future__ import annotations

import re

from bot.audit.junit.cases import MOST_TEXT, Ending
from bot.audit.outcomes.hidden import bases_of, raised_from
from bot.domain.logs import Frame
from bot.domain.suite import Phase, RaisedException, RawStatus
from bot.logs.tracebacks import HEADER, parse_tracebacks, place

_PHASES: tuple[tuple[str, Phase], ...] = (
    ("failed on setup", "setup"), ("failed on teardown", "teardown"), ("collection failure", "collect"))
_E_LINE = re.compile(r"^E(?:   ?|\t| {2,})(.*)$")
_PLACE = re.compile(r"^(?P<path>[^\s:][^\n:]{0,500}\.py|<[\w. ]{1,100}>):(?P<line>\d{1,7}):"
                    r"(?: in (?P<function>\S+)| ?(?P<type>[\w.]*))$")
_DEF = re.compile(r"^>?\s+(?:async )?def (\w+)\(")
_CHAIN = re.compile(r"^(?:The above exception was the direct cause of the following exception:|During handling of the "
                    r"above exception, another exception occurred:)\s*$", re.MULTILINE)
_TYPED = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Failed|Warning|Exit|Interrupt|Timeout|Group|Expired|\w*))"
                    r"(?:: ?(.*))?$", re.DOTALL)


def status_of(ending: Ending) -> tuple[RawStatus, Phase | None]:
    """How a case ended, and in which phase; pytest says of an error and of an expected failure which it is."""
    if ending.kind == "passed":
        return "passed", None
    if ending.kind == "skipped":
        return ("xfailed", "call") if ending.type.endswith("xfail") else ("skipped", "call")
    phase: Phase = next((phase for words, phase in _PHASES if words in ending.message), "call")
    return ("error" if ending.kind == "error" else "failed"), phase


def exceptions_of(ending: Ending, path: str) -> tuple[RaisedException, ...]:
    """The exceptions that an ending tells of: what failed first, then its causes."""
    text = ending.text[:MOST_TEXT]
    if HEADER in text and not re.search(r"^E  ", text, re.MULTILINE):
        printed = [raised_from(logged) for logged in reversed(parse_tracebacks(text)) if logged.type != "Traceback"]
        if printed:
            return tuple(_within(raised, path) for raised in printed)[:12]
    parts = [part for part in _CHAIN.split(text) if part.strip()]
    found = [raised for part in reversed(parts) if (raised := _long(part)) is not None]
    if not found:
        found = [_from_message(ending)]
    elif ending.kind == "failure" and not found[0].message:
        found[0] = found[0].model_copy(update={"message": _from_message(ending).message})
    return tuple(_within(raised, path) for raised in found)[:12]


def _long(text: str) -> RaisedException | None:
    """One exception in pytest's own way to print it; None when it is none."""
    frames: list[Frame] = []
    said: list[str] = []
    function, source, kind = "", "", ""
    for line in text.splitlines()[:20_000]:
        if (explained := _E_LINE.match(line)) is not None:
            said.append(explained[1].removeprefix("  "))
        elif (at := _PLACE.match(line.strip())) is not None and not line.startswith(("E", ">")):
            shown, in_app = place(at["path"])
            frames.append(Frame(path=shown, line=int(at["line"]), function=at["function"] or function, source=source,
                                in_app=in_app))
            kind, function, source = at["type"] or kind, "", ""
        else:
            function = begins[1] if (begins := _DEF.match(line)) is not None else function
            source = line[1:].strip()[:240] if line.startswith(">") else source
    if not said and not frames:
        return None
    message = "\n".join(said).strip()
    named = _TYPED.match(message)
    if named is not None and (not kind or named[1].rpartition(".")[2] == kind.rpartition(".")[2]):
        kind, message = named[1], named[2] or ""
    if kind in {"", "assert"} or (message.startswith("assert ") and not kind):
        kind = "AssertionError"
    return RaisedException(type=kind, message=message, bases=bases_of(kind), frames=tuple(frames))


def _from_message(ending: Ending) -> RaisedException:
    """What the attributes alone say."""
    kind = re.sub(r"^(?:builtins|exceptions)\.", "", ending.type)
    message = ending.message or ending.text.strip()[:4_000]
    named = _TYPED.match(message)
    if named is not None and not kind and ":" in message[:200]:
        kind, message = named[1], named[2] or ""
    kind = kind or ("AssertionError" if ending.kind == "failure" else "Exception")
    return RaisedException(type=kind, message=message, bases=bases_of(kind))


def _within(raised: RaisedException, path: str) -> RaisedException:
    """The exception with the frames of its own test file called as that file is."""
    return raised.model_copy(update={"frames": tuple(
        frame.model_copy(update={"path": path}) if path and frame.in_app and _same_file(frame.path, path) else frame
        for frame in raised.frames)})


def _same_file(one: str, other: str) -> bool:
    return one == other or one.endswith(f"/{other}") or other.endswith(f"/{one}")
