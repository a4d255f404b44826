"""A run of the tests of an audit: what is asked of it, and what it showed, with paths from the current folder."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.domain.config import BotConfig, SandboxKind, TargetConfig
from bot.domain.errors import TargetSetupFailed
from bot.domain.plan import TestPlan
from bot.domain.suite import Ended, FailureKind, Observation, Outcome
from bot.standalone.project import Project
from bot.standalone.rebasing import observation_from_here, outcome_from_here, paths_of, place_in
from bot.standalone.running import ProjectRun, run_project

_NOTHING_WRONG = frozenset({0, 5})
"""pytest's exit codes for a run without a failure and for one without a test."""

_MOST_SAID = 300


@dataclass(frozen=True)
class Ground:
    """Where the tests of a project are run from: its folder, and what else is to be known there.

    `paths` are the tests (files, or node ids where it was narrowed) and `implementation` the code that was named,
    both relative to `root`.
    """

    root: Path
    paths: tuple[str, ...]
    implementation: tuple[str, ...]
    config: BotConfig


@dataclass(frozen=True)
class Observed:
    """What a run showed. `notes` say what is to be known of it as a whole."""

    observations: tuple[Observation, ...]
    outcomes: tuple[Outcome, ...]
    notes: tuple[str, ...]


def ground_of(project: Project, config: BotConfig, repository: Path | None, implementation: Iterable[str]) -> Ground:
    """Where to run a project's tests.

    `repository` is the folder that the paths in `config` are relative to, None without a bot.toml. Code that was named
    is imported from the folders that its packages lie in, besides those from which the project is imported anyway.
    """
    here = Path.cwd()
    given = [_absolute(here, path) for path in implementation]
    tests = [_absolute(here, path) for path in sorted(project.asked)]
    root = repository if repository is not None and all(path.is_relative_to(repository) for path in tests) \
        else project.root
    # Test and code that lie apart are copied with the folder that both are in.
    root = Path(os.path.commonpath([root, *given])) if given else root
    if root == repository and config.target:
        ground = config
    else:
        ground = config.model_copy(update={"target": {"audit": _target(root, given, tests)} if given else {}})
    narrowed = {node.partition("::")[0]: node for node in project.only}
    paths = [
        node for path in sorted(project.asked)
        for node in ([one for one in project.only if one.startswith(f"{path}::")] if path in narrowed else [path])
    ]
    return Ground(
        root, tuple(_from(root, here, path) for path in paths),
        tuple(os.path.relpath(path, root) for path in given), ground,
    )


def observe(ground: Ground, *, sandbox: SandboxKind | None, plan: TestPlan | None,
            note: Callable[[str], None]) -> Observed:
    """Run the tests once, watched. `plan` has paths relative to the ground's root.

    Raises what `run_project` raises, and TargetSetupFailed when pytest gave up before any test.
    """
    ran = run_project(
        ground.root, ground.paths, ground.config, implementation=ground.implementation, sandbox=sandbox, watch=True,
        plan=plan, note=note,
    )
    completed = ran.run.completed
    if not ran.outcomes and completed.ended is Ended.EXITED and completed.exit_code not in _NOTHING_WRONG:
        python = f"Python {ran.run.seen.python}" if ran.run.seen.python else "the same Python"
        raise TargetSetupFailed(
            f"pytest ran no test and ended with exit code {completed.exit_code}{_said(completed.output)}.",
            f"Run the tests by hand with {python}; it needs what the project imports and the plugins that its settings "
            "name.",
        )
    return observed_from_here(ran, ground.root)


def _said(output: str) -> str:
    """The line in which pytest says what is wrong; empty where there is none."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"\berror:|Error: ", line)]
    told = next(iter(errors or lines[-1:]), "")
    return f": {told.partition('error: ')[2] or told}"[:_MOST_SAID].rstrip(".") if told else ""


def observed_from_here(ran: ProjectRun, root: Path) -> Observed:
    """What a run showed, told from the current folder."""
    place = place_in(root)
    named = frozenset().union(*(paths_of(seen) for seen in ran.run.observations), *(
        {outcome.test.partition("::")[0]} for outcome in ran.outcomes
    ))
    return Observed(
        tuple(observation_from_here(seen, place) for seen in ran.run.observations),
        tuple(outcome_from_here(outcome, place, named) for outcome in ran.outcomes),
        tuple(_notes(ran)),
    )


_NOT_DONE = frozenset({FailureKind.NOT_RUN, FailureKind.ENVIRONMENT, FailureKind.SKIPPED})


def _notes(ran: ProjectRun) -> Iterator[str]:
    if ran.warning:
        yield ran.warning
    if ran.doubts:
        yield f"The run cannot be believed: {'; '.join(ran.doubts)}."
    elif not ran.outcomes:
        yield "pytest ran none of these tests: its settings leave them out, so the run shows nothing of them."
    elif all(outcome.kind in _NOT_DONE for outcome in ran.outcomes):
        yield "None of these tests could do its work here, so the run shows nothing of them."


def _absolute(here: Path, path: str) -> Path:
    return Path(os.path.normpath(here / path))


def _from(root: Path, here: Path, node: str) -> str:
    path, colons, rest = node.partition("::")
    return os.path.relpath(_absolute(here, path), root) + colons + rest


def _target(root: Path, code: list[Path], tests: list[Path]) -> TargetConfig:
    """A target for code that was named: what it is, and from where it is imported."""
    folders = [".", *(["src"] if (root / "src").is_dir() else []), *(_import_folder(path, root) for path in code)]
    return TargetConfig(
        code=tuple(os.path.relpath(path, root) for path in code),
        tests=tuple(dict.fromkeys(os.path.relpath(path, root) for path in tests)), suite=(),
        pythonpath=tuple(dict.fromkeys(folders)),
    )


def _import_folder(path: Path, root: Path) -> str:
    """The folder above the outermost package that a file or folder is in, relative to the root."""
    folder = path if path.is_dir() else path.parent
    while (folder / "__init__.py").is_file() and folder != root:
        folder = folder.parent
    return os.path.relpath(folder, root)
