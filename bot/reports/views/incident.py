"""The incident for somebody who was not there: when, whom it hits, how sure the cause is, and what there is now."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.base import counted
from bot.domain.effects import Receipt
from bot.domain.evidence import Support
from bot.domain.logs import GroupKind, Incident
from bot.domain.proof import Verdict
from bot.domain.record import CycleRecord
from bot.domain.results import FiveWhys, Proven, Retrieved, TestsRun
from bot.reports.incidents import moment, period, sparkline
from bot.reports.summary import came_to, title_of


@dataclass(frozen=True)
class RevisionRow:
    """The incident at one revision. `began` is when the revision first logged, empty where that is not known."""

    service: str
    revision: str
    count: int
    share: float
    seen: str
    began: str
    occurrences: str


@dataclass(frozen=True)
class Made:
    """Something that the cycle asked for on the forge: what, its title, what became of it, where it is."""

    what: str
    title: str
    did: str
    place: str


@dataclass(frozen=True)
class IncidentView:
    """The incident as the templates take it."""

    record: CycleRecord
    retrieved: Retrieved
    incident: Incident

    @property
    def seen(self) -> str:
        """When it occurred, as people read it."""
        return period(self.incident.first_seen, self.incident.last_seen)

    @property
    def since(self) -> str:
        """Its first occurrence in what was read."""
        return moment(self.incident.first_seen)

    @property
    def read(self) -> str:
        """The time that was read; empty in older records."""
        found = self.retrieved
        return period(found.read_from, found.read_until) if found.read_from and found.read_until else ""

    @property
    def to_the_start(self) -> bool:
        """Whether it occurs in the first part of the time that was read: then it may be older."""
        return bool(self.incident.timeline) and self.incident.timeline[0] > 0

    @property
    def quiet(self) -> str:
        """Whether it was still seen at the end of what was read, as a clause; empty where that is not known."""
        parts = self.incident.timeline
        if not any(parts):
            return ""
        quiet = next(at for at, count in enumerate(reversed(parts)) if count)
        if not quiet:
            return "it goes on to the end of it"
        return f"in the last {quiet} of {len(parts)} equal parts of it there is none"

    @property
    def requests(self) -> int:
        """Requests that are part of it."""
        return sum(group.count for group in self.incident.groups if group.kind is GroupKind.REQUEST)

    @property
    def occurrences(self) -> str:
        """Its course, drawn in characters."""
        return sparkline(self.incident.timeline)

    @property
    def revisions(self) -> tuple[RevisionRow, ...]:
        """Each revision that it occurred at, the earliest first; empty in older records."""
        lives = {(life.service, life.revision): life for life in self.retrieved.revisions}
        total = sum(seen.count for seen in self.incident.by_revision)
        rows = []
        for seen in self.incident.by_revision:
            life = lives.get((seen.service, seen.revision))
            before = life is not None and life.first_seen == self.retrieved.read_from
            began = "" if life is None else "before what was read" if before else moment(life.first_seen)
            rows.append(RevisionRow(
                seen.service, seen.revision, seen.count, seen.count / total if total else 0.0,
                period(seen.first_seen, seen.last_seen), began, sparkline(seen.timeline),
            ))
        return tuple(rows)

    @property
    def how_sure(self) -> str:
        """How far the cause is established, from the weakest to the strongest that can be said of it."""
        whys, run = self.record.latest(FiveWhys), self.record.latest(TestsRun)
        proven = self.record.latest(Proven)
        if whys is None:
            return "not known yet"
        if whys.root_cause is None:
            return "open: the evidence supports none"
        if proven is not None and proven.proof.verdict is Verdict.PROVEN:
            return "proven: tests made from it fail without the fix, pass with it, and fail again when it is taken back"
        if proven is not None:
            return "reproduced by tests, but no fix is proven"
        if run is not None:
            by = counted(len(run.reproduced_by), "test")
            return f"reproduced by {by}, and no fix proven yet" if run.reproduced else "in doubt: no test reproduced it"
        if whys.root_cause.support is Support.CITED:
            return "cited: the quotes stand in the log and the code; no test has shown it yet"
        return "unproven: its evidence does not hold"

    @property
    def cited(self) -> str:
        """How many whys are cited: `5 of 5`; empty where there are none."""
        whys = self.record.latest(FiveWhys)
        if whys is None or not whys.whys:
            return ""
        return f"{sum(why.support is Support.CITED for why in whys.whys)} of {len(whys.whys)}"

    @property
    def made(self) -> tuple[Made, ...]:
        """All that the cycle asked for on the forge, each once, with what became of it."""
        last = {str(item.effect.key): item for item in self.record.effects()}
        return tuple(
            Made(item.effect.effect.replace("_", " "), title_of(item.effect), *_became(item.receipt))
            for item in last.values()
        )


def incident_view(record: CycleRecord) -> IncidentView | None:
    """The incident of a cycle; None where it has none."""
    retrieved = record.latest(Retrieved)
    if retrieved is None or retrieved.selection.winner is None:
        return None
    return IncidentView(record, retrieved, retrieved.selection.winner.incident)


def _became(receipt: Receipt | None) -> tuple[str, str]:
    did, place = came_to(receipt)
    number = "" if receipt is None or receipt.number is None else f"#{receipt.number}, "
    return did, f"{number}{place}" if place else ""
