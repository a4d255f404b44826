"""`bot publish`: applies a publication, with the policy of the bot.toml at hand. Where it runs there is no model.

What it is given comes from the job in which generated code ran, so nothing of it is believed (`engine/delivering.py`).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.adapters import FORGES
from bot.app import App, Options
from bot.domain.effects import Effect, NoticeSend, Receipt, ReplyUpsert
from bot.domain.errors import BotError, ConfigProblem, NotOffered, PolicyRefused, RecordDamaged, UsageProblem
from bot.domain.publication import Publication
from bot.engine.delivering import (
    apply_publication,
    check_publication,
    check_scope,
    newest_effects,
    past_of,
    unpublished,
)
from bot.engine.keeping import in_actions, record_url, workflow_run, write_publication
from bot.engine.ledger import read_ledger, remember
from bot.engine.noticing import told_before
from bot.engine.plausible import is_anothers, spending_of
from bot.engine.publication import MOST_BYTES, parse_publication
from bot.engine.publisher import Publisher
from bot.engine.runner import describe
from bot.ports import Clock, Forge, Progress
from bot.progress import harmless, make_progress, say, say_json, say_table
from bot.reports.json.error import Problem
from bot.reports.json.publish import PublishDocument, PublishedEffect
from bot.reports.summary import came_to, publication_summary, title_of

_MOST_EVENT_BYTES = 30_000_000
"""GitHub delivers no event of more than 25 MB."""


@dataclass(frozen=True)
class PublishOptions:
    """What the command line asks for. None means: as bot.toml says; in GitHub Actions the forge is GitHub."""

    file: Path
    forge: str | None = None
    state: Path = Path(".bot")
    config: Path | None = None
    wait_s: float = 0.0
    json: bool = False
    demo: bool = False
    only_reply: bool = False


def run_publish(
    options: PublishOptions, environ: Mapping[str, str] | None = None, clock: Clock | None = None
) -> int:
    """Publish a file and show what it came to; return the exit code.

    Run again it changes nothing. Raises UsageProblem or RecordDamaged for a file that is none, PolicyRefused for one
    that may not be published, then with nothing done, and ForgeProblem when the forge fails on the way.
    """
    app = App.open(Options(demo=options.demo, state=options.state, config=options.config))
    app.environ = app.environ if environ is None else environ
    app.clock = clock or app.clock
    with app.lock(f"bot publish {options.file}", options.wait_s), make_progress() as progress:
        publishing = _Publishing(app, options, _forge_kind(app, options), progress)
        publishing.run()
    publishing.show()
    if publishing.problem is not None:
        publishing.problem.shown = options.json
        raise publishing.problem
    return 0


def _forge_kind(app: App, options: PublishOptions) -> str:
    kind = options.forge or ("github" if in_actions(app.environ) else app.config.forge.kind)
    if kind not in FORGES:
        raise UsageProblem(f"There is no forge {kind!r}.", f"Take one of: {', '.join(FORGES)}.")
    return kind


def _for_this_command(problem: BotError) -> BotError:
    """The forge's remedies are made for cycles; what goes on here is the command itself."""
    problem.remedy = problem.remedy.replace("un `bot resume`", "un `bot publish` with the same file again")
    return problem


