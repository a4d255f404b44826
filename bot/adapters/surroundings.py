"""What an adapter may be built from, and the form of the registries that name adapters."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.domain.config import BotConfig
from bot.domain.errors import ConfigProblem, no_repository
from bot.ports import Clock, Workspace


@dataclass(frozen=True)
class Surroundings:
    """Configuration, clock, environment variables, state folder, and the repository where there is one."""

    config: BotConfig
    clock: Clock
    environ: Mapping[str, str]
    state: Path
    workspace: Workspace | None = None

    def variable(self, name: str, what_for: str) -> str:
        """An environment variable that must be set. Raises ConfigProblem."""
        value = self.environ.get(name, "").strip()
        if not value:
            raise ConfigProblem(f"{name} is not set, and {what_for} needs it.", f"Set {name} in the environment.")
        return value

    @property
    def repository(self) -> Workspace:
        """The repository. Raises ConfigProblem when there is none."""
        if self.workspace is None:
            raise no_repository(self.config.repository.path)
        return self.workspace


def opener(module: str, function: str) -> Callable[[str, Surroundings], Any]:
    """The function of an adapter's module that builds it; the module is imported here, not before."""
    found: Callable[[str, Surroundings], Any] = getattr(importlib.import_module(module), function)
    return found
