"""Times, amounts and states in the words of the pages."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from bot.domain.asking import Usage
from bot.domain.base import counted, headline
from bot.domain.moments import parse_nanoseconds
from bot.domain.proof import Verdict
from bot.domain.record import CycleEnd, CycleRecord, CycleStatus
from bot.domain.results import Proven, TestsRun
from bot.domain.suite import FailureKind
from bot.domain.workflow import Workflow
from bot.reports.course import state_in_words


class Badge(NamedTuple):
    """A state in words, with a sign and a tone (`good`, `bad`, `held`, `calm`); neither says more than the words."""

    words: str
    tone: str

    @property
    def sign(self) -> str:
        """A sign of its own for each tone, so that it is no matter of colour."""
        return {"good": "✓", "bad": "✕", "held": "‖", "calm": "○"}[self.tone]


_MOST_STATE = 90
_GOOD = frozenset({CycleEnd.FIX_PROPOSED})
_BAD = frozenset({CycleEnd.TESTS_REJECTED, CycleEnd.FIX_REJECTED})


def state_of(record: CycleRecord, workflow: Workflow, held: bool) -> Badge:
    """Where a cycle stands. `held`: a process works on the state, else what runs was interrupted."""
    words = headline(state_in_words(record, workflow), _MOST_STATE)
    if record.status is CycleStatus.ENDED:
        words = words.removeprefix("ended: ")
        return Badge(words, "good" if record.end in _GOOD else "bad" if record.end in _BAD else "calm")
    if record.status is CycleStatus.RUNNING and not held:
        return Badge(f"interrupted: {words.removeprefix('running: ')}", "held")
    return Badge(words, "held")


def verdict_of(record: CycleRecord) -> Badge | None:
    """What the tests or the proof say; None before there are any."""
    proven, ran = record.latest(Proven), record.latest(TestsRun)
    if proven is not None:
        holds = proven.proof.verdict is Verdict.PROVEN
        return Badge("proven" if holds else "not proven", "good" if holds else "bad")
    if ran is not None:
        return Badge("reproduced", "calm") if ran.reproduced else Badge("not reproduced", "calm")
    return None


class Kind(NamedTuple):
    """A kind of outcome: a sign, a short word, all of it in words, and a tone."""

    sign: str
    word: str
    words: str
    tone: str


KINDS: dict[FailureKind, Kind] = {
    FailureKind.PASSED: Kind("✓", "green", "passed", "good"),
    FailureKind.AS_PREDICTED: Kind("✕", "red", "failed as predicted", "bad"),
    FailureKind.OTHER_FAILURE: Kind("≠", "other", "failed, but not as predicted", "held"),
    FailureKind.HARNESS: Kind("!", "harness", "the test itself is wrong", "held"),
    FailureKind.ENVIRONMENT: Kind("!", "environ.", "the environment failed", "held"),
    FailureKind.TIMEOUT: Kind("⧖", "timeout", "ran out of time", "held"),
    FailureKind.FLAKY: Kind("~", "flaky", "differs from run to run", "held"),
    FailureKind.SKIPPED: Kind("–", "skipped", "skipped", "calm"),
    FailureKind.NOT_RUN: Kind("·", "not run", "not run", "calm"),
}


def when(text: str | datetime) -> str:
    """A time in UTC as people read it, `21 Nov 2026 10:30:37`; what is no time is given as it is."""
    at = moment(text)
    return str(text) if at is None else f"{at.day} {at:%b} {at.year} {at:%H:%M:%S}"


def clock(nanoseconds: int) -> str:
    """The time of day to the millisecond: `10:30:37.918`."""
    at = datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC)
    return f"{at:%H:%M:%S}.{nanoseconds // 1_000_000 % 1_000:03d}"


def day(text: str | datetime) -> str:
    """The day: `21 Nov 2026`."""
    at = moment(text)
    return str(text) if at is None else f"{at.day} {at:%b} {at.year}"


def iso(text: str | datetime) -> str:
    """A time for the `datetime` of a time element, to the second."""
    at = moment(text)
    return "" if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"


def moment(text: str | datetime) -> datetime | None:
    """A time in UTC, None for what is none."""
    if isinstance(text, datetime):
        return text.astimezone(UTC)
    try:
        return datetime.fromtimestamp(parse_nanoseconds(text) / 1_000_000_000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def seconds_of(text: str) -> float | None:
    """An RFC 3339 time as seconds since 1970, None for what is none."""
    try:
        return parse_nanoseconds(text) / 1_000_000_000
    except ValueError:
        return None


def length(seconds: float | None) -> str:
    """How long something took: `0.4 s`, `2 min 5 s`, `1 h 3 min`."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def cost(usage: Usage) -> str:
    """What a usage cost: `0.1234 USD`; the tokens alone where its price is not known."""
    return "price not known" if usage.cost_usd is None else usd(usage.cost_usd)


def usd(amount: Decimal) -> str:
    """An amount: two digits where that is enough to tell it from nothing."""
    return f"{amount:,.2f} USD" if amount == 0 or amount >= 1 else f"{amount:.4f} USD"


def tokens(usage: Usage) -> str:
    """How many tokens: `44,137 tokens`."""
    return counted(usage.tokens, "token")


def offset(nanoseconds: int) -> str:
    """A time before or after another: `−1.204 s`, `+3 min 2 s`, `0`."""
    sign, size = ("−" if nanoseconds < 0 else "+"), abs(nanoseconds)
    if size < 500:
        return "0"
    if size < 1_000_000:
        return f"{sign}{size / 1_000:.0f} µs"
    if size < 1_000_000_000:
        return f"{sign}{size / 1_000_000:.0f} ms"
    seconds = size / 1_000_000_000
    return f"{sign}{seconds:.3f} s" if seconds < 60 else f"{sign}{length(seconds)}"
