"""What a reply is worth: an answer of the asked-for type, or a named way of being none."""

from __future__ import annotations

import re
import warnings
from typing import NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from bot.domain.asking import ModelReply, StopReason
from bot.domain.errors import AnswerCutOff, AnswerNotJson, AnswerRefused, AnswerUnfit, Refusal
from bot.domain.visible import visible

T = TypeVar("T", bound=BaseModel)

MOST_REPLY_CHARS = 2_000_000
_FENCED = re.compile(r"\A```(?:json)?[ \t]*\n(.*)\n```\Z", re.DOTALL)


def parse(reply: ModelReply, answer: type[T]) -> tuple[T | None, tuple[str, ...], type[AnswerRefused]]:
    """The value, or None with what is wrong and which error names that."""
    text = reply.text
    if reply.stop is StopReason.TOOLS and reply.calls:
        return None, ("It calls tools, and none are offered.",), AnswerRefused
    if len(text) > MOST_REPLY_CHARS:
        return None, (f"The reply has {len(text)} characters; at most {MOST_REPLY_CHARS} are read.",), AnswerUnfit
    bare = text.strip()
    match = _FENCED.match(bare)
    try:
        with warnings.catch_warnings():
            # A model's regular expression may make `re` warn; that is no business of the person at the terminal.
            warnings.simplefilter("ignore")
            return answer.model_validate_json(match.group(1) if match is not None else bare), (), AnswerUnfit
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        kind = AnswerNotJson if any(item["type"] == "json_invalid" for item in found) else AnswerUnfit
        return None, tuple(f"{_where(item['loc'])}{visible(item['msg'])[:300]}" for item in found), kind
    except (RecursionError, OverflowError) as error:
        # Not ValueError, so pydantic lets them through: `re.compile` on a monstrous pattern raises both.
        return None, (f"The reply cannot be read: {type(error).__name__}.",), AnswerUnfit


def _where(location: tuple[int | str, ...]) -> str:
    place = ".".join(str(part) for part in location)
    return f"{visible(place)[:200]}: " if place else ""


def refuse(kind: type[AnswerRefused], step: str, model: str, tries: int, problems: tuple[str, ...]) -> NoReturn:
    """Raise the error for replies that stayed broken."""
    first = "; ".join(problems[:3])
    what = "were no JSON" if kind is AnswerNotJson else "did not fit the schema it was given"
    raise kind(
        f"Step {step}: {tries} replies of {model} {what}. Last errors: {first}.",
        "Look at the replies in the cycle's exchanges folder. `bot resume` asks the same model anew; another one may "
        "do better in a new run (--new --model NAME).",
    )


def refuse_endless(reply: ModelReply, step: str) -> NoReturn:
    """Raise the error for a model that calls tools and never answers."""
    raise AnswerRefused(
        f"Step {step}: {reply.model} went on to call tools when it had been told twice to answer.",
        "Raise the limits in [model.investigation] in bot.toml and run `bot resume`, or start a new run with another "
        "model (--new --model NAME).",
    )


def refuse_unfinished(reply: ModelReply, step: str, most_tokens: int) -> None:
    """Raise AnswerRefused for a reply that is none: it is stored, so only a new attempt asks anew."""
    if reply.stop is StopReason.LENGTH:
        raise AnswerCutOff(
            f"Step {step}: the reply of {reply.model} was cut off at its limit of {most_tokens} output tokens.",
            "Raise [model] most_output_tokens in bot.toml and run `bot resume`.",
        )
    if reply.stop is StopReason.REFUSAL:
        raise Refusal(
            f"Step {step}: {reply.model} refused to answer.",
            "Read the refusal in the cycle's exchanges folder; another model may answer in a new run "
            "(--new --model NAME).",
        )
    if reply.stop is StopReason.OTHER:
        raise AnswerRefused(
            f"Step {step}: {reply.model} stopped for a reason that is not an end of its answer.",
            "Run `bot resume`; if it stays so, start a new run with another model (--new --model NAME).",
        )
