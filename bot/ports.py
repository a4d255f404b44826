"""What the deciding code needs of the world, as Protocols. All synchronous.

Every implementation lives in `bot/adapters/` and passes the suite of its port in `tests/contract/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from pydantic import AwareDatetime

from bot.domain.asking import Charge, Exchange, ModelReply, ModelRequest
from bot.domain.base import Frozen, Sha
from bot.domain.config import Limits
from bot.domain.effects import Annotation, Artifact, BranchName
from bot.domain.logs import LogPage, LogQuery
from bot.domain.notices import Notice
from bot.domain.pruning import Holding
from bot.domain.record import CycleRecord, CycleRef
from bot.domain.suite import Ended


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Progress(Protocol):
    """Tells a person what is going on. Must not fail and must not decide anything."""

    def step_began(self, step: str, title: str, attempt: int) -> None:
        """A step attempt starts."""
        ...

    def note(self, text: str) -> None:
        """Something worth a line within the step."""
        ...

    def step_ended(self, step: str, said: str, seconds: float, decision: str) -> None:
        """A step attempt ended."""
        ...


class LogReading(Protocol):
    """A log as pages of raw entries, which can be had again. Complete once the iterator is exhausted.

    A source knows nothing of what an entry says: decoding, the time that was asked for, damage and duplicates
    are one matter for all sources, in `bot/logs/`.
    """

    @property
    def name(self) -> str:
        """How the source is named to people, without secrets."""
        ...

    def __iter__(self) -> Iterator[LogPage]:
        """Yield everything that the query may want, in no promised order; pages are numbered from 0 upwards.

        Raises RetrievalFailed when the source cannot be read (as a whole, or to its end).
        """
        ...

    def page(self, number: int) -> list[bytes]:
        """The lines of a page that was given before, again. Cheapest in rising order of numbers."""
        ...

    def where(self, number: int, index: int) -> str:
        """Where an entry stands, for people: `line 12`, `page 3, entry 7`."""
        ...

    def left_out(self, instances: tuple[str, ...], since: datetime, until: datetime, most: int) -> Iterable[bytes]:
        """Entries of these instances and times that the query did not ask for: what else went on there.

        Newest first, at most `most`; none from a source that gives everything that it has. What cannot be had is said
        in `unread`.
        """
        ...

    def unread(self) -> tuple[str, ...]:
        """A sentence for each part that was not read. Complete once the iterator is exhausted."""
        ...

    def close(self) -> None:
        """Let go of files and connections; the pages cannot be had any more."""
        ...


class LogSource(Protocol):
    """Where log entries come from."""

    @property
    def name(self) -> str:
        """How the source is named to people, without secrets."""
        ...

    def read(self, query: LogQuery) -> LogReading:
        """Start to read. Raises RetrievalFailed when that is impossible."""
        ...


class Model(Protocol):
    """Something that answers a request with text."""

    @property
    def name(self) -> str:
        """The model's id, which is part of a request's digest."""
        ...

    @property
    def scripted(self) -> bool:
        """True when the answers come from files; every report that rests on it says so."""
        ...

    def ask(self, request: ModelRequest) -> ModelReply:
        """Answer. Raises ModelProblem (unreachable, refused, out of script) or BudgetSpent."""
        ...


class Command(Frozen):
    """A process to run in a sandbox.

    `folder` is the one writable place; the working directory is `cwd` within it, or itself. `argv` and `env`
    may name paths in it and in `read_only`. The environment is exactly `env`. No network unless `network`.
    """

    argv: tuple[str, ...]
    folder: Path
    read_only: tuple[Path, ...] = ()
    env: Mapping[str, str] = {}
    limits: Limits = Limits()
    network: bool = False
    cwd: Path | None = None


class Completed(Frozen):
    """What became of it. `output` is standard output and error, interleaved, up to the limit (head and tail)."""

    ended: Ended
    exit_code: int | None
    output: str
    duration_s: float


class Sandbox(Protocol):
    """Runs a command so that it cannot do harm, and leaves nothing running."""

    @property
    def name(self) -> str:
        """`bubblewrap`, `container`, `process`."""
        ...

    @property
    def warning(self) -> str:
        """What this sandbox cannot prevent; empty when nothing is known."""
        ...

    def run(self, command: Command) -> Completed:
        """Run to the end or to a limit; the whole process tree is gone afterwards.

        Raises SandboxProblem when the sandbox itself cannot start. A limit is no error but `ended`.
        """
        ...


class FileChange(Frozen):
    """New content of one path in a commit; None deletes it. The mode is always that of a plain file."""

    path: str
    content: bytes | None


class PastCommit(Frozen):
    """A commit in a file's history. `when` is the committer's time, `subject` the message's first line."""

    commit: Sha
    when: AwareDatetime
    subject: str


