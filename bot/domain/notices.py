"""What a notice tells somebody elsewhere: an incident in short, and where the cycle on it stands.

Texts are one line, redacted and bounded; a text of a log or of the model has no power in JSON. `bot.reports.notices`
computes all of it from a record.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from bot.domain.base import Fingerprint, Frozen

NoticeEvent = Literal[
    "regression", "incident-found", "issue-filed", "reproduced", "not-reproduced", "tests-rejected", "fix-proposed",
    "fix-rejected", "budget-spent", "cycle-paused", "cycle-ended",
]

EVENTS: Final[Mapping[NoticeEvent, str]] = MappingProxyType({
    "regression": "a cycle took up an incident that was gone and is back",
    "incident-found": "a cycle took up an incident, one that is back included",
    "issue-filed": "its issue was opened, brought up to date or reopened",
    "reproduced": "tests failed as predicted, in every run",
    "not-reproduced": "the cycle ended so: no test failed as predicted",
    "tests-rejected": "the cycle ended so: the audit let no attempt at the tests through",
    "fix-proposed": "the cycle ended with a proven fix, and its draft pull request is there",
    "fix-rejected": "the cycle ended so: tests show the incident, and no fix was proven",
    "budget-spent": "the cycle paused, since the next call of the model could exceed the budget",
    "cycle-paused": "the cycle paused for something that a person has to put right, a spent budget included",
    "cycle-ended": "the cycle ended, in whatever way",
})
"""When each happens. Of several at one moment, a destination is told of the first in this order that it asks for."""

Destination = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
"""The NAME of a [notify.NAME] table."""

MessageId = Annotated[str, StringConstraints(pattern=r"^msg_[0-9a-f]{32}$")]
"""The same for every delivery of one notice, so that a receiver can drop a second one."""

MOST_LINE: Final = 300
MOST_PROSE: Final = 600
MOST_TITLE: Final = 200
MOST_NAMES: Final = 10

_Line = Annotated[str, StringConstraints(max_length=MOST_LINE)]
_Prose = Annotated[str, StringConstraints(max_length=MOST_PROSE)]
_Names = Annotated[tuple[_Line, ...], Field(max_length=MOST_NAMES)]
_Time = Annotated[str, StringConstraints(pattern=r"^[0-9TtZz:.+-]{0,40}$")]
_Url = Annotated[str, StringConstraints(pattern=r"^(https?://[A-Za-z0-9._~:/?#@!$&*+,;=%-]{1,500})?$")]
_Count = Annotated[int, Field(ge=0, le=10**15)]


class NoticeIncident(Frozen):
    """The incident. `revisions` and `services` are the last ones by name; the counts are of all.

    `first_seen` and `last_seen` are RFC 3339.
    """

    type: _Line
    message: _Line
    location: _Line
    fingerprint: Fingerprint
    priority: Literal["P0", "P1", "P2", "P3"]
    priority_reason: _Line
    severity: _Line
    regressed: bool
    entries: _Count
    error_entries: _Count
    instances: _Count
    services: _Names
    revisions: _Names
    revision_count: _Count
    first_seen: _Time
    last_seen: _Time


class NoticeCause(Frozen):
    """The root cause in the model's words. `support` is what checking its citations gave, `proven` what the proof did;
    `words` says so in a sentence.
    """

    statement: _Prose
    by: Literal["model"] = "model"
    support: Literal["cited", "unproven"]
    proven: bool
    words: _Line


class NoticeVerdicts(Frozen):
    """What code decided so far; None where it has not come to that. `runs` counts the runs of the proof that hold."""

    audit: Literal["GO", "HOLD"] | None = None
    reproduced: bool | None = None
    proof: Literal["proven", "not_proven"] | None = None
    runs: _Line = ""


class NoticeCost(Frozen):
    """What the cycle spent on models so far. `usd` is None where no price is known."""

    usd: Annotated[Decimal, Field(ge=0, le=10**6)] | None
    tokens: _Count
    scripted: bool


class IncidentSummary(Frozen):
    """What a notice tells, as its cycle's record has it. `at` is when it happened; `cycle` of at most `cycles`."""

    event: NoticeEvent | Literal["test"]
    title: Annotated[str, StringConstraints(max_length=MOST_TITLE)]
    at: AwareDatetime
    repository: Annotated[str, StringConstraints(max_length=140)]
    focus: _Line
    run: Annotated[str, StringConstraints(max_length=40)]
    cycle: Annotated[int, Field(ge=1)]
    cycles: Annotated[int, Field(ge=1)]
    incident: NoticeIncident | None = None
    cause: NoticeCause | None = None
    verdicts: NoticeVerdicts = NoticeVerdicts()
    state: _Prose
    next: _Prose
    cost: NoticeCost


class NoticeLink(Frozen):
    """Something on the forge. `url` is empty where it has no page."""

    number: int
    url: _Url


class NoticeLinks(Frozen):
    """What was published so far, by what publishing it gave; `record` is where the whole record can be read."""

    issue: NoticeLink | None = None
    pull_request: NoticeLink | None = None
    record: _Url = ""


class Notice(IncidentSummary):
    """A notice as it is sent as JSON: the summary, its id, and links to what was published."""

    schema_name: Literal["whybot/notice/1"] = Field(default="whybot/notice/1", alias="schema")
    id: MessageId
    links: NoticeLinks = NoticeLinks()
