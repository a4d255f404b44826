"""Asks a model for a typed answer: looking around, local check, repair. How a reply is had: `calling.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel

from bot.domain.asking import Effort, Exchange, Message, ModelReply, ModelRequest, StopReason, Usage
from bot.domain.config import InvestigationConfig
from bot.domain.evidence import Investigation, StopCause
from bot.domain.visible import visible
from bot.model.budget import Budget
from bot.model.calling import Caller, Notes
from bot.model.investigation import Inquiry, answer_now
from bot.model.prompts import render
from bot.model.replies import parse, refuse, refuse_endless, refuse_unfinished
from bot.model.toolbox import Toolbox
from bot.ports import Clock, Model

T = TypeVar("T", bound=BaseModel)

MOST_TRIES = 3
"""Replies that may break the schema before the answer is refused."""
_MOST_QUOTED_BACK = 40_000
_MOST_PROBLEMS = 12


@dataclass(frozen=True)
class Answer(Generic[T]):
    """A checked answer. `exchanges` are the digests of all requests behind it, in order.

    `usage` is what the calls made now used; `replayed` what the stored replies used when they were made.
    `objections` are what the caller still holds against the value after the model was told once. `investigation` is
    what it looked up; None where no tools were given.
    """

    value: T
    exchanges: tuple[str, ...]
    usage: Usage
    replayed: Usage
    tries: int
    objections: tuple[str, ...] = ()
    investigation: Investigation | None = None


class Asker:
    """Asks one model on behalf of one cycle. `load` and `save` are the cycle's stored exchanges.

    `notes` is where calls in flight are noted; `clock` says when they were made and when looking around took too long.
    """

    def __init__(self, model: Model, load: Callable[[str], Exchange | None], save: Callable[[Exchange], None],
                 budget: Budget, clock: Clock | None = None, notes: Notes | None = None) -> None:
        self._name = model.name
        self._caller = Caller(model, load, save, budget, clock, notes)
        self._clock = clock

    def ask(self, step: str, attempt: int, system: str, prompt: str, answer: type[T], most_tokens: int,
            effort: Effort = "high", objections: Callable[[T], tuple[str, ...]] | None = None,
            toolbox: Toolbox | None = None, caps: InvestigationConfig | None = None) -> Answer[T]:
        """Return an answer of the type `answer`.

        With a `toolbox` (which takes a clock), the model may call its tools first, within `caps`, also while it
        mends an answer; at a cap it is told to answer, and once more if it calls tools all the same.
        A reply that breaks the type goes back with the errors, up to MOST_TRIES replies. A valid value that
        `objections` finds fault with goes back once with these; the better-founded of the two is returned
        with what is still held against it. Stored replies are used instead of calls and cost nothing.

        Raises AnswerRefused (AnswerNotJson, AnswerUnfit: no reply fits; Refusal, AnswerCutOff: it is refused or cut
        off), ModelProblem (unreachable), BudgetSpent (before the call), RecordDamaged (a stored exchange is another's).
        """
        inquiry = self._inquiry(toolbox, caps)
        talk = _Talk(ModelRequest(
            step=step, attempt=attempt, model=self._name, system=system, messages=(Message(role="user", text=prompt),),
            answer=answer.__name__, answer_schema=answer.model_json_schema(), most_tokens=most_tokens, effort=effort,
            tools=inquiry.tools if inquiry is not None else (),
        ), inquiry)
        broken = 0
        fallback: tuple[T, tuple[str, ...]] | None = None
        while True:
            reply = self._reply(talk)
            if fallback is not None and reply.stop not in {StopReason.END, StopReason.TOOLS}:
                return talk.answer(*fallback)
            refuse_unfinished(reply, step, most_tokens)
            if inquiry is not None and talk.offers_tools and reply.stop is StopReason.TOOLS and reply.calls:
                if inquiry.stopped_by is None:
                    talk.look_up(reply, inquiry, self._caller)
                elif not talk.insisted:
                    talk.insist(reply, inquiry, inquiry.stopped_by)
                elif fallback is not None:
                    return talk.answer(*fallback)
                else:
                    refuse_endless(reply, step)
                continue
            value, problems, kind = parse(reply, answer)
            if value is None:
                broken += 1
                if broken >= MOST_TRIES:
                    if fallback is not None:
                        return talk.answer(*fallback)
                    refuse(kind, step, self._name, broken, problems)
                talk.answer_back(reply.text, "schema", problems)
                continue
            held = objections(value) if objections is not None else ()
            if held and fallback is None:
                fallback = (value, held)
                talk.answer_back(reply.text, "evidence", held)
                continue
            if fallback is not None and len(held) > len(fallback[1]):
                value, held = fallback
            return talk.answer(value, held)

    def _inquiry(self, toolbox: Toolbox | None, caps: InvestigationConfig | None) -> Inquiry | None:
        if toolbox is None:
            return None
        if self._clock is None:
            raise ValueError("a toolbox needs a clock, for the cap on time")
        return Inquiry(toolbox, caps or InvestigationConfig(), self._clock)

    def _reply(self, talk: _Talk) -> ModelReply:
        """The next reply, stored or new."""
        request = talk.request
        reply = self._caller.stored(request)
        if reply is not None:
            talk.replayed = talk.replayed + reply.usage
        else:
            reply = self._caller.call(request)
            talk.usage = talk.usage + reply.usage
        talk.used = talk.used + self._caller.budget.priced(reply.usage)
        talk.exchanges += (request.digest(),)
        return reply


class _Talk:
    """The conversation so far and what it used; `used` has a cost for everything, as far as one is known."""

    def __init__(self, first: ModelRequest, inquiry: Inquiry | None) -> None:
        self._first = first
        self._inquiry = inquiry
        self._messages = first.messages
        self.exchanges: tuple[str, ...] = ()
        self.usage = Usage()
        self.replayed = Usage()
        self.used = Usage()
        self.insisted = False

    @property
    def offers_tools(self) -> bool:
        """Whether the request lists tools, open or closed."""
        return bool(self._first.tools)

    @property
    def request(self) -> ModelRequest:
        """What is to be asked next."""
        closed = self._inquiry is not None and self.offers_tools and self._inquiry.stopped_by is not None
        return self._asking(self._messages, closed)

    def _asking(self, messages: tuple[Message, ...], closed: bool) -> ModelRequest:
        return self._first.model_copy(update={"messages": messages, "tools_closed": closed})

    def look_up(self, reply: ModelReply, inquiry: Inquiry, caller: Caller) -> None:
        """Append the reply's calls and their results, and the word to answer if a cap is reached by them."""
        results = inquiry.make(reply.calls)
        turn = (*self._messages, _as_message(reply))

        def going_on(cause: StopCause | None) -> tuple[Message, ...]:
            text = "" if cause is None else answer_now(cause)
            return (*turn, Message(role="user", text=text, results=results))

        cause = inquiry.cap(self._asking(going_on(None), False), lambda cause: self._asking(going_on(cause), True),
                            self.used, caller)
        self._messages = going_on(cause)

    def insist(self, reply: ModelReply, inquiry: Inquiry, cause: StopCause) -> None:
        """Append calls that come too late, refused."""
        self.insisted = True
        told = Message(role="user", text=answer_now(cause, again=True), results=inquiry.refuse(reply.calls))
        self._messages = (*self._messages, _as_message(reply), told)

    def answer_back(self, text: str, kind: Literal["schema", "evidence"], problems: tuple[str, ...]) -> None:
        """Append the reply and what is wrong with it."""
        told = render("repair", kind=kind, answer=self._first.answer, problems=problems[:_MOST_PROBLEMS],
                      more=max(0, len(problems) - _MOST_PROBLEMS))
        self._messages = (*self._messages, Message(role="assistant", text=_quoted_back(text).strip() or "(empty)"),
                          Message(role="user", text=told))

    def answer(self, value: T, objections: tuple[str, ...]) -> Answer[T]:
        """The answer that this conversation came to."""
        return Answer(value=value, exchanges=self.exchanges, usage=self.usage, replayed=self.replayed,
                      tries=len(self.exchanges), objections=objections,
                      investigation=self._inquiry.summary if self._inquiry is not None else None)


def _as_message(reply: ModelReply) -> Message:
    """A reply that calls tools, as the conversation keeps it."""
    return Message(role="assistant", text=_quoted_back(reply.text).strip(), calls=reply.calls, opaque=reply.opaque)


def _quoted_back(text: str) -> str:
    shown = visible(text)
    return shown if len(shown) <= _MOST_QUOTED_BACK else f"{shown[:_MOST_QUOTED_BACK]}\n[cut]"
