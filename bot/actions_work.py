"""The work of a command in a comment: in a job that may read, and that leaves its answer as a publication."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, assert_never

from bot.actions import cycle_of, order_of
from bot.actions_command import Job
from bot.adapters.github_forge import git_root
from bot.adapters.system_clock import SystemClock
from bot.app import App, Options
from bot.commands import retry_cycle, run_cycle
from bot.config import PRESETS
from bot.domain.commands import Order
from bot.domain.config import BotConfig
from bot.domain.effects import KEPT, RecordedEffect
from bot.domain.errors import EXIT_INTERRUPTED, BotError, ConfigProblem, UsageProblem
from bot.domain.past import NO_LEDGER, Ledger, PastCycle
from bot.domain.publication import Publication, Scope
from bot.engine.keeping import write_publication
from bot.engine.ledger import read_ledger
from bot.ports import Clock
from bot.progress import make_progress, say
from bot.publish_command import read_publication
from bot.pull_requests import PullRequest, audit_pull, open_pull, prove_pull
from bot.reports.cycles import cycles_markdown
from bot.reports.replies import cycle_text, failed_text, help_text, reply

_USUAL_FOCUS = "errors"


@dataclass(frozen=True)
class WorkOptions:
    """What the command line asks for. The order itself comes from the gate, by the environment."""

    publish_to: Path
    state: Path = Path(".bot")
    config: Path | None = None


def run_work(options: WorkOptions, environ: Mapping[str, str] | None = None, clock: Clock | None = None) -> int:
    """Do what was ordered and keep the answer for the job that publishes; return the exit code.

    What only bot.toml or the ledger can refuse is refused with the output `refused`, a reaction, and no publication.
    A failure is an answer, too, and is raised again. Raises UsageProblem for an order that the gate cannot have given.
    """
    job = Job(os.environ if environ is None else environ, clock or SystemClock())
    order = order_of(job.environ)
    app = App.open(Options(config=options.config, state=options.state, publish_to=options.publish_to))
    app.environ = job.environ
    _check_place(app.config, job)
    work = _Work(job, order, app, options)
    refused = work.refused()
    if refused is not None:
        job.give([("refused", refused[0])])
        say(f"Refused ({refused[0]}): {refused[1]}.")
        return 0
    try:
        text, code = work.done()
    except BotError as problem:
        work.answer(failed_text(problem))
        raise
    work.answer(text)
    say(f"Done: {order.command}.")
    return code


def _check_place(config: BotConfig, job: Job) -> None:
    """Raise ConfigProblem where bot.toml is not that of the repository that the workflow runs in."""
    if config.repository.name.lower() != job.repository.lower():
        raise ConfigProblem(
            f"`name` under [repository] is {config.repository.name!r}, and the workflow runs in {job.repository}.",
            "Set it in the bot.toml of the default branch.",
        )


class _Work:
    def __init__(self, job: Job, order: Order, app: App, options: WorkOptions) -> None:
        self._job = job
        self._order = order
        self._app = app
        self._options = options

    # What the gate could not know

    def refused(self) -> tuple[Literal["confused", "-1"], str] | None:
        """The reaction for an order that is not carried out, and why; None for one that is. Raises ForgeProblem."""
        command, most = self._order.command, self._app.config.policy.commands_per_hour
        if self._order.earlier >= most:
            return "-1", f"{self._order.earlier} commands were accepted within an hour, and bot.toml allows {most}"
        if command.focus is not None and command.focus not in self._app.config.focus:
            return "confused", "bot.toml has no such focus"
        if command.word == "retry" and self._entry is None:
            return "confused", "no cycle of the bot belongs to this conversation"
        return None

    # The commands

    def done(self) -> tuple[str, int]:
        """The answer, and the exit code. Raises BotError."""
        app, order = self._app, self._order
        match order.command.word:
            case "help":
                return help_text(app.config.focus, usual_focus(app.config)), 0
            case "status":
                return cycles_markdown((), self._ledger().cycles, app.workflow), 0
            case "audit":
                return audit_pull(self._pull(), app.config), 0
            case "prove":
                with make_progress() as progress:
                    root = Path(app.config.repository.path)
                    text = prove_pull(
                        self._pull(), root, app.config, self._options.state, progress.note, self._job.environ)
                return text, 0
            case "cycle":
                return self._cycle()
            case "retry":
                return self._retry()
            case "stop":
                raise UsageProblem("This job may not stop anything.", "`bot actions stop` does, in a job of its own.")
            case _:
                assert_never(order.command.word)

    def _cycle(self) -> tuple[str, int]:
        focus = self._order.command.focus or usual_focus(self._app.config)
        options = Options(focus=focus, forge="github", publish_to=self._options.publish_to, state=self._options.state,
                          config=self._options.config)
        return self._of_cycle(run_cycle(self._app, options, json=False), None)

    def _retry(self) -> tuple[str, int]:
        entry, step = self._entry, self._order.command.step
        if entry is None or step is None:
            raise UsageProblem("There is nothing to go on with.", "Give the command on an issue of the bot.")
        if entry.ref not in self._app.store.cycles():
            raise UsageProblem(
                f"The record of cycle {entry.ref} is not kept any more.",
                "Records are kept for a week, and in a public repository only where `keep_record` says so; a new cycle "
                "starts from the logs.",
            )
        options = Options(publish_to=self._options.publish_to, state=self._options.state, config=self._options.config)
        return self._of_cycle(retry_cycle(options, step, entry.ref.run, json=False), entry.ref.run)

    def _of_cycle(self, code: int, run: str | None) -> tuple[str, int]:
        if code == EXIT_INTERRUPTED:
            return "It was stopped. What it had done so far is published.", code
        return cycle_text(self._app.runs.newest(run), self._app.workflow), code

    # Means

    def _pull(self) -> PullRequest:
        order, config = self._order, self._app.config
        if order.head is None or order.base is None:
            raise UsageProblem("It is not said which commits the pull request has.", "Pass on the gate's outputs.")
        url = f"{git_root(config.forge.api_url)}/{config.repository.name}.git"
        token = self._app.surroundings().variable(config.forge.token_env, "the pull request")
        return open_pull(Path(config.repository.path), config, order.head, order.base, url, token)

    def _ledger(self) -> Ledger:
        branch = self._app.config.forge.state_branch
        if not branch:
            return NO_LEDGER
        return read_ledger(self._app.forge_named("github", self._app.workspace(demo=False))(), branch)

    @cached_property
    def _entry(self) -> PastCycle | None:
        return cycle_of(self._ledger(), self._app.config.repository.name, self._order.number)

    # The answer

    def answer(self, text: str) -> None:
        """Keep the answer, with what a cycle wants published if there was one. Raises ConfigProblem."""
        name = self._app.config.repository.name
        kept = RecordedEffect(effect=reply(self._order, name, text), receipt=KEPT)
        path = self._options.publish_to
        if path.is_file():
            publication = read_publication(path)
            publication = publication.model_copy(update={"effects": (*publication.effects, kept)})
        else:
            publication = Publication(
                made_at=self._job.clock.now(), scope=Scope(repository=name), effects=(kept,))
        write_publication(path, publication)


def usual_focus(config: BotConfig) -> str:
    """The focus of a cycle for which none is named: the one that bot.toml has of its own, else every error."""
    own = [name for name, focus in config.focus.items() if PRESETS.get(name) != focus]
    return own[0] if len(own) == 1 else _USUAL_FOCUS