@dataclass
class _Publishing:
    """One file on its way. `problem` is what kept it from being published whole, once it was found to be allowed."""

    app: App
    options: PublishOptions
    kind: str
    progress: Progress
    problem: BotError | None = None
    ledger: str = "There is no ledger to keep it in."
    done: Publication = field(init=False)

    def run(self) -> None:
        """Check everything, then apply it and update the ledger, also when a part of it failed."""
        given = read_publication(self.options.file)
        self.done = unpublished(given)
        workspace = self.app.workspace(self.options.demo)
        open_forge = self.app.forge_named(self.kind, workspace)
        publisher = Publisher(
            open_forge, self.app.config.policy, workspace, record_url(self.app.environ), self.app.notices
        )
        try:
            check_scope(given, self.app.config.repository.name, self.kind, self.app.clock.now())
            _check_job(given, self.app.environ)
            if self.options.only_reply:
                _check_only_reply(given)
            self._check_run(given, open_forge)
            check_publication(given, publisher, self.app.config.target, workspace)
        except BotError as problem:
            self._remember_spending(given, open_forge)
            self._summarise(problem)
            raise
        try:
            told = self._told(given, open_forge)
            apply_publication(given, publisher, self.app.config.target, self._save, self._tell, told)
        except BotError as problem:
            self.problem = _for_this_command(problem)
        try:
            self._remember(open_forge)
        except BotError as problem:
            self.ledger = f"The ledger was not updated: {problem}"
            self.problem = self.problem or _for_this_command(problem)
        self._summarise(self.problem)

    def _check_run(self, given: Publication, open_forge: Callable[[], Forge]) -> None:
        """Refuse, in GitHub Actions, what is of another workflow's run. Raises PolicyRefused, ForgeProblem."""
        branch, run = self.app.config.forge.state_branch, workflow_run(self.app.environ)
        if not branch or run is None or given.scope.run is None:
            return
        conversation = None
        with contextlib.suppress(ConfigProblem):
            conversation = _asked(self.app.environ)[1]
        # A ledger that cannot be read hinders no issue; that it was not updated is said at the end.
        with contextlib.suppress(NotOffered, RecordDamaged):
            if is_anothers(given, read_ledger(open_forge(), branch), run, conversation):
                raise PolicyRefused(
                    f"The publication was refused: its run {given.scope.run} is that of another job.",
                    "Only `/bot retry` on an issue or pull request of a run goes on with it. Nothing was published.",
                )

    def _told(self, given: Publication, open_forge: Callable[[], Forge]) -> frozenset[str]:
        """The notices of this run that were delivered before, as far as the ledger says; else they arrive again."""
        branch = self.app.config.forge.state_branch
        sends = any(isinstance(item.effect, NoticeSend) for part in given.parts for item in part.effects)
        if branch and sends:
            with contextlib.suppress(BotError):
                return told_before(given.scope.run, read_ledger(open_forge(), branch))
        return frozenset()

    def _save(self, publication: Publication) -> None:
        self.done = publication
        write_publication(self.options.file, publication)

    def _tell(self, effect: Effect, receipt: Receipt) -> None:
        self.progress.note(describe(effect, receipt.did, receipt.url or receipt.note))

    def _remember(self, open_forge: Callable[[], Forge]) -> None:
        branch = self.app.config.forge.state_branch
        if not branch or all(part.past is None for part in self.done.parts):
            return
        forge = open_forge()
        run = workflow_run(self.app.environ)
        entries = [past_of(part, private=not forge.public, workflow_run=run) for part in self.done.parts]
        try:
            changed = remember(forge, branch, [entry for entry in entries if entry is not None])
        except NotOffered as refused:
            self.ledger = f"The ledger is not kept: {refused}"
            return
        self.ledger = f"The ledger on the branch {branch} was {'updated' if changed else 'up to date'}."

    def _remember_spending(self, given: Publication, open_forge: Callable[[], Forge]) -> None:
        """Note what the cycles of a file that was refused spent: the day's budget is no smaller for that.

        Why it was refused is said, whatever becomes of this.
        """
        branch, config = self.app.config.forge.state_branch, self.app.config
        if not branch or self.options.only_reply:
            return
        now, run = self.app.clock.now(), workflow_run(self.app.environ)
        entries = [entry for part in given.parts if (entry := spending_of(part, now, run)) is not None
                   and (entry.repository, entry.forge) == (config.repository.name, self.kind)]
        self.ledger = "The ledger was left as it is."
        if entries:
            with contextlib.suppress(BotError):
                remember(open_forge(), branch, entries)
                self.ledger = f"The ledger on the branch {branch} has what was spent, and nothing else of it."

    def _summarise(self, problem: BotError | None) -> None:
        """Add to the summary of a job of GitHub Actions. That it cannot be written hinders nobody."""
        path = self.app.environ.get("GITHUB_STEP_SUMMARY")
        if not path:
            return
        try:
            with Path(path).open("a", encoding="utf-8", errors="replace") as stream:
                stream.write(publication_summary(self.done, problem, self.ledger) + "\n")
        except OSError as error:
            self.progress.note(f"the job's summary could not be written: {error.strerror}")

    def show(self) -> None:
        """Print what it came to."""
        items = newest_effects(self.done)
        if self.options.json:
            say_json(PublishDocument(
                file=str(self.options.file), repository=self.done.scope.repository, forge=self.kind,
                ledger=self.ledger,
                effects=tuple(
                    PublishedEffect(effect=item.effect.effect, key=str(item.effect.key), title=title_of(item.effect),
                                    receipt=item.receipt)
                    for item in items
                ),
                failure=None if self.problem is None else Problem.of(self.problem),
            ))
            return
        if not items:
            say("There was nothing to publish.")
        else:
            from rich.table import Table

            table = Table(box=None, pad_edge=False, header_style="bold")
            for heading in ("what", "title", "came to", "where"):
                table.add_column(heading, overflow="fold")
            for item in items:
                did, where = came_to(item.receipt)
                what = item.effect.effect.replace("_", " ")
                table.add_row(what, harmless(title_of(item.effect)), did, harmless(where))
            say_table(table)
        say(f"\n{harmless(self.ledger)}")


