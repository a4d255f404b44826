"""A GitHub event -> what to run. Decides who may command the bot by a comment; does nothing by itself.

A comment is refused without a word to anybody as long as it might be a machine's, so that no loop is possible; and
nothing that somebody wrote leaves here but as a member of a closed set, a number, or a name of a strict form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import AwareDatetime, ConfigDict, Field, Strict, StringConstraints, ValidationError

from bot.domain.base import Frozen
from bot.domain.commands import (
    ON_PULL_REQUESTS,
    RUN_ITS_CODE,
    CommentCommand,
    NotUnderstood,
    Order,
    read_command,
)
from bot.domain.effects import RepositoryName
from bot.domain.errors import UsageProblem
from bot.domain.past import Ledger, PastCycle
from bot.ports import CommandDesk, Permission

EVENT = "issue_comment"
COMMANDS_WINDOW = timedelta(hours=1)
MAY_COMMAND: frozenset[Permission] = frozenset({"write", "maintain", "admin"})

_Text = Annotated[str, Strict()]
_Number = Annotated[int, Strict(), Field(ge=1, lt=2**53)]


class _Part(Frozen):
    """A part of a payload: what is named is there and of its type; GitHub adds more at any time."""

    model_config = ConfigDict(extra="ignore")


class _User(_Part):
    # What an account may be called goes into a URL.
    login: Annotated[str, Strict(), StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,99}(\[bot\])?$")]
    id: _Number
    type: _Text


class _Comment(_Part):
    id: _Number
    body: _Text
    user: _User
    created_at: AwareDatetime
    performed_via_github_app: object = None


class _Issue(_Part):
    number: _Number
    locked: Annotated[bool, Strict()]
    pull_request: Annotated[dict[str, object], Strict()] | None = None


class _Repository(_Part):
    full_name: _Text


class _Event(_Part):
    action: _Text
    comment: _Comment
    issue: _Issue
    repository: _Repository
    sender: _User


class Asked(Frozen):
    """What a person's new comment asks for, so far by the event's word alone."""

    command: CommentCommand | NotUnderstood
    text: str
    author: str
    number: int
    comment: int
    is_pull: bool
    locked: bool
    made_at: AwareDatetime


class Ignored(Frozen):
    """Nothing happens, and nobody is told. `why` is for the job's log and holds nothing that others wrote."""

    why: str


class Refused(Frozen):
    """The comment gets a reaction: `confused` where it could be said otherwise, `-1` where it may not be done."""

    comment: int
    reaction: Literal["confused", "-1"]
    why: str


def asked(event: str, payload: bytes, repository: str) -> Asked | Ignored:
    """Read an event as GitHub's runner leaves it. Whatever is not in the form that GitHub gives it is ignored."""
    if event != EVENT:
        return Ignored(why="it is no event of a comment")
    try:
        given = _Event.model_validate_json(payload)
    except ValidationError:
        return Ignored(why="the event is not in the form that GitHub gives it")
    if given.action != "created":
        return Ignored(why="the comment is not new")
    if given.repository.full_name.lower() != repository.lower():
        return Ignored(why="the event is of another repository")
    author = given.comment.user
    if author.id != given.sender.id:
        return Ignored(why="somebody else than its author sent it")
    if any(user.type != "User" or user.login.endswith("[bot]") for user in (author, given.sender)):
        return Ignored(why="no person wrote it")
    if given.comment.performed_via_github_app is not None:
        return Ignored(why="an App wrote it")
    command = read_command(given.comment.body)
    if command is None:
        return Ignored(why="it is not for the bot")
    return Asked(
        command=command, text=given.comment.body, author=author.login, number=given.issue.number,
        comment=given.comment.id, is_pull=given.issue.pull_request is not None, locked=given.issue.locked,
        made_at=given.comment.created_at,
    )