class CommitParts(Frozen):
    """What a commit was made of, beside its files: with the same parts `Workspace.commit` makes the same commit."""

    parent: Sha
    message: str
    when: AwareDatetime


class Workspace(Protocol):
    """The repository with the code. Never touches a person's working tree, index or current branch."""

    def resolve(self, revision: str) -> Sha | None:
        """The full commit id of a revision, or None when there is none."""
        ...

    def read(self, commit: Sha, path: str) -> bytes | None:
        """A file's content at a commit; None when it is no plain file there."""
        ...

    def files(self, commit: Sha) -> tuple[str, ...]:
        """The paths of all plain files at a commit, sorted."""
        ...

    def export(self, commit: Sha, into: Path) -> None:
        """Write the files of a commit into an empty or new folder, without git's own data."""
        ...

    def commit(self, parent: Sha, changes: tuple[FileChange, ...], message: str, when: datetime) -> Sha:
        """Make a commit object by the bot. The same arguments give the same id."""
        ...

    def parts(self, commit: Sha) -> CommitParts:
        """What a commit of the bot's was made of. Raises ForgeProblem for one that it can not have made."""
        ...

    def is_on_a_branch(self, commit: Sha) -> bool:
        """Whether a branch of people's, here or as fetched from elsewhere, has the commit in its history."""
        ...

    def set_branch(self, branch: BranchName, commit: Sha) -> None:
        """Make or move a branch of the bot's own. Raises ForgeProblem for any other branch."""
        ...

    def changed_paths(self, base: Sha, head: Sha) -> tuple[str, ...]:
        """The paths in which two commits differ, sorted."""
        ...

    def diff(self, base: Sha, head: Sha) -> str:
        """The unified diff between two commits."""
        ...

    def tree(self, commit: Sha) -> Sha:
        """The tree id of a commit."""
        ...

    def history(self, commit: Sha, path: str, lines: tuple[int, int] | None, most: int) -> tuple[PastCommit, ...]:
        """The commits that touched a file, or lines (first, last) of it as they stand at `commit`, newest first.

        Nothing when there is no such file. Only what is reachable from `commit`, at most `most`.
        """
        ...

    def blame(self, commit: Sha, path: str, lines: tuple[int, int]) -> tuple[Sha, ...]:
        """For each of the lines (first, last) the commit that wrote it. Nothing when they are not there."""
        ...

    def ignored(self, commit: Sha, paths: tuple[str, ...]) -> frozenset[str]:
        """Those of the paths that the .gitignore files at the commit ignore, though they are in the tree."""
        ...

    def push(self, commit: Sha, branch: BranchName, url: str, credential: str) -> None:
        """Push a commit to a branch of a remote repository. Raises ForgeProblem."""
        ...


Reaction = Literal["eyes", "+1", "-1", "confused", "rocket"]
"""What the bot answers a comment with, under GitHub's names."""

Permission = Literal["none", "read", "triage", "write", "maintain", "admin"]
"""What somebody may do in a repository, least first: GitHub's roles."""


class ForgeAccount(Frozen):
    """Whose account the bot acts with. `starts_ci`: the repository's CI builds what it pushes, with its secrets."""

    login: str
    kind: Literal["folder", "actions", "app", "person"]
    starts_ci: bool


class ForgeFile(Frozen):
    """A file of the bot's state branch. `version` tells it from what it was and will be."""

    content: bytes
    version: str


class ForgeIssue(Frozen):
    """An issue as the forge has it."""

    number: int
    title: str
    body: str
    labels: tuple[str, ...]
    open: bool
    url: str
    locked: bool = False


class ForgeComment(Frozen):
    """A comment as the forge has it. `id` is unique within the forge."""

    id: int
    body: str
    url: str


class ForgePull(Frozen):
    """A pull request as the forge has it."""

    number: int
    title: str
    body: str
    head_branch: str
    draft: bool
    open: bool
    url: str


class ForgeCheck(Frozen):
    """A check run as the forge has it. `external_id` is what its maker called it, `annotations` is how many it has."""

    id: int
    external_id: str
    conclusion: str
    title: str
    summary: str
    annotations: int
    url: str


