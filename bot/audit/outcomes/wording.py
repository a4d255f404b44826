"""How exceptions and places are quoted in a sentence."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.logs import Frame
from bot.domain.suite import FailureKind, Outcome, RaisedException

NOT_BEGUN = "It was not begun: "


def named(raised: RaisedException) -> str:
    """An exception as a reader would quote it: type and first line."""
    lines = [line.strip() for line in raised.message.splitlines() if line.strip()]
    first = lines[0] if lines else ""
    short = raised.type.rpartition(".")[2]
    return f"`{short}: {first[:200]}`" if first else f"`{short}`"


def at(frame: Frame | None) -> str:
    """A place."""
    return f"{frame.path}:{frame.line}" if frame else "a place that was not recorded"


def why_not_begun(outcomes: Iterable[Outcome]) -> tuple[str, ...]:
    """Why tests were not begun, each reason once, as clauses: the services that did not answer."""
    reasons = (outcome.reason for outcome in outcomes if outcome.kind is FailureKind.NOT_RUN)
    return tuple(dict.fromkeys(
        reason.removeprefix(NOT_BEGUN).removesuffix(".") for reason in reasons if reason.startswith(NOT_BEGUN)))
