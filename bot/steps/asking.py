"""Asking the model from within a step: its budget, its stored exchanges, and the code it may see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from bot.domain.asking import Charge, Exchange
from bot.domain.base import Sha
from bot.domain.config import AskingStep
from bot.domain.errors import AnswerUnfounded
from bot.domain.evidence import Investigation
from bot.domain.globs import matches_any
from bot.domain.results import Retrieved
from bot.evidence.code import CodeAt
from bot.logs.redact import Redactor
from bot.model.asking import Asker
from bot.model.budget import Budget
from bot.model.calling import Notes
from bot.model.prices import FREE, price_of
from bot.model.prompts import render
from bot.model.toolbox import Toolbox
from bot.steps.context import StepContext

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Asked(Generic[T]):
    """An answer, and how the model looked for it; None where it had no tools."""

    value: T
    investigation: Investigation | None


def ask(
    ctx: StepContext, step: AskingStep, prompt: str, answer: type[T],
    objections: Callable[[T], tuple[str, ...]] | None = None, insist: bool = True, toolbox: Toolbox | None = None,
) -> Asked[T]:
    """Ask for an answer of a type; what `objections` says goes back to the model once.

    With `insist`, an answer that code still objects to is refused (AnswerUnfounded); without, it is returned.
    """
    model = ctx.open_model(step)
    config = ctx.config.model.of_step(step, ctx.record.settings.model)
    price = FREE if model.scripted else price_of(config.model_copy(update={"name": model.name}))
    asker = Asker(
        model, load=lambda digest: _noted(ctx, ctx.store.get_exchange(ctx.record.ref, digest)),
        save=lambda exchange: _kept(ctx, exchange),
        budget=Budget(ctx.config.budget, price, spent=ctx.spent(), spent_today_usd=ctx.spent_today_usd()),
        clock=ctx.clock, notes=_notes(ctx),
    )
    # Code must stay what it is: what looks like a secret in it is objected to by its step.
    emails = ctx.need(Retrieved).keeps_emails

    def clean(value: T) -> T:
        return without_secrets(value, emails) if step in {"five_whys", "plan"} else value

    found = asker.ask(
        step, ctx.attempt, render("system"), prompt, answer, most_tokens=config.most_output_tokens,
        effort=config.effort, objections=None if objections is None else lambda value: objections(clean(value)),
        toolbox=toolbox, caps=config.investigation,
    )
    if insist and found.objections:
        raise AnswerUnfounded(
            f"Step {step}: the model's answer was refused twice: {'; '.join(found.objections[:3])}",
            "Look at the replies in the cycle's exchanges folder; `bot resume` asks anew.",
        )
    return Asked(clean(found.value), found.investigation)


def without_secrets(value: T, keeps_emails: bool) -> T:
    """An answer without secrets: a model may know or decode some that nobody showed it as they are.

    IP addresses stay, since code holds them and has to be quoted; e-mail addresses where the log kept them. Raises
    AnswerUnfounded when nothing of the type is left.
    """
    redact = Redactor(keep_ips=True, keep_emails=keeps_emails).text
    try:
        return type(value).model_validate(_walked(value.model_dump(mode="json"), redact))
    except ValidationError as error:
        raise AnswerUnfounded(
            f"The model's answer holds what looks like a secret, and without it is no {type(value).__name__}.",
            "Look at the replies in the cycle's exchanges folder; `bot resume` asks anew.",
        ) from error


def _walked(value: JsonValue, redact: Callable[[str], str]) -> JsonValue:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _walked(item, redact) for key, item in value.items()}
    return [_walked(item, redact) for item in value] if isinstance(value, list) else value


def _kept(ctx: StepContext, exchange: Exchange) -> None:
    ctx.store.put_exchange(ctx.record.ref, exchange)
    _noted(ctx, exchange)


def _noted(ctx: StepContext, exchange: Exchange | None) -> Exchange | None:
    """Count an exchange for the step as soon as there is one, whatever becomes of the step."""
    if exchange is not None:
        ctx.charges.append(Charge(digest=exchange.digest, usage=exchange.reply.usage, paid_at=exchange.paid_at))
    return exchange


def _notes(ctx: StepContext) -> Notes:
    """Where calls in flight are noted: beside the cycle's exchanges."""
    ref = ctx.record.ref
    return Notes(
        before=tuple(charge for charge in ctx.store.charges(ref) if charge.lost),
        put=lambda charge: ctx.store.put_lost(ref, charge), drop=lambda charge: ctx.store.drop_lost(ref, charge),
        lost=ctx.charges.append,
    )


def code_at(ctx: StepContext, commit: Sha) -> CodeAt:
    """The repository's text files at a commit, as evidence."""
    repository = ctx.repository

    @cache
    def read(path: str) -> str | None:
        content = repository.read(commit, path)
        if content is None:
            return None
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            return None

    files = repository.files(commit)
    return CodeAt(commit, read, files, in_code, ignored=repository.ignored(commit, files))


in_code = Redactor(keep_ips=True).text
"""What takes secrets out of code. An address in code is a constant, and an edit must be able to quote its line."""


def code_globs(ctx: StepContext) -> tuple[str, ...]:
    """What is product code of the target, relative to the repository."""
    return ctx.target.in_repository(ctx.target.code)


def test_folders(ctx: StepContext) -> tuple[str, ...]:
    """Where tests may be written, relative to the repository."""
    return ctx.target.in_repository(ctx.target.tests)


def tests_of(ctx: StepContext) -> tuple[str, ...]:
    """The folders and files that are tests, relative to the repository."""
    return (*test_folders(ctx), *ctx.target.in_repository(ctx.target.suite))


def may_hold_test(ctx: StepContext, path: str) -> bool:
    """Whether a test file may be written there."""
    within = any(path.startswith(f"{folder}/") for folder in test_folders(ctx))
    return within and not matches_any(path, ctx.config.policy.forbidden_paths)


def product_files(ctx: StepContext, code: CodeAt) -> dict[str, str]:
    """Path and text of the target's Python product code at a commit; tests are no product code."""
    found: dict[str, str] = {}
    for path in code.files:
        if path.endswith(".py") and matches_any(path, code_globs(ctx)) and not is_test_path(ctx, path):
            text = code.raw(path)
            if text is not None:
                found[path] = text
    return found


def is_test_path(ctx: StepContext, path: str) -> bool:
    """Whether a path lies in one of the target's test folders or suites."""
    return any(path == folder or path.startswith(f"{folder}/") for folder in tests_of(ctx))
