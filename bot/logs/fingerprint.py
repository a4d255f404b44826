"""Fingerprints, rules v2: a pure function of one entry (a joined one where it came in pieces).

Never part of it: revision, instance, trace, time, line number. So a deploy that shifts lines, another
instance, or other entries around it leave a fingerprint as it is.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from bot.domain.base import Fingerprint
from bot.domain.logs import Frame, GroupKind, LogEntry, LoggedException
from bot.logs.masking import mask, mask_path
from bot.logs.tracebacks import CUT_OFF, parse_tracebacks

VERSION = "v2"
DECIDING_FRAMES = 5


class Identified(NamedTuple):
    """A fingerprint, the rule that made it, and the exceptions that were read on the way."""

    fingerprint: Fingerprint
    kind: GroupKind
    exceptions: tuple[LoggedException, ...] = ()


@lru_cache(maxsize=50_000)
def _digest(*parts: str) -> Fingerprint:
    text = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return f"{VERSION}-{blake2b(text, digest_size=8).hexdigest()}"


def short_type(name: str) -> str:
    """`OperationalError` for `sqlalchemy.exc.OperationalError`."""
    return name.rpartition(".")[2] or name


def deciding_exception(exceptions: tuple[LoggedException, ...]) -> LoggedException:
    """The exception whose frames decide: the first that has some of the application's own, else the cause."""
    return next((one for one in exceptions if any(frame.in_app for frame in one.frames)), exceptions[0])


def deciding_frames(exceptions: tuple[LoggedException, ...]) -> tuple[Frame, ...]:
    """The last five distinct places in the application's code; of all code where there is none of its own.

    A place that recurs counts once, where it stands last: recursion has no depth here.
    """
    frames = deciding_exception(exceptions).frames
    own = [frame for frame in frames if frame.in_app] or list(frames)
    last: dict[tuple[str, str], Frame] = {}
    for frame in own:
        last.pop((frame.path, frame.function), None)
        last[(frame.path, frame.function)] = frame
    return tuple(last.values())[-DECIDING_FRAMES:]


def of_exceptions(service: str, exceptions: tuple[LoggedException, ...]) -> Fingerprint | None:
    """Service, type of the cause, its deciding places; without any place, type and masked value.

    None where the exceptions say nothing: a traceback of which only the first line was logged.
    """
    if not exceptions or (not exceptions[0].frames and exceptions[0].type == CUT_OFF):
        return None
    cause = exceptions[0]
    frames = deciding_frames(exceptions)
    parts = tuple(f"{frame.path}:{frame.function}" for frame in frames) or ("", mask(cause.message))
    return _digest("traceback", service, short_type(cause.type), *parts)


def of_request(service: str, method: str, path: str, status: int) -> Fingerprint:
    """Service, method, masked path (see `mask_path`), status."""
    return _digest("request", service, method, path, str(status))


def of_message(service: str, template: str) -> Fingerprint:
    """Service and masked text (see `mask`)."""
    return _digest("message", service, template)


def identify(entry: LogEntry) -> Identified:
    """The fingerprint of an entry: of its exceptions, else of its request, else of its text."""
    exceptions = parse_tracebacks(entry.text)
    named = of_exceptions(entry.service, exceptions)
    if named is not None:
        return Identified(named, GroupKind.TRACEBACK, exceptions)
    request = entry.request
    if request is not None:
        path = mask_path(request.url)
        return Identified(of_request(entry.service, request.method, path, request.status), GroupKind.REQUEST)
    return Identified(of_message(entry.service, mask(entry.text.strip())), GroupKind.MESSAGE)


def fingerprint(entry: LogEntry) -> Fingerprint:
    """The fingerprint alone."""
    return identify(entry).fingerprint
