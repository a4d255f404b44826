"""Asking the model from within a step: its budget, its stored exchanges, and the code it may see."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TypeVar

from pydantic import BaseModel

from bot.domain.asking import Charge, Exchange
from bot.domain.base import Sha
from bot.domain.errors import AnswerRefused
from bot.domain.globs import matches_any
from bot.evidence.code import CodeAt
from bot.logs.redact import Redactor
from bot.model.asking import Asker
from bot.model.budget import Budget
from bot.model.prices import FREE, price_of
from bot.model.prompts import render
from bot.steps.context import StepContext

T = TypeVar("T", bound=BaseModel)

MOST_PACK_CHARS = 60_000
"""Characters of evidence in one prompt: some 20,000 tokens."""


def ask(
    ctx: StepContext, step: str, prompt: str, answer: type[T],
    objections: Callable[[T], tuple[str, ...]] | None = None, insist: bool = True,
) -> T:
    """Ask for an answer of a type; what `objections` says goes back to the model once.

    With `insist`, an answer that code still objects to is refused (AnswerRefused); without, it is returned.
    """
    price = FREE if ctx.model.scripted else price_of(ctx.config.model.model_copy(update={"name": ctx.model.name}))
    asker = Asker(
        ctx.model, load=lambda digest: _noted(ctx, ctx.store.get_exchange(ctx.record.ref, digest)),
        save=lambda exchange: _kept(ctx, exchange),
        budget=Budget(ctx.config.budget, price, spent=ctx.spent(), spent_today_usd=ctx.spent_today_usd()),
    )
    found = asker.ask(
        step, ctx.attempt, render("system"), prompt, answer,
        most_tokens=ctx.config.model.most_output_tokens, effort=ctx.config.model.effort, objections=objections,
    )
    if insist and found.objections:
        raise AnswerRefused(
            f"Step {step}: the model's answer was refused twice: {'; '.join(found.objections[:3])}",
            "Look at the replies in the cycle's exchanges folder; `bot resume` asks anew.",
        )
    return found.value


def _kept(ctx: StepContext, exchange: Exchange) -> None:
    paid = exchange.model_copy(update={"paid_at": ctx.clock.now()})
    ctx.store.put_exchange(ctx.record.ref, paid)
    _noted(ctx, paid)


def _noted(ctx: StepContext, exchange: Exchange | None) -> Exchange | None:
    """Count an exchange for the step as soon as there is one, whatever becomes of the step."""
    if exchange is not None:
        ctx.charges.append(Charge(digest=exchange.digest, usage=exchange.reply.usage, paid_at=exchange.paid_at))
    return exchange


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

    return CodeAt(commit, read, repository.files(commit), in_code)


in_code = Redactor(keep_ips=True).text
"""What takes secrets out of code. An address in code is a constant, and an edit must be able to quote its line."""


def code_globs(ctx: StepContext) -> tuple[str, ...]:
    """What is product code of the target, relative to the repository."""
    return ctx.target.in_repository(ctx.target.code)


def test_folders(ctx: StepContext) -> tuple[str, ...]:
    """Where tests may be written, relative to the repository."""
    return ctx.target.in_repository(ctx.target.tests)


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
    folders = (*test_folders(ctx), *ctx.target.in_repository(ctx.target.suite))
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)