class Forge(Protocol):
    """Issues, comments, branches, pull requests and checks of one repository.

    Plain verbs; which to call is the publisher's decision. The listings give only what the bot itself
    wrote (its account on GitHub, everything in the local folder) and are complete, over all pages.
    Every method raises ForgeProblem; ForgeGone where what it is about was deleted, or moved to another repository.
    """

    @property
    def name(self) -> str:
        """How the forge is named to people."""
        ...

    @property
    def account(self) -> ForgeAccount:
        """Whose account the bot acts with."""
        ...

    @property
    def public(self) -> bool:
        """Whether anybody may read the repository, and with it what the bot keeps there."""
        ...

    def issues(self) -> Iterator[ForgeIssue]:
        """The bot's issues, open and closed, oldest first."""
        ...

    def create_issue(self, title: str, body: str, labels: tuple[str, ...]) -> ForgeIssue:
        """Open an issue."""
        ...

    def update_issue(self, number: int, title: str, body: str, labels: tuple[str, ...], reopen: bool) -> ForgeIssue:
        """Change an issue; `labels` are added to those it has. Raises ForgeGone where it was deleted or moved away."""
        ...

    def unlabel_issue(self, number: int, labels: tuple[str, ...]) -> None:
        """Take labels from an issue; one that it does not have is no error."""
        ...

    def close_issue(self, number: int, reason: Literal["completed", "not planned", "duplicate"]) -> ForgeIssue:
        """Close an issue; one that is closed stays as it is."""
        ...

    def pin_issue(self, number: int, pinned: bool) -> None:
        """Pin an issue, or unpin it; what is so already is no error. Raises NotOffered where the bot may not."""
        ...

    def comments(self, number: int) -> Iterator[ForgeComment]:
        """The bot's comments on an issue or pull request, oldest first."""
        ...

    def create_comment(self, number: int, body: str) -> ForgeComment:
        """Add a comment. Raises NotOffered where the conversation is locked to the bot."""
        ...

    def update_comment(self, comment: int, body: str) -> ForgeComment:
        """Change a comment. Raises ForgeGone where it was deleted, NotOffered where it is locked to the bot."""
        ...

    def react(self, comment: int, reaction: Reaction) -> None:
        """React to a comment of anybody's; the same reaction twice is one.

        Raises ForgeGone where the comment was deleted, NotOffered where the bot may not react.
        """
        ...

    def comment_text(self, comment: int) -> str | None:
        """What a comment of anybody's says now; None where it was deleted."""
        ...

    def permission(self, login: str) -> Permission:
        """What a person may do in the repository, as the forge says now."""
        ...

    def state(self, name: str) -> ForgeFile | None:
        """A file of the bot's state branch; None when there is none, or no branch yet."""
        ...

    def put_state(self, name: str, content: bytes, version: str | None) -> str:
        """Write such a file over `version` (None: it must not be there yet), in a commit that starts no CI; return the
        new version. Content that is there already is no conflict. Raises ForgeConflict when it is another by now.
        """
        ...

    def branch_head(self, branch: BranchName) -> Sha | None:
        """The commit a branch is at, None when there is no such branch."""
        ...

    def push(self, branch: BranchName, commit: Sha) -> str:
        """Bring a commit of the workspace to a branch; return the branch's URL.

        Raises PolicyRefused, and writes nothing, where that would start the repository's CI and nobody asked for it.
        """
        ...

    def pulls(self, branch: BranchName) -> Iterator[ForgePull]:
        """The bot's pull requests from a branch, open and closed, oldest first."""
        ...

    def create_pull(self, title: str, body: str, branch: BranchName, draft: bool) -> ForgePull:
        """Open a pull request against the default branch.

        Where the bot's own one from that branch is open already, that one is returned as it is.
        """
        ...

    def update_pull(self, number: int, title: str, body: str) -> ForgePull:
        """Change a pull request."""
        ...

    def checks(self, head: Sha) -> Iterator[ForgeCheck]:
        """The bot's checks on a commit."""
        ...

    def create_check(self, head: Sha, external_id: str, name: str, conclusion: str, title: str, summary: str,
                     annotations: tuple[Annotation, ...] = ()) -> ForgeCheck:
        """Add a finished check to a commit, with any number of annotations."""
        ...

    def update_check(self, check: int, conclusion: str, title: str, summary: str,
                     annotations: tuple[Annotation, ...] = ()) -> ForgeCheck:
        """Change a check. The annotations that it has stay; of `annotations`, what is beyond their number is added."""
        ...


class PullCommits(Frozen):
    """Which commits a pull request has now. `fork`: its branch is in another repository, or in one that is gone."""

    head: Sha
    base: Sha
    fork: bool


class ActionsRun(Frozen):
    """A run of a workflow in Actions."""

    id: int
    url: str


