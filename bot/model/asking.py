"""Asks a model for a typed answer: stored reply first, then budget, call, store, local check, repair."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from bot.domain.asking import Exchange, Message, ModelReply, ModelRequest, StopReason, Usage
from bot.domain.errors import AnswerRefused, RecordDamaged
from bot.domain.visible import visible
from bot.model.budget import Budget
from bot.model.prompts import render
from bot.ports import Model

T = TypeVar("T", bound=BaseModel)

MOST_TRIES = 3
"""Replies that may break the schema before the answer is refused."""
MOST_REPLY_CHARS = 2_000_000
_MOST_QUOTED_BACK = 40_000
_MOST_PROBLEMS = 12
_FENCED = re.compile(r"\A```(?:json)?[ \t]*\n(.*)\n```\Z", re.DOTALL)


@dataclass(frozen=True)
class Answer(Generic[T]):
    """A checked answer. `exchanges` are the digests of all requests behind it, in order.

    `usage` is what the calls made now used; `replayed` what the stored replies used when they were made.
    `objections` are what the caller still holds against the value after the model was told once.
    """

    value: T
    exchanges: tuple[str, ...]
    usage: Usage
    replayed: Usage
    tries: int
    objections: tuple[str, ...] = ()


class Asker:
    """Asks one model on behalf of one cycle. `load` and `save` are the cycle's stored exchanges."""

    def __init__(self, model: Model, load: Callable[[str], Exchange | None], save: Callable[[Exchange], None],
                 budget: Budget) -> None:
        self._model = model
        self._load = load
        self._save = save
        self._budget = budget

    def ask(self, step: str, attempt: int, system: str, prompt: str, answer: type[T], most_tokens: int,
            effort: Literal["low", "medium", "high", "max"] = "high",
            objections: Callable[[T], tuple[str, ...]] | None = None) -> Answer[T]:
        """Return an answer of the type `answer`.

        A reply that breaks the type goes back with the errors, up to MOST_TRIES replies. A valid value that
        `objections` finds fault with goes back once with these; the better-founded of the two is returned
        with what is still held against it. Stored replies are used instead of calls and cost nothing.

        Raises AnswerRefused (no reply fits, or it is refused or cut off), ModelProblem (unreachable),
        BudgetSpent (before the call), RecordDamaged (a stored exchange is another's).
        """
        talk = _Talk(step, attempt, system, answer.__name__, (Message(role="user", text=prompt),))
        schema = answer.model_json_schema()
        broken = 0
        fallback: tuple[T, tuple[str, ...]] | None = None
        while True:
            request = ModelRequest(step=step, attempt=attempt, model=self._model.name, system=system,
                                   messages=talk.messages, answer=answer.__name__, answer_schema=schema,
                                   most_tokens=most_tokens, effort=effort)
            reply = self._reply(request, talk)
            _refuse_unfinished(reply, step, most_tokens)
            value, problems = _parse(reply.text, answer)
            if value is None:
                broken += 1
                if broken >= MOST_TRIES:
                    if fallback is not None:
                        return talk.answer(*fallback)
                    _refuse(step, self._model.name, broken, problems)
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

    def _reply(self, request: ModelRequest, talk: _Talk) -> ModelReply:
        digest = request.digest()
        stored = self._load(digest)
        if stored is not None:
            if stored.digest != digest or stored.request != request:
                raise RecordDamaged(
                    f"The stored exchange {digest[:12]} of step {request.step} holds another request.",
                    "Delete that file in the cycle's exchanges folder and resume: the model is then asked again.",
                )
            talk.replayed = talk.replayed + stored.reply.usage
            talk.exchanges += (digest,)
            return stored.reply
        self._budget.check(request)
        reply = self._model.ask(request)
        # Stored before it is used: a kill from here on loses no reply that was paid for.
        self._save(Exchange(digest=digest, request=request, reply=reply))
        self._budget.charge(reply.usage)
        talk.usage = talk.usage + reply.usage
        talk.exchanges += (digest,)
        return reply


class _Talk:
    """The conversation so far and what it used."""

    def __init__(self, step: str, attempt: int, system: str, answer: str, messages: tuple[Message, ...]) -> None:
        self.step, self.attempt, self.system, self.type = step, attempt, system, answer
        self.messages = messages
        self.exchanges: tuple[str, ...] = ()
        self.usage = Usage()
        self.replayed = Usage()

    def answer_back(self, text: str, kind: Literal["schema", "evidence"], problems: tuple[str, ...]) -> None:
        """Append the reply and what is wrong with it."""
        shown = visible(text)
        if len(shown) > _MOST_QUOTED_BACK:
            shown = f"{shown[:_MOST_QUOTED_BACK]}\n[cut]"
        told = render("repair", kind=kind, answer=self.type, problems=problems[:_MOST_PROBLEMS],
                      more=max(0, len(problems) - _MOST_PROBLEMS))
        self.messages = (*self.messages, Message(role="assistant", text=shown.strip() or "(empty)"),
                         Message(role="user", text=told))

    def answer(self, value: T, objections: tuple[str, ...]) -> Answer[T]:
        """The answer that this conversation came to."""
        return Answer(value=value, exchanges=self.exchanges, usage=self.usage, replayed=self.replayed,
                      tries=len(self.exchanges), objections=objections)


def _parse(text: str, answer: type[T]) -> tuple[T | None, tuple[str, ...]]:
    """The value, or None with what is wrong."""
    if len(text) > MOST_REPLY_CHARS:
        return None, (f"The reply has {len(text)} characters; at most {MOST_REPLY_CHARS} are read.",)
    bare = text.strip()
    match = _FENCED.match(bare)
    try:
        with warnings.catch_warnings():
            # A model's regular expression may make `re` warn; that is no business of the person at the terminal.
            warnings.simplefilter("ignore")
            return answer.model_validate_json(match.group(1) if match is not None else bare), ()
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        return None, tuple(f"{_where(item['loc'])}{visible(item['msg'])[:300]}" for item in found)
    except (RecursionError, OverflowError) as error:
        # Not ValueError, so pydantic lets them through: `re.compile` on a monstrous pattern raises both.
        return None, (f"The reply cannot be read: {type(error).__name__}.",)


def _where(location: tuple[int | str, ...]) -> str:
    place = ".".join(str(part) for part in location)
    return f"{visible(place)[:200]}: " if place else ""


def _refuse(step: str, model: str, tries: int, problems: tuple[str, ...]) -> NoReturn:
    first = "; ".join(problems[:3])
    raise AnswerRefused(
        f"Step {step}: {tries} replies of {model} did not fit the schema it was given. Last errors: {first}.",
        "Look at the replies in the cycle's exchanges folder; another model in [model] name may do better.",
    )


def _refuse_unfinished(reply: ModelReply, step: str, most_tokens: int) -> None:
    """Raise AnswerRefused for a reply that is none: it is stored, so only a new attempt asks anew."""
    if reply.stop is StopReason.LENGTH:
        raise AnswerRefused(
            f"Step {step}: the reply of {reply.model} was cut off at its limit of {most_tokens} output tokens.",
            "Raise [model] most_output_tokens in bot.toml and run `bot resume`.",
        )
    if reply.stop is StopReason.REFUSAL:
        raise AnswerRefused(
            f"Step {step}: {reply.model} refused to answer.",
            "Read the refusal in the cycle's exchanges folder; another model in [model] name may answer.",
        )
    if reply.stop is StopReason.OTHER:
        raise AnswerRefused(
            f"Step {step}: {reply.model} stopped for a reason that is not an end of its answer.",
            "Run the cycle again; if it stays so, name another model in [model] name.",
        )
