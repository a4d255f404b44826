"""The sandboxes, and the choice between them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from bot.adapters.sandboxes.bubblewrap import BubblewrapSandbox
from bot.adapters.sandboxes.process import ProcessSandbox
from bot.adapters.sandboxes.running import Diagnosis
from bot.domain.errors import SandboxProblem
from bot.ports import Sandbox

__all__ = ["BubblewrapSandbox", "Diagnosis", "ProcessSandbox", "choose_sandbox", "diagnose"]


def diagnose(env: Mapping[str, str]) -> tuple[Diagnosis, ...]:
    """Try every sandbox and say of each whether it may be used here. `env` is the bot's own environment."""
    with tempfile.TemporaryDirectory(prefix="whybot-trial-") as scratch:
        walled = BubblewrapSandbox().diagnose(Path(scratch))
    if _in_actions(env):
        plain = Diagnosis(name="process", works=False, sentence="A plain process is never used in GitHub Actions.",
                          remedy="Use bubblewrap there.")
    else:
        plain = Diagnosis(name="process", works=True, sentence="A plain process works, for the demo or by "
                          "`--sandbox process`: limits, but no walls.")
    return (walled, plain)


def choose_sandbox(kind: Literal["auto", "bubblewrap", "process"], demo: bool, env: Mapping[str, str]) -> Sandbox:
    """The sandbox to use. `auto` takes bubblewrap where it works, and a plain process only for the demo.

    `env` is the bot's own environment: GITHUB_ACTIONS=true forbids the plain process.
    Raises SandboxProblem when nothing allowed works.
    """
    if kind == "process":
        if _in_actions(env):
            raise SandboxProblem("A plain process is no sandbox for generated code in GitHub Actions.",
                                 "Set `[sandbox] kind` to bubblewrap.")
        return ProcessSandbox()
    walled, plain = diagnose(env)
    if walled.works:
        return BubblewrapSandbox()
    if kind == "auto" and demo and plain.works:
        return ProcessSandbox()
    raise SandboxProblem(walled.sentence, walled.remedy)


def _in_actions(env: Mapping[str, str]) -> bool:
    return env.get("GITHUB_ACTIONS", "").lower() == "true"
