"""The configuration that `--demo` runs with: the user's, with everything that the demo brings along."""

from __future__ import annotations

from pathlib import Path

from bot.config import DEMO_MODEL
from bot.demo import SERVICE, target_config
from bot.domain.config import BotConfig


def demo_config(config: BotConfig, state: Path) -> BotConfig:
    """Return the configuration with the demo's repository (made in the state), logs, model and target."""
    repository = config.repository.model_copy(
        update={"name": f"demo/{SERVICE}", "path": str(state / "demo" / SERVICE), "branch": "main"}
    )
    return config.model_copy(update={
        "repository": repository,
        "logs": config.logs.model_copy(update={"source": "demo"}),
        "model": config.model.model_copy(update={"name": DEMO_MODEL, "step": {}}),
        "forge": config.forge.model_copy(update={"kind": "local"}),
        "target": {SERVICE: target_config()},
        # A rehearsal, of which nobody is told.
        "notify": {},
    })
