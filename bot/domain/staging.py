"""What staging logged before and since a fix, and the verdict on its incident."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from bot.domain.base import Fingerprint, Frozen, Sha
from bot.domain.moments import parse_nanoseconds

MOST_BINS = 100_000
"""Of one history: eleven years of hours, or ten weeks of minutes."""

Count = Annotated[int, Field(ge=0, le=10**15)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


def _moment(text: str) -> str:
    parse_nanoseconds(text)
    return text


Moment = Annotated[str, AfterValidator(_moment)]
"""A time in RFC 3339."""


class StagingOutcome(StrEnum):
    """What the logs since a fix say of its incident."""

    GONE = "gone"
    STILL_THERE = "still_there"
    NOT_DEPLOYED = "not_deployed"
    TOO_LITTLE = "too_little_traffic"
    CHANGED_FACE = "changed_face"

    @property
    def words(self) -> str:
        """The verdict as people read it."""
        return "too little traffic to say" if self is StagingOutcome.TOO_LITTLE else self.value.replace("_", " ")


ExposureKind = Literal["traffic", "starts", "time"]
"""What an incident's occurrences are held against: requests (or entries), starts of instances, or time in service."""

Season = Literal["none", "hour of day", "weekend", "day of week", "hour of day and weekend"]
"""What is compared with its like only; the hours of a day are taken in parts of three, in UTC."""

CountedAs = Literal["occurrences", "hours", "quarter days", "days"]
"""What counts as one: each occurrence, or at most one in that time."""

FaceReason = Literal["same root location", "same trace pattern"]


class StagingCell(Frozen):
    """One revision in one bin of time; what is not mentioned was not seen.

    `traffic` counts requests, or entries of any kind where the log has no requests. `starts` counts instances that
    started, `others` entries of the service other than requests and those of the incident's own groups.
    `begun_before` counts those of `occurrences` whose trace has an entry at a revision without the fix.
    """

    bin: int = Field(ge=0, lt=MOST_BINS)
    revision: str
    traffic: Count = 0
    starts: Count = 0
    others: Count = 0
    occurrences: Count = 0
    begun_before: Count = 0

    @model_validator(mode="after")
    def _no_more_than_all(self) -> Self:
        if self.begun_before > self.occurrences:
            raise ValueError("more occurrences began before than there were")
        return self


class LogStretch(Frozen):
    """Bins in which the log was not whole: what share of entries like the incident's it kept, and of `traffic`.

    0 says that the log was not there, None that it was sampled at a rate that nobody knows.
    """

    first_bin: int = Field(ge=0, lt=MOST_BINS)
    last_bin: int = Field(ge=0, lt=MOST_BINS)
    kept: Share | None
    kept_of_traffic: Share | None = 1.0


class StagingRevision(Frozen):
    """A revision: when it first logged, of which commit it is ("" if not known), and whether that has the fix."""

    revision: str
    first_seen: Moment
    commit: Sha | Literal[""] = ""
    carries: bool | None = None


class FaceCount(Frozen):
    """Occurrences of another fingerprint at one revision in one bin."""

    bin: int = Field(ge=0, lt=MOST_BINS)
    revision: str
    occurrences: Count


class OtherFace(Frozen):
    """Another fingerprint that may be the same trouble, and why one may think so."""

    fingerprint: Fingerprint
    why: FaceReason
    counts: tuple[FaceCount, ...] = ()


class StagingObserved(Frozen):
    """All that a verdict rests on. Bins are equally long, the first begins at `begins`.

    `starts_known` and `others_known`: whether the cells have these counts. Without `fix_committed_at` ("") a revision
    is without the fix only if it says so.
    """

    service: str
    fingerprint: Fingerprint
    begins: Moment
    bin_seconds: int = Field(ge=60, le=86_400)
    bins: int = Field(ge=1, le=MOST_BINS)
    traffic_is: Literal["requests", "entries"] = "requests"
    starts_known: bool = False
    others_known: bool = False
    fix_commit: Sha
    fix_committed_at: Moment | Literal[""] = ""
    revisions: tuple[StagingRevision, ...]
    cells: tuple[StagingCell, ...]
    log: tuple[LogStretch, ...] = ()
    faces: tuple[OtherFace, ...] = ()

    @model_validator(mode="after")
    def _within_its_bins(self) -> Self:
        used = [cell.bin for cell in self.cells] + [count.bin for face in self.faces for count in face.counts]
        if used and max(used) >= self.bins:
            raise ValueError("a count lies outside the bins")
        names = [revision.revision for revision in self.revisions]
        if len(set(names)) < len(names):
            raise ValueError("a revision is listed twice")
        if any(stretch.first_bin > stretch.last_bin for stretch in self.log):
            raise ValueError("a stretch of the log ends before it begins")
        return self


class StagingStatistics(Frozen):
    """The figures of a verdict.

    `before` occurrences were seen without the fix; at their rate `expected` were due with it, and `seen` were seen,
    beside `explained` ones. `counted_as`, `counted` and `spread` say what the chances rest on: so many of those, with a
    variance `spread` times that of independent ones. `chance` is the probability of so few at the old rate,
    `chance_if_reduced` at a rate that a fix left at `bot.proof.staging.rule.REDUCED` of the old. `remaining_most` is
    the highest share of the old rate that fits with 95 % (one-sided). `quiet_before` is the longest stretch without
    an occurrence before, in occurrences that were due at the mean rate, as is `expected`. `control_expected` and
    `control_seen` are of revisions without the fix while revisions with it were in service.
    """

    exposure: ExposureKind
    season: Season
    before: int
    before_exposure: float
    after_exposure: float
    expected: float
    seen: int
    explained: int
    counted_as: CountedAs
    counted: int
    spread: float
    chance: float
    chance_if_reduced: float
    remaining: float
    remaining_most: float
    quiet_before: float
    control_expected: float
    control_seen: int


class NewFace(Frozen):
    """The fingerprint under which the trouble goes on: hours with it before and since, and the chance of so many."""

    fingerprint: Fingerprint
    why: FaceReason
    hours_before: int
    hours_since: int
    occurrences_since: int
    chance: float


class StagingVerdict(Frozen):
    """What the logs since the fix say: the verdict, its reason in one sentence, its figures, and what weakens it."""

    outcome: StagingOutcome
    fingerprint: Fingerprint
    fix_commit: Sha
    reason: str
    with_fix: tuple[str, ...]
    without_fix: tuple[str, ...]
    not_known: tuple[str, ...]
    statistics: StagingStatistics | None = None
    new_face: NewFace | None = None
    weakened: tuple[str, ...] = ()
