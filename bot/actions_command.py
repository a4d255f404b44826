"""`bot actions`: commands in comments, job by job. Each job has its own token and does one thing.

`gate` decides and reacts (issues, pull requests: write; no checkout). `locate` finds the record that `retry` goes on
with (contents: read). `work` does the command and leaves a publication (contents: read; model and logs). `stop` cancels
running cycles (actions: write). `react` answers a refusal that only the work could know of (issues, pull requests:
write). What passes from one to the next are outputs of the gate: members of closed sets, numbers, and commit ids.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import get_args

from pydantic import TypeAdapter, ValidationError

from bot.actions import Asked, Gate, Ignored, Refused, asked, cycle_of, order_of, outputs
from bot.adapters.surroundings import Surroundings
from bot.adapters.system_clock import SystemClock
from bot.domain.commands import Order
from bot.domain.config import BotConfig, ForgeConfig, RepositoryConfig
from bot.domain.effects import RepositoryName
from bot.domain.errors import ConfigProblem, ForgeGone, ForgeProblem, UsageProblem
from bot.domain.past import LEDGER, NO_LEDGER
from bot.ports import Clock, CommandDesk, Reaction
from bot.progress import say

_API_URL = "GITHUB_API_URL"
_OUTPUT = "GITHUB_OUTPUT"
_MOST_EVENT_BYTES = 30_000_000
"""GitHub delivers no event of more than 25 MB."""


def run_gate(most_an_hour: int, environ: Mapping[str, str] | None = None, clock: Clock | None = None) -> int:
    """Decide whether a comment runs anything, react to it, and write the outputs; return 0 whatever was decided.

    Raises ConfigProblem outside of a job of GitHub Actions, ForgeProblem.
    """
    job = Job(os.environ if environ is None else environ, clock or SystemClock())
    job.check("GITHUB_EVENT_NAME", "GITHUB_EVENT_PATH", "GITHUB_REPOSITORY", _OUTPUT, ForgeConfig().token_env)
    ask = asked(job.needed("GITHUB_EVENT_NAME"), job.event(), job.repository)
    decided: Order | Refused | Ignored
    if isinstance(ask, Asked):
        desk = job.desk()
        decided = _answered(desk, Gate(desk, most_an_hour, job.clock.now()).decide(ask))
    else:
        decided = ask
    job.give(outputs(decided if isinstance(decided, Order) else None))
    say(_in_words(decided))
    return 0


def run_react(environ: Mapping[str, str] | None = None, clock: Clock | None = None) -> int:
    """React to the comment in WHYBOT_COMMENT with WHYBOT_REACTION, for a job that knows more than the gate; return 0.

    Raises UsageProblem for values that are none, ForgeProblem.
    """
    job = Job(os.environ if environ is None else environ, clock or SystemClock())
    comment, wanted = job.environ.get("WHYBOT_COMMENT", ""), job.environ.get("WHYBOT_REACTION", "")
    reaction: Reaction | None = next((one for one in get_args(Reaction) if one == wanted), None)
    if re.fullmatch(r"[1-9][0-9]{0,15}", comment) is None or reaction is None:
        raise UsageProblem(
            "WHYBOT_COMMENT and WHYBOT_REACTION do not say which comment gets which reaction.",
            "Pass on the outputs `comment` of the gate and `refused` of the work.",
        )
    try:
        job.desk().react(int(comment), reaction)
    except ForgeGone:
        say("The comment was deleted.")
    return 0


def run_locate(environ: Mapping[str, str] | None = None, clock: Clock | None = None) -> int:
    """For `retry`: write the Actions run that keeps the record of the conversation's cycle as the output
    `workflow_run`, empty where none is known; return 0.

    Raises UsageProblem for an order that the gate cannot have given, RecordDamaged for the ledger, ForgeProblem.
    """
    from bot.engine.ledger import parse_ledger

    job = Job(os.environ if environ is None else environ, clock or SystemClock())
    order = order_of(job.environ)
    found = job.desk().state(LEDGER)
    ledger = NO_LEDGER if found is None else parse_ledger(found.content, "the state branch")
    entry = cycle_of(ledger, job.repository, order.number)
    run = None if entry is None else entry.workflow_run
    job.give([("workflow_run", "" if run is None else str(run))])
    say("No record is known." if run is None else f"The record is kept by run {run}.")
    return 0


def _answered(desk: CommandDesk, decided: Order | Refused | Ignored) -> Order | Refused | Ignored:
    """React as was decided. Raises ForgeProblem where an accepted command could not be marked as such."""
    if isinstance(decided, Order):
        try:
            desk.react(decided.comment, "eyes")
        except ForgeGone:
            return Ignored(why="the comment was deleted")
    elif isinstance(decided, Refused):
        try:
            desk.react(decided.comment, decided.reaction)
        except ForgeProblem as problem:
            # Nothing runs in any case; only the person is not told.
            say(f"No reaction: {type(problem).__name__}.")
    return decided


def _in_words(decided: Order | Refused | Ignored) -> str:
    match decided:
        case Order():
            return f"Accepted: {decided.command}."
        case Refused():
            return f"Refused ({decided.reaction}): {decided.why}."
        case Ignored():
            return f"Ignored: {decided.why}."


class Job:
    """A job of GitHub Actions, as its environment describes it."""

    def __init__(self, environ: Mapping[str, str], clock: Clock) -> None:
        self.environ = environ
        self.clock = clock

    def check(self, *names: str) -> None:
        """Raise ConfigProblem where variables are missing, for all of them."""
        missing = [name for name in names if not self.environ.get(name)]
        if missing:
            *some, last = missing
            named = f"{', '.join(some)} and {last} are" if some else f"{last} is"
            token = " The token is for the workflow to set." if ForgeConfig().token_env in missing else ""
            raise ConfigProblem(
                f"{named} not set.", f"This command is for a job of GitHub Actions, which sets what it needs.{token}")

    def needed(self, name: str) -> str:
        """A variable that GitHub sets for every job. Raises ConfigProblem."""
        self.check(name)
        return self.environ[name]

    @property
    def repository(self) -> RepositoryName:
        """The repository that the workflow runs in. Raises ConfigProblem."""
        given = self.needed("GITHUB_REPOSITORY")
        try:
            return TypeAdapter(RepositoryName).validate_python(given)
        except ValidationError as bad:
            raise ConfigProblem(
                "GITHUB_REPOSITORY names no repository.", "This command is for a job of GitHub Actions, which sets it."
            ) from bad

    def event(self) -> bytes:
        """The file with the event. Raises ConfigProblem."""
        path = Path(self.needed("GITHUB_EVENT_PATH"))
        try:
            with path.open("rb") as file:
                return file.read(_MOST_EVENT_BYTES)
        except OSError as error:
            raise ConfigProblem(
                f"The event cannot be read: {error.strerror}.", "GITHUB_EVENT_PATH has to name the file with it."
            ) from error

    def give(self, values: Iterable[tuple[str, str]]) -> None:
        """Write outputs of the job: closed values without line ends, so the short form holds. Raises ConfigProblem."""
        lines = "".join(f"{name}={value}\n" for name, value in values)
        try:
            with Path(self.needed(_OUTPUT)).open("a", encoding="utf-8") as file:
                file.write(lines)
        except OSError as error:
            raise ConfigProblem(
                f"The outputs cannot be written: {error.strerror}.", f"{_OUTPUT} has to name a file."
            ) from error

    def desk(self) -> CommandDesk:
        """GitHub as the job's token sees it; without a checkout, so nothing of bot.toml counts."""
        from bot.adapters.github_desk import open_desk

        given = self.environ.get(_API_URL, "")
        forge = ForgeConfig(kind="github", api_url=given) if given else ForgeConfig(kind="github")
        config = BotConfig(repository=RepositoryConfig(name=self.repository), forge=forge)
        return open_desk(self.repository, Surroundings(config, self.clock, self.environ, Path(".bot")))
