"""The record of a cycle: the only truth. A folder on disk or a row in a database holds just this."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import AwareDatetime, Field

from bot.domain.asking import Charge, Usage, total
from bot.domain.base import Frozen, slug
from bot.domain.effects import Artifact, CycleKey, IssueKey, Receipt, RecordedEffect, RepositoryName, RunId
from bot.domain.logs import Focus, Incident
from bot.domain.results import Retrieved, StepResult

SCHEMA: Final = 6
"""The record's schema version. A newer one is refused; older ones are migrated by the store.

2: `fixed`; incidents have `timeline` and `followed`, groups `shown_with`, ranked incidents `why` and `lost`.
3: whys have `confidence`, `unheld` and `ruled_out`, root causes `not_caught` and `reason`, results of steps 1 and 2
`investigation`, of step 1 `code`, `paths`, `product` and
`tests`, hypotheses `against`, what was read `keeps_emails`; planned tests `data`, charges `lost`, failures `name`.
4: proofs have `hunks`, `mutants`, `lines`, `guard` and `notes`, runs of tests `seed` and `pressure`.
5: settings have `publish` in the place of `dry_run`; `retries`; issues have `priority`, `related` and `news`, checks
`annotations`, and there are tracking issues and replies; a receipt may say `kept for later`; ranked incidents have
`before`, what was read `again_since`.
6: incidents have `by_revision`, what was read `read_from`, `read_until` and `revisions`, stored files `lines`.
"""

STEPS = (
    "retrieve", "five_whys", "plan", "file_issue", "write_tests", "audit", "run_tests", "fix", "prove", "commit",
)
"""The steps' names, in the order of DESIGN section 2 (9, `verify`, comes later)."""

MOST_CYCLES = 10


class CycleRef(Frozen):
    """Which cycle: `<focus>/<run>/cycle-NN`."""

    focus: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,60}$")]
    run: RunId
    number: Annotated[int, Field(ge=1, le=MOST_CYCLES)]

    def __str__(self) -> str:
        return f"{self.focus}/{self.run}/cycle-{self.number:02d}"


Publishing = Literal["now", "later", "never"]
"""When effects are applied: as soon as a step is done, by another job from a publication, or not at all."""


class Settings(Frozen):
    """What a run was asked to do; the same for all its cycles and after every resume.

    `since` is where the window of a live log source begins, fixed when the run starts.
    """

    demo: bool
    logs: str
    model: str
    scripted: bool
    forge: str
    sandbox: str
    repository: RepositoryName
    publish: Publishing
    until: str | None
    focus: Focus
    since: AwareDatetime | None = None
    cycles: Annotated[int, Field(ge=1, le=MOST_CYCLES)]

    @property
    def dry_run(self) -> bool:
        """Whether nothing is published."""
        return self.publish == "never"


class CycleStatus(StrEnum):
    """`running` without a process that holds the lock means: interrupted, resume it."""

    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"


class CycleEnd(StrEnum):
    """How a cycle ended. A step that fails pauses its cycle and never ends it."""

    FIX_PROPOSED = "fix proposed"
    EMPTY_LOG = "the log is empty"
    LOG_CLEAN = "no actionable incident"
    NO_CAUSE = "no cause found in the evidence"
    TESTS_REJECTED = "tests rejected"
    NOT_REPRODUCED = "not reproduced"
    FIX_REJECTED = "fix rejected"
    GIVEN_UP = "given up for a new run"


ENDS_THE_RUN: Final = frozenset({CycleEnd.LOG_CLEAN, CycleEnd.EMPTY_LOG, CycleEnd.GIVEN_UP})
"""After a cycle that ended so, its run has no other."""


class StepStatus(StrEnum):
    """`running` may be a step that was killed; it runs again."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Failure(Frozen):
    """An error as recorded: its name, its family, its exit code and its two sentences.

    `name` tells errors of a family apart (`rate limited`, `refusal`, …); empty in records of schema 2 and before.
    """

    name: str = ""
    family: str
    exit_code: int
    what: str
    remedy: str


class Decision(StrEnum):
    """What a step's outcome means for the order of steps."""

    GO = "go"
    HOLD = "hold"
    END = "end"


