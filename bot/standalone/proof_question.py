"""What `bot prove` is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot.domain.base import Sha
from bot.domain.config import SandboxKind
from bot.domain.plan import TestPlan
from bot.domain.proof import Proof


@dataclass(frozen=True)
class Asked:
    """What is to be proven. `base` and `fix` are revisions, `tests` paths relative to the repository.

    `suite` are the paths of the project's own tests: None for what pytest collects, empty for none. `plan` says how
    the tests must fail; without one the fix does. What is None is as bot.toml says.
    """

    base: str
    fix: str
    tests: tuple[str, ...]
    suite: tuple[str, ...] | None = None
    plan: TestPlan | None = None
    reruns: int | None = None
    mutants: int | None = None
    workers: int | None = None
    sandbox: SandboxKind | None = None
    again: bool = False


@dataclass(frozen=True)
class Proved:
    """A proof, and what a reader needs beside it: where its files are, and in which sandbox it was run.

    `notes` say what was not looked at.
    """

    proof: Proof
    base: Sha
    fix: Sha
    tests: tuple[str, ...]
    folder: Path
    root: str
    sandbox: str
    warning: str
    notes: tuple[str, ...]
