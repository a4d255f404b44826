"""The attempts at the tests: what each wrote, and what the audit said of it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.audit import AuditReport, FindingSeverity
from bot.domain.patch import StoredFile
from bot.domain.record import CycleRecord
from bot.domain.results import TestsAudited, TestsWritten
from bot.reports.views.kinds import KIND_WORDS


@dataclass(frozen=True)
class Attempt:
    """One attempt at the tests. `report` is None where it was not audited yet."""

    number: int
    files: tuple[StoredFile, ...]
    report: AuditReport | None

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return self._count(FindingSeverity.ERROR)

    @property
    def warnings(self) -> int:
        """How many findings are warnings."""
        return self._count(FindingSeverity.WARNING)

    def _count(self, severity: FindingSeverity) -> int:
        return 0 if self.report is None else sum(one.severity is severity for one in self.report.findings)

    @property
    def mean(self) -> float | None:
        """The mean of its marks, of 10; None where there are none."""
        scores = () if self.report is None else self.report.scores
        return round(sum(score.value for score in scores) / len(scores), 1) if scores else None

    @property
    def ran(self) -> str:
        """What the run of the audit showed, by kind: `infrastructure 2, passed 1`. Empty where nothing was run."""
        outcomes = () if self.report is None else self.report.outcomes
        counts = {kind: sum(one.kind is kind for one in outcomes) for kind in KIND_WORDS}
        return ", ".join(f"{KIND_WORDS[kind].short} {count}" for kind, count in counts.items() if count)


def attempts_of(record: CycleRecord) -> tuple[Attempt, ...]:
    """The attempts that are on record, oldest first, each with the audit that followed it."""
    found: list[Attempt] = []
    for index, step in enumerate(record.steps):
        if not isinstance(step.result, TestsWritten):
            continue
        following = (later.result for later in record.steps[index + 1:])
        audited = next((one for one in following if isinstance(one, TestsAudited | TestsWritten)), None)
        report = audited.report if isinstance(audited, TestsAudited) else None
        found.append(Attempt(step.attempt, step.result.files, report))
    return tuple(found)
