"""`bot prove`: whether the fix between two commits is shown by its tests, in any repository."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from bot.config import FILE, load_config, nearest
from bot.domain.config import SandboxKind
from bot.domain.errors import EXIT_ANSWER_IS_NO, UsageProblem
from bot.domain.proof import Verdict
from bot.domain.visible import visible
from bot.progress import make_progress, say, say_json, say_text

if TYPE_CHECKING:
    from rich.text import Text

    from bot.reports.audit_text import Line
    from bot.standalone.proof_question import Asked, Proved


@dataclass(frozen=True)
class ProveOptions:
    """What the command line asks for. `tests` and `suite` are paths from the current folder."""

    base: str
    fix: str
    tests: tuple[str, ...]
    suite: tuple[str, ...] = ()
    no_suite: bool = False
    plan: Path | None = None
    reruns: int | None = None
    mutants: int | None = None
    workers: int | None = None
    sandbox: str | None = None
    config: Path | None = None
    state: Path = Path(".bot")
    again: bool = False
    json: bool = False


def run_prove(options: ProveOptions) -> int:
    """Prove and show it; return 0 for proven, 1 for not proven.

    Raises UsageProblem for what the command line names and is not there, and what `prove_commits` raises.
    """
    if options.sandbox is not None and options.sandbox not in get_args(SandboxKind):
        raise UsageProblem(f"There is no sandbox {options.sandbox!r}.", f"Take one of {_words(get_args(SandboxKind))}.")
    if options.suite and options.no_suite:
        raise UsageProblem("--suite and --no-suite do not go together.", "Give one of them.")
    config = load_config(options.config if options.config is not None else nearest(FILE))
    from bot.app import SETUP_ENV
    from bot.standalone.proving import prove_commits

    root = Path(os.path.abspath(config.repository.path))  # noqa: PTH100 - links stay as they are
    asked = _asked(options, root)
    started = time.monotonic()
    with make_progress() as progress:
        progress.step_began("prove", "Prove the fix", 1)
        proved = prove_commits(
            root, asked, config, options.state, note=progress.note,
            setup_env={name: value for name, value in os.environ.items() if name.startswith(SETUP_ENV)})
        proof = proved.proof
        proven = proof.verdict is Verdict.PROVEN
        progress.step_ended("prove", proof.tally, time.monotonic() - started, "go" if proven else "hold")
    _show(options, proved)
    return 0 if proven else EXIT_ANSWER_IS_NO


def _asked(options: ProveOptions, root: Path) -> Asked:
    from bot.standalone.plan_file import load_plan
    from bot.standalone.proof_question import Asked as Question

    return Question(
        base=options.base, fix=options.fix, tests=tuple(_within(root, path) for path in options.tests),
        suite=() if options.no_suite else tuple(_within(root, path) for path in options.suite) or None,
        plan=load_plan(options.plan) if options.plan is not None else None, reruns=options.reruns,
        mutants=options.mutants, workers=options.workers, sandbox=cast("SandboxKind | None", options.sandbox),
        again=options.again,
    )


def _within(root: Path, given: str) -> str:
    """A path (or node id) from the current folder as one from the root of the repository."""
    path, separator, rest = given.partition("::")
    inside = os.path.relpath(path, root)
    if inside.startswith("..") or not path:
        raise UsageProblem(f"{given!r} is not in the repository {root}.", "Give paths of files and folders in it.")
    return f"{Path(inside).as_posix()}{separator}{rest}"


def _words(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


# showing it

def _show(options: ProveOptions, proved: Proved) -> None:
    notes = (*proved.notes, *((proved.warning,) if proved.warning else ()))
    if options.json:
        from bot.reports.json.proof import proof_document

        say_json(proof_document(proved.proof, proved.tests, proved.folder, proved.sandbox, notes))
        return
    from bot.reports.proof_text import proof_lines

    lines = proof_lines(proved.proof, proved.tests, proved.folder, proved.root, notes)
    if sys.stdout.isatty():
        say_text(_styled(lines))
    else:
        say("\n".join("".join(_one_line(part.text) for part in line) for line in lines))


_STYLES = {"bold": "bold", "error": "bold red", "warning": "yellow", "good": "bold green", "dim": "dim",
           "added": "green", "removed": "red"}


def _styled(lines: Iterable[Line]) -> Text:
    from rich.text import Text

    text = Text()
    for line in lines:
        for part in line:
            text.append(visible(_one_line(part.text)), _STYLES.get(part.style, ""))
        text.append("\n")
    return text


def _one_line(text: str) -> str:
    return text.replace("\n", " ")