class StepRecord(Frozen):
    """One attempt at one step. `said` is the one line that a reader of the progress sees."""

    step: str
    attempt: Annotated[int, Field(ge=1)]
    status: StepStatus
    started_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    decision: Decision | None = None
    end: CycleEnd | None = None
    said: str = ""
    result: StepResult | None = None
    effects: tuple[RecordedEffect, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    charges: tuple[Charge, ...] = ()
    failure: Failure | None = None

    @property
    def seconds(self) -> float | None:
        """How long it took, None while it runs."""
        return None if self.ended_at is None else (self.ended_at - self.started_at).total_seconds()


R = TypeVar("R", bound=Frozen)


class FixedMark(Frozen):
    """That the cycle's incident is gone. Entries of it later than `at` mean that it is back.

    `how` says by what it is known, as part of a sentence: `gone from staging at commit 1a2b3c4`. To be set by
    step 9 (`verify`); no step before it knows.
    """

    at: AwareDatetime
    how: str


class SetAside(Frozen):
    """What a step that was set aside had published: kind and key of the effect, and what became of it."""

    effect: str
    key: str
    receipt: Receipt


class Retry(Frozen):
    """That somebody set the cycle back to a step, to go on from there anew.

    `kept` is how many step records were left; `record` is a copy of the record as it was, and beside the copy lie
    copies of the files `dropped` that the other steps had kept. `attempts` is the last attempt at each of those
    steps: numbers go on after them. What they cost stays in `charges`, what they published in `published`.
    """

    at: AwareDatetime
    step: str
    kept: Annotated[int, Field(ge=0)]
    record: Artifact
    attempts: dict[str, Annotated[int, Field(ge=1)]]
    dropped: tuple[Artifact, ...] = ()
    charges: tuple[Charge, ...] = ()
    published: tuple[SetAside, ...] = ()


class CycleRecord(Frozen):
    """Everything known of one cycle. `version` counts saves; a stale writer is refused by it."""

    schema_version: Literal[6] = SCHEMA
    version: int = 0
    ref: CycleRef
    settings: Settings
    created_at: AwareDatetime
    status: CycleStatus = CycleStatus.RUNNING
    end: CycleEnd | None = None
    paused_because: str = ""
    remedy: str = ""
    steps: tuple[StepRecord, ...] = ()
    retries: tuple[Retry, ...] = ()
    fixed: FixedMark | None = None

    @property
    def current(self) -> StepRecord | None:
        """The newest step record."""
        return self.steps[-1] if self.steps else None

    def results(self, kind: type[R]) -> tuple[R, ...]:
        """All results of a type, oldest first."""
        return tuple(step.result for step in self.steps if isinstance(step.result, kind))

    def latest(self, kind: type[R]) -> R | None:
        """The newest result of a type."""
        found = self.results(kind)
        return found[-1] if found else None

    def last(self, step: str) -> StepRecord | None:
        """The newest record of a step."""
        return next((item for item in reversed(self.steps) if item.step == step), None)

    def effects(self) -> tuple[RecordedEffect, ...]:
        """All effects of all steps, in order."""
        return tuple(effect for step in self.steps for effect in step.effects)

    def key(self, of: Literal["comment", "branch", "pull_request"], issue: IssueKey, name: str = "main") -> CycleKey:
        """The key of a comment, branch or pull request of this cycle."""
        return CycleKey(
            of=of, repository=issue.repository, fingerprint=issue.fingerprint, run=self.ref.run,
            cycle=self.ref.number, name=name,
        )

    @property
    def usage(self) -> Usage:
        """What all steps together spent on the model; a reply that was replayed counts once."""
        return total(self.charges)

    @property
    def charges(self) -> tuple[Charge, ...]:
        """What was paid for, in steps that were set aside, too."""
        aside = (charge for retry in self.retries for charge in retry.charges)
        return (*aside, *(charge for step in self.steps for charge in step.charges))

    @property
    def incident(self) -> Incident | None:
        """The incident that the cycle works on, once it is selected."""
        found = self.latest(Retrieved)
        return None if found is None or found.selection.winner is None else found.selection.winner.incident

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of that incident."""
        return None if self.incident is None else self.incident.fingerprint

    def replaced(self, index: int, step: StepRecord) -> Self:
        """A copy in which the step record at `index` is `step`."""
        steps = (*self.steps[:index], step, *self.steps[index + 1:])
        return self.model_copy(update={"steps": steps})


def run_id(moment: datetime, digest: str) -> str:
    """`20251107T081500Z-1a2b3c`: when the run began, and six digits that tell apart two of one second."""
    return f"{moment.strftime('%Y%m%dT%H%M%SZ')}-{digest[:6]}"


def focus_slug(name: str) -> str:
    """The folder name of a focus."""
    return slug(name, 60)
