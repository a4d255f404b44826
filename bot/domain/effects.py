"""What a step wants done outside: a discriminated union, checked by policy before it is applied.

Effects refer to each other by key, never by a number that a forge gave. The key stands in a hidden
marker on the forge, so that applying an effect twice changes the same thing twice and makes nothing new.
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from bot.domain.base import Fingerprint, Frozen, RepoPath, Sha, Sha256
from bot.domain.notices import Destination, IncidentSummary, MessageId, NoticeEvent

RepositoryName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?$", max_length=140)]
RunId = Annotated[str, StringConstraints(pattern=r"^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}$")]
BranchName = Annotated[str, StringConstraints(pattern=r"^whybot/[a-z0-9][a-z0-9._/-]{0,120}$")]


class IssueKey(Frozen):
    """An issue: repository and fingerprint, over all runs."""

    of: Literal["issue"] = "issue"
    repository: RepositoryName
    fingerprint: Fingerprint

    def __str__(self) -> str:
        return f"issue {self.repository} {self.fingerprint}"


class CycleKey(Frozen):
    """A comment, branch or pull request: one of its `name` for each run and cycle."""

    of: Literal["comment", "branch", "pull_request"]
    repository: RepositoryName
    fingerprint: Fingerprint
    run: RunId
    cycle: Annotated[int, Field(ge=1)]
    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}$")] = "main"

    def __str__(self) -> str:
        return f"{self.of} {self.repository} {self.fingerprint} {self.run} {self.cycle} {self.name}"


class RunKey(Frozen):
    """The tracking issue of a run: one for each run."""

    of: Literal["run"] = "run"
    repository: RepositoryName
    run: RunId

    def __str__(self) -> str:
        return f"run {self.repository} {self.run}"


class ReplyKey(Frozen):
    """The one answer to a command: `comment` is the forge's id of the comment that gave it."""

    of: Literal["reply"] = "reply"
    repository: RepositoryName
    comment: Annotated[int, Field(ge=1)]

    def __str__(self) -> str:
        return f"reply {self.repository} {self.comment}"


class CheckKey(Frozen):
    """A check report on one commit."""

    of: Literal["check"] = "check"
    repository: RepositoryName
    fingerprint: Fingerprint
    run: RunId
    cycle: Annotated[int, Field(ge=1)]
    head: Sha

    def __str__(self) -> str:
        return f"check {self.repository} {self.fingerprint} {self.run} {self.cycle} {self.head}"


class NoticeKey(Frozen):
    """A notice to one destination of one thing that happened.

    `retry` counts how often the cycle had been set back before, `step` is the place of the step record that it is
    about: with them a thing that happens again has another key, and a step that was killed and runs again the same.
    """

    of: Literal["notice"] = "notice"
    repository: RepositoryName
    run: RunId
    cycle: Annotated[int, Field(ge=1)]
    event: NoticeEvent
    destination: Destination
    retry: Annotated[int, Field(ge=0)] = 0
    step: Annotated[int, Field(ge=1)]

    def __str__(self) -> str:
        return (f"notice {self.repository} {self.run} {self.cycle} {self.event} {self.destination} "
                f"{self.retry}-{self.step}")

    @property
    def message(self) -> MessageId:
        """The id of all its deliveries."""
        return f"msg_{hashlib.sha256(str(self).encode()).hexdigest()[:32]}"


Key = IssueKey | CycleKey | RunKey | ReplyKey | CheckKey | NoticeKey

# A body that somebody edited on GitHub's pages comes back with CRLF.
_MARKER = re.compile(r"^<!-- whybot:([a-z_]+ [^<>\n]{1,400}?) -->[ \t]*(?=\r?$)", re.MULTILINE)
_FORGED = re.compile(r"(<!--\s*whybot)(?=\s*:)", re.IGNORECASE)


def marker(key: Key) -> str:
    """The hidden Markdown comment that carries a key."""
    return f"<!-- whybot:{key} -->"


def markers_in(text: str) -> frozenset[str]:
    """The keys, as text, of all markers in a body. A marker is a line of its own."""
    return frozenset(_MARKER.findall(text))


def without_markers(text: str) -> str:
    """Text in which nothing is a marker any more, in code blocks either."""
    return _FORGED.sub("\\1\u2060", text)


Priority = Literal["P0", "P1", "P2", "P3"]
"""How urgent an incident is, P0 the most; by the rule in `bot/logs/priority.py`."""


