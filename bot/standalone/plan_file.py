"""Reads a test plan that somebody wrote or that a cycle recorded."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from bot.domain.errors import ConfigProblem, UsageProblem
from bot.domain.plan import PlannedTest, TestPlan
from bot.standalone.files import shown

_MOST_TOLD = 3


def load_plan(path: Path) -> TestPlan:
    """The plan in a JSON or TOML file; the paths in it are relative to the root of the project.

    Raises UsageProblem when there is no such file, ConfigProblem when it is no plan; the sentence names the keys.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageProblem(f"The plan {path} cannot be read: {error.strerror}.", "Give --plan another file.") from error
    except UnicodeDecodeError as error:
        raise ConfigProblem(f"The plan {path} is not UTF-8 text.", "Save it as UTF-8.") from error
    try:
        document = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        return TestPlan.model_validate(document)
    except ValidationError as error:
        raise ConfigProblem(f"The plan {path} is wrong: {_in_words(error)}.", "Mend the key.") from error
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        kind = "TOML" if path.suffix == ".toml" else "JSON"
        raise ConfigProblem(f"The plan {path} is not {kind}: {error}.", "Mend that line.") from error


def plan_from_here(plan: TestPlan, root: Path) -> TestPlan:
    """The plan with its paths, which are relative to `root`, as `shown` gives them."""
    return _with_paths(plan, lambda path: shown(Path(os.path.normpath(root / path))))


def plan_from(plan: TestPlan, root: Path, other: Path) -> TestPlan:
    """The plan with its paths, which are relative to `root`, relative to another folder."""
    return plan if root == other else _with_paths(plan, lambda path: os.path.relpath(root / path, other))


def _with_paths(plan: TestPlan, change: Callable[[str], str]) -> TestPlan:
    return plan.model_copy(update={"tests": tuple(_with_path(test, change) for test in plan.tests)})


def _with_path(test: PlannedTest, change: Callable[[str], str]) -> PlannedTest:
    reaches = test.expectation.reaches
    suspect = reaches.model_copy(update={"path": change(reaches.path)})
    expectation = test.expectation.model_copy(update={"reaches": suspect})
    return test.model_copy(update={"path": change(test.path), "expectation": expectation})


def _in_words(error: ValidationError) -> str:
    told = []
    for item in error.errors()[:_MOST_TOLD]:
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in item["loc"]).lstrip(".")
        message = item["msg"].removeprefix("Value error, ")
        told.append(f"`{place}`: {message[:1].lower()}{message[1:]}" if place else message)
    return "; ".join(told)