def read_publication(path: Path) -> Publication:
    """Read a publication, and no more of a file than one may be. Raises UsageProblem or RecordDamaged."""
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageProblem(
            f"{path} cannot be read: {error.strerror}.", "Name the file that `bot cycle --publish-to` wrote."
        ) from error
    return parse_publication(content, str(path))


def _check_only_reply(publication: Publication) -> None:
    """Refuse all but the answer to a command. Raises PolicyRefused."""
    parts = publication.parts
    if any(part.past is not None or part.commits for part in parts) or not all(
        isinstance(item.effect, ReplyUpsert) for part in parts for item in part.effects
    ):
        raise PolicyRefused(
            "The publication was refused: it holds more than the answer to a command.",
            "Nothing was published. Leave --only-reply out for what a cycle made.",
        )


def _check_job(publication: Publication, environ: Mapping[str, str]) -> None:
    """Refuse, in GitHub Actions, what is for another repository than the job's, or answers another comment.

    Elsewhere a person has the file in hand. Raises PolicyRefused, and ConfigProblem for an event that cannot be read.
    """
    if not in_actions(environ):
        return
    here = environ.get("GITHUB_REPOSITORY", "")
    if publication.scope.repository.lower() != here.lower():
        raise PolicyRefused(
            f"The publication was refused: it is for {publication.scope.repository}, and the job runs in {here}.",
            "Set `name` under [repository] in bot.toml to the repository that the workflow runs in.",
        )
    replies = [item.effect for part in publication.parts for item in part.effects
               if isinstance(item.effect, ReplyUpsert)]
    if not replies:
        return
    comment, conversation = _asked(environ)
    if any((reply.key.comment, reply.number) != (comment, conversation) for reply in replies):
        raise PolicyRefused(
            "The publication was refused: it answers another comment than the one that started the job.",
            "Nothing was published.",
        )


def _asked(environ: Mapping[str, str]) -> tuple[int | None, int | None]:
    """The comment that started the job, and the conversation that it stands in."""
    try:
        with Path(environ.get("GITHUB_EVENT_PATH", "")).open("rb") as stream:
            event = json.loads(stream.read(_MOST_EVENT_BYTES))
        comment, conversation = event["comment"]["id"], event["issue"]["number"]
    except (OSError, ValueError, RecursionError, KeyError, TypeError) as error:
        raise ConfigProblem(
            "The event that started the job cannot be read, so it is not known which comment is to be answered.",
            "Answers are published by a workflow on `issue_comment`.",
        ) from error
    return (comment if isinstance(comment, int) else None), (conversation if isinstance(conversation, int) else None)