class CommandDesk(Protocol):
    """What commands in comments need of GitHub, the first five as the Forge has them. Every method raises ForgeProblem.

    It needs no clone: the job that answers a comment at once has none.
    """

    @property
    def account(self) -> ForgeAccount:
        """Whose account the bot acts with."""
        ...

    def permission(self, login: str) -> Permission:
        """What a person may do in the repository, as the forge says now."""
        ...

    def comment_text(self, comment: int) -> str | None:
        """What a comment of anybody's says now; None where it was deleted."""
        ...

    def react(self, comment: int, reaction: Reaction) -> None:
        """React to a comment of anybody's; the same reaction twice is one."""
        ...

    def state(self, name: str) -> ForgeFile | None:
        """A file of the bot's state branch; None when there is none, or no branch yet."""
        ...

    def accepted(self, since: datetime, most: int) -> frozenset[int]:
        """The comments since then, in all conversations, that the bot answered with `eyes`; at most `most` of them."""
        ...

    def pull(self, number: int) -> PullCommits:
        """The commits of a pull request."""
        ...

    def unfinished(self, workflow: str, job: str) -> Iterator[ActionsRun] | None:
        """The runs of a workflow's file that have not ended; None when there is no such workflow.

        With `job`, only those in which a job of that name, or of a workflow that it calls, is waiting or running.
        """
        ...

    def cancel(self, run: int) -> bool:
        """Cancel a run; False when it has ended by itself meanwhile."""
        ...


class Delivery(Frozen):
    """What became of a notice; `why` says in words why it was not delivered, without the address."""

    delivered: bool
    why: str = ""


class Notifier(Protocol):
    """Tells somebody elsewhere, by the destinations of bot.toml."""

    def send(self, destination: str, notice: Notice) -> Delivery:
        """Deliver a notice, with a few tries where that helps. Nothing is raised: it is told in the answer.

        A notice that arrived and of which that is not known arrives again under the same id.
        """
        ...

    def trouble(self, destination: str) -> str:
        """Why nothing can be sent there, in words, as far as that is known without a request; empty for no trouble."""
        ...


class Store(Protocol):
    """Where records live. Writes are atomic: a reader, or a restart after a kill, sees the old or the new."""

    def create(self, record: CycleRecord) -> CycleRecord:
        """Store the first version of a record. Raises StaleRecord when the cycle exists."""
        ...

    def load(self, ref: CycleRef) -> CycleRecord:
        """Read a record. Raises RecordDamaged when it cannot be believed, UsageProblem when there is none."""
        ...

    def save(self, record: CycleRecord, expected_version: int) -> CycleRecord:
        """Store a new version and return it with its version. Raises StaleRecord for a stale writer."""
        ...

    def cycles(self, focus: str | None = None) -> tuple[CycleRef, ...]:
        """All cycles, oldest run first."""
        ...

    def put_artifact(self, ref: CycleRef, name: str, content: bytes) -> Artifact:
        """Write a file beside the record, replacing one of that name."""
        ...

    def get_artifact(self, ref: CycleRef, name: str) -> bytes:
        """Read a file beside the record. Raises RecordDamaged when it is missing."""
        ...

    def drop_artifact(self, ref: CycleRef, name: str) -> None:
        """Remove a file beside the record; that it is not there is no error."""
        ...

    def put_run_document(self, ref: CycleRef, name: str, content: bytes) -> None:
        """Write a document of the run that a cycle belongs to, replacing one of that name."""
        ...

    def get_exchange(self, ref: CycleRef, digest: str) -> Exchange | None:
        """The stored answer to a request, if there is one."""
        ...

    def put_exchange(self, ref: CycleRef, exchange: Exchange) -> None:
        """Store an answer under its request's digest."""
        ...

    def charges(self, ref: CycleRef) -> tuple[Charge, ...]:
        """What the calls of a cycle cost, those that no record knows yet and lost ones included."""
        ...

    def put_lost(self, ref: CycleRef, charge: Charge) -> None:
        """Note a call that may give no reply (`charge.lost` names it), or change what it is known to have cost."""
        ...

    def drop_lost(self, ref: CycleRef, charge: Charge) -> None:
        """Forget such a note: its reply is stored, or it is known to have cost nothing."""
        ...

    def folder(self, ref: CycleRef) -> str:
        """Where a person finds the record."""
        ...

    def artifact_size(self, ref: CycleRef, name: str) -> int:
        """How many bytes a file beside the record has; 0 where it is not there."""
        ...

    def memory(self) -> bytes | None:
        """What was remembered of cycles whose records are gone; None where nothing was. Raises RecordDamaged."""
        ...

    def put_memory(self, content: bytes) -> None:
        """Remember it, in the place of what was remembered before. It is safe when this returns."""
        ...

    def holdings(self) -> tuple[Holding, ...]:
        """What takes room in the state and can go, with why it may not be touched where that is so."""
        ...

    def discard(self, holding: Holding) -> bool:
        """Remove a thing, whole or not at all whenever this is killed. Only the holder of the lock may.

        False when it is not there any more, or may not be touched by now. Raises ConfigProblem when it cannot be
        removed.
        """
        ...

    def lock(self, holder: str, wait_s: float) -> AbstractContextManager[None]:
        """Hold the whole state alone. Raises StateLocked, naming the holder, after `wait_s` seconds."""
        ...
