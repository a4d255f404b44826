"""What people ask the bot for in a comment: which words there are, and how a comment is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from bot.domain.base import Frozen, Sha
from bot.domain.effects import markers_in
from bot.domain.record import STEPS

Word = Literal["cycle", "status", "audit", "prove", "retry", "stop", "help"]


class Usage(NamedTuple):
    """How a command is written, and what it does, in a line."""

    form: str
    does: str


COMMANDS: Mapping[Word, Usage] = MappingProxyType({
    "cycle": Usage("/bot cycle [FOCUS]", "reads the logs for a focus and works on the most important incident"),
    "status": Usage("/bot status", "lists the cycles and where each stands"),
    "audit": Usage("/bot audit", "on a pull request: says which of its tests are fake, without running them"),
    "prove": Usage("/bot prove", "on a pull request of this repository: whether its tests prove its fix"),
    "retry": Usage("/bot retry STEP", "on an issue or pull request of the bot: goes over its cycle again from a step"),
    "stop": Usage("/bot stop", "stops the cycles that are running; what they have done so far is published"),
    "help": Usage("/bot help", "lists these commands"),
})

ON_PULL_REQUESTS: frozenset[Word] = frozenset({"audit", "prove"})
"""Commands about the pull request in whose conversation they stand."""

RUN_ITS_CODE: frozenset[Word] = frozenset({"prove"})
"""Commands that run code of the pull request; refused where it comes from a fork."""

_MOST_LINE = 120
_ADDRESSED = re.compile(r"/bot(?= |$)")
_PLAIN = re.compile(r"[!-~]+(?: +[!-~]+)* *")


def _step(name: str) -> str:
    if name not in STEPS:
        raise ValueError(f"there is no step {name!r}")
    return name


StepName = Annotated[str, AfterValidator(_step)]
FocusName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,60}$")]
"""What a focus may be called. Whether there is one of that name, bot.toml says."""

_FOCUS = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")


class CommentCommand(Frozen):
    """A command as somebody gave it. `focus` is for cycle alone, `step` for retry, which must have one."""

    word: Word
    focus: FocusName | None = None
    step: StepName | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.focus is not None and self.word != "cycle":
            raise ValueError("only a cycle has a focus")
        if (self.step is not None) != (self.word == "retry"):
            raise ValueError("a step belongs to retry, and retry needs one")
        return self

    def __str__(self) -> str:
        """As it is written."""
        return " ".join(part for part in ("/bot", self.word, self.focus, self.step) if part)


class NotUnderstood(Frozen):
    """The bot was addressed, but not with a command. `why` holds nothing that others wrote."""

    why: str


class Order(Frozen):
    """An accepted command, as it passes from the gate to the work: closed sets and numbers, no text of others.

    `number` is the issue or pull request in which it was given, `comment` the forge's id of the comment. `head` and
    `base` are the commits of the pull request when it was accepted. `earlier` counts the commands of the hour before.
    """

    command: CommentCommand
    number: Annotated[int, Field(ge=1, lt=2**53)]
    comment: Annotated[int, Field(ge=1, lt=2**53)]
    is_pull: bool
    head: Sha | None = None
    base: Sha | None = None
    earlier: Annotated[int, Field(ge=0, le=1_000)] = 0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.command.word in ON_PULL_REQUESTS and (not self.is_pull or self.head is None or self.base is None):
            raise ValueError("it is about a pull request, and which commits it has is not said")
        return self


def read_command(body: str) -> CommentCommand | NotUnderstood | None:
    """Read a comment; None when it is not addressed to the bot.

    A command is the first line, from its first character on: `/bot`, a word and what belongs to it, in printable ASCII
    between plain spaces. So quotes, lists, code, HTML and indented text are none, and neither is a look-alike in other
    characters. What follows the first line is for people. A text with a marker of the bot's is its own, and never one.
    """
    first = body[:_MOST_LINE + 2].partition("\n")[0].removesuffix("\r")
    if _ADDRESSED.match(first) is None or markers_in(body):
        return None
    if len(first) > _MOST_LINE or _PLAIN.fullmatch(first) is None:
        return NotUnderstood(why="its first line is more than a command")
    named, *rest = (*first.split()[1:], "")
    word = next((word for word in COMMANDS if word == named), None)
    if word is None:
        return NotUnderstood(why="there is no such command")
    return _with_rest(word, tuple(rest[:-1]))


def _with_rest(word: Word, rest: tuple[str, ...]) -> CommentCommand | NotUnderstood:
    match (word, rest):
        case ("retry", (step,)):
            if step in STEPS:
                return CommentCommand(word=word, step=step)
            return NotUnderstood(why="there is no such step")
        case ("retry", ()):
            return NotUnderstood(why="it names no step")
        case ("cycle", (focus,)):
            if _FOCUS.fullmatch(focus):
                return CommentCommand(word=word, focus=focus)
            return NotUnderstood(why="a focus cannot have that name")
        case (_, ()):
            return CommentCommand(word=word)
        case _:
            return NotUnderstood(why="there is more on its line than the command")