class IssueUpsert(Frozen):
    """One issue per fingerprint: created, updated in place, or reopened when it was closed.

    `aliases` are keys that earlier rule versions gave the same incident; their issue is the same issue. `priority`
    is a label, too, the only one of its kind that the issue keeps. `related` are incidents whose issues, where there
    are any, are linked. `news` is what a regression shows that was not known: a comment when the issue is reopened.
    """

    effect: Literal["issue"] = "issue"
    key: IssueKey
    aliases: tuple[IssueKey, ...] = ()
    title: Annotated[str, StringConstraints(min_length=1, max_length=250)]
    body: str
    labels: tuple[str, ...] = ()
    priority: Priority | None = None
    related: tuple[IssueKey, ...] = ()
    news: str = ""


class TrackingUpsert(Frozen):
    """The tracking issue of a run with the table of its cycles; pinned where the forge lets the bot."""

    effect: Literal["tracking"] = "tracking"
    key: RunKey
    title: Annotated[str, StringConstraints(min_length=1, max_length=250)]
    body: str
    labels: tuple[str, ...] = ()
    open: bool = True
    """False once the run has ended: then the issue is closed and no longer pinned."""


class ReplyUpsert(Frozen):
    """The answer to a command, as a comment in the conversation `number` where it was given."""

    effect: Literal["reply"] = "reply"
    key: ReplyKey
    number: Annotated[int, Field(ge=1)]
    body: str


class CommentUpsert(Frozen):
    """A comment that is updated in place, on the issue or pull request with key `on`."""

    effect: Literal["comment"] = "comment"
    key: CycleKey
    on: Annotated[IssueKey | CycleKey, Field(discriminator="of")]
    body: str


class BranchPush(Frozen):
    """A branch of the bot's own, moved to `head`. `paths` are all that it changes against `base`."""

    effect: Literal["branch"] = "branch"
    key: CycleKey
    branch: BranchName
    base: Sha
    head: Sha
    paths: tuple[RepoPath, ...]


class PullRequestUpsert(Frozen):
    """A draft pull request from the branch with key `branch`. `fixes` is the issue that it closes."""

    effect: Literal["pull_request"] = "pull_request"
    key: CycleKey
    branch: CycleKey
    fixes: IssueKey
    title: Annotated[str, StringConstraints(min_length=1, max_length=250)]
    body: str
    draft: bool = True


class Annotation(Frozen):
    """A remark on lines of a file, both included and counted from 1."""

    path: RepoPath
    start_line: Annotated[int, Field(ge=1)]
    end_line: Annotated[int, Field(ge=1)]
    level: Literal["notice", "warning", "failure"]
    title: Annotated[str, StringConstraints(max_length=255)]
    message: Annotated[str, StringConstraints(min_length=1, max_length=4_000)]


class CheckReport(Frozen):
    """A check on a commit."""

    effect: Literal["check"] = "check"
    key: CheckKey
    name: str
    conclusion: Literal["success", "failure", "neutral"]
    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()


class NoticeSend(Frozen):
    """A notice to a destination of bot.toml. It refers to nothing: who sends it adds links to what was published."""

    effect: Literal["notice"] = "notice"
    key: NoticeKey
    notice: IncidentSummary


Effect = Annotated[
    IssueUpsert | TrackingUpsert | CommentUpsert | ReplyUpsert | BranchPush | PullRequestUpsert | CheckReport
    | NoticeSend,
    Field(discriminator="effect"),
]


class Receipt(Frozen):
    """What applying an effect came to. `url` is where a person finds it; `number` is the forge's.

    `kept for later`: it stands in a publication, and another job applies it. `delivered` and `not delivered` are for
    notices; one that was not delivered is tried again when somebody goes on with the run or the publication.
    """

    did: Literal[
        "created", "updated", "unchanged", "reopened", "kept for later", "not published", "delivered", "not delivered",
    ]
    number: int | None = None
    url: str = ""
    note: str = ""


KEPT = Receipt(did="kept for later")
NOT_PUBLISHED = Receipt(did="not published", note="dry run")


class RecordedEffect(Frozen):
    """An effect in the record, and its receipt once it was applied."""

    effect: Effect
    receipt: Receipt | None = None


class Artifact(Frozen):
    """A file in the cycle's folder. `name` is its path there."""

    name: RepoPath
    sha256: Sha256
    size: int