class Gate:
    """Holds what was asked against what the forge says now."""

    def __init__(self, desk: CommandDesk, most_an_hour: int, now: datetime) -> None:
        self._desk = desk
        self._most = most_an_hour
        self._now = now

    def decide(self, ask: Asked) -> Order | Refused | Ignored:
        """Say what is to be run. Raises ForgeProblem."""
        # First, since anybody can ask: what a stranger's comment costs is taken from the requests of all of Actions.
        if self._desk.permission(ask.author) not in MAY_COMMAND:
            return _no(ask, "-1", "its author has no write permission")
        if ask.author.lower() == self._desk.account.login.lower():
            return Ignored(why="the bot wrote it")
        text = self._desk.comment_text(ask.comment)
        if text is None:
            return Ignored(why="the comment was deleted")
        if _lines(text) != _lines(ask.text):
            return _no(ask, "confused", "the comment was changed")
        command = ask.command
        if isinstance(command, NotUnderstood):
            return _no(ask, "confused", command.why)
        if ask.locked:
            return _no(ask, "-1", "the conversation is locked")
        order = self._order(ask, command)
        if isinstance(order, Order) and order.earlier >= self._most:
            said = f"{order.earlier} commands were accepted within an hour, and {self._most} are allowed"
            return _no(ask, "-1", said)
        return order

    def _order(self, ask: Asked, command: CommentCommand) -> Order | Refused:
        head = base = None
        if command.word in ON_PULL_REQUESTS:
            if not ask.is_pull:
                return _no(ask, "confused", "it is about a pull request, and this is none")
            pull = self._desk.pull(ask.number)
            if pull.fork and command.word in RUN_ITS_CODE:
                return _no(ask, "-1", "it would run code of a fork")
            head, base = pull.head, pull.base
        accepted = self._desk.accepted(self._now - COMMANDS_WINDOW, self._most + 1) - {ask.comment}
        return Order(
            command=command, number=ask.number, comment=ask.comment, is_pull=ask.is_pull, head=head, base=base,
            earlier=min(len(accepted), 1_000),
        )


def _no(ask: Asked, reaction: Literal["confused", "-1"], why: str) -> Refused:
    return Refused(comment=ask.comment, reaction=reaction, why=why)


def _lines(text: str) -> str:
    """A text with line feeds alone: browsers send CRLF, and what comes back of it is up to GitHub."""
    return text.replace("\r\n", "\n")


def cycle_of(ledger: Ledger, repository: RepositoryName, number: int) -> PastCycle | None:
    """The newest cycle that an issue or pull request belongs to; None where it is none of the bot's."""
    found = (one for one in reversed(ledger.cycles)
             if one.repository.lower() == repository.lower() and number in {one.issue, one.pull})
    return next(found, None)


# From the gate to the work

_VALUE = re.compile(r"[a-z0-9_-]{0,64}")


def outputs(order: Order | None) -> Iterator[tuple[str, str]]:
    """What the gate's job gives to the next: names and values, each on one line whatever happens."""
    yield "run", "true" if order is not None else "false"
    if order is not None:
        yield from _values(order)


def _values(order: Order) -> Iterator[tuple[str, str]]:
    command = order.command
    for name, value in (
        ("command", command.word), ("focus", command.focus or ""), ("step", command.step or ""),
        ("number", str(order.number)), ("comment", str(order.comment)),
        ("is_pull", "true" if order.is_pull else "false"), ("head", order.head or ""), ("base", order.base or ""),
        ("earlier", str(order.earlier)),
    ):
        if _VALUE.fullmatch(value) is None:
            raise ValueError(f"{name} is no value for an output")
        yield name, value


NAMES = ("command", "focus", "step", "number", "comment", "is_pull", "head", "base", "earlier")
"""The outputs of an accepted command; the work takes each from the variable `WHYBOT_` and its name in capitals."""


def variable(name: str) -> str:
    """The environment variable of an output."""
    return f"WHYBOT_{name.upper()}"


def order_of(environ: Mapping[str, str]) -> Order:
    """The order that the gate gave, checked again. Raises UsageProblem for one that it cannot have given."""
    given = {name: environ.get(variable(name), "") for name in NAMES}
    wrong = [variable(name) for name, value in given.items() if _VALUE.fullmatch(value) is None]
    if given["is_pull"] not in {"true", "false"}:
        wrong.append(variable("is_pull"))
    try:
        if wrong:
            raise ValueError(f"{wrong[0]} is not in the form that the gate gives it")
        return Order.model_validate({
            "command": {"word": given["command"], "focus": given["focus"] or None, "step": given["step"] or None},
            "number": given["number"], "comment": given["comment"], "is_pull": given["is_pull"] == "true",
            "head": given["head"] or None, "base": given["base"] or None, "earlier": given["earlier"] or 0,
        })
    except ValueError as bad:
        where = wrong[0] if wrong else _where(bad)
        raise UsageProblem(
            f"The command is not one that the gate accepted ({where}).",
            f"Pass on each output of `bot actions gate`, say `command` as {variable('command')}.",
        ) from bad


def _where(bad: ValueError) -> str:
    if not isinstance(bad, ValidationError):
        return str(bad)
    first = bad.errors()[0]
    return variable(str(first["loc"][-1])) if first["loc"] else str(first["msg"]).removeprefix("Value error, ")
