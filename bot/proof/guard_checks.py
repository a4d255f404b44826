"""What the fix guard looks for in one changed file: a check each. To add one: a function and a line here."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bot.domain.patch import GuardFinding
from bot.proof.guard_equality import coarser, contents, equality
from bot.proof.guard_exceptions import swallowed, unlooked
from bot.proof.guard_features import switched_off, taken_out
from bot.proof.guard_files import ChangedFile
from bot.proof.guard_pretences import (
    answers_everything,
    builtin_replaced,
    cached_effect,
    lock_of_one_call,
    stale_answer,
)
from bot.proof.guard_process import process_asked
from bot.proof.guard_results import constant_condition, constant_result, early_return, emptied, raise_removed
from bot.proof.guard_surroundings import test_detection
from bot.proof.guard_timing import patience, quieter

CHECKS: tuple[Callable[[ChangedFile], Iterator[GuardFinding]], ...] = (
    constant_result,
    emptied,
    early_return,
    constant_condition,
    swallowed,
    unlooked,
    test_detection,
    patience,
    quieter,
    switched_off,
    taken_out,
    raise_removed,
    process_asked,
    equality,
    coarser,
    contents,
    builtin_replaced,
    lock_of_one_call,
    cached_effect,
    answers_everything,
    stale_answer,
)
