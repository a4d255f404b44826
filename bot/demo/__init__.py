"""The bundled incident: a small real service, its captured logs, a scripted model.

`message-router` reports a broker connection before its background subscriber is running, readiness believes
it, and the first clients of a cold start are closed with 1011. This module says where the parts lie.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bot.domain.config import TargetConfig

SERVICE = "message-router"
"""The Cloud Run service name, and the name of the demo's `[target]`."""

FOCUS = "message-routing"
"""The focus preset that the demo runs with."""

PYTEST_ARGS = ("--disable-plugin-autoload", "-p", "pytest_asyncio.plugin")
"""Of the plugins beside the bot just the one that the service's tests need, so that a run is the same wherever."""

_HERE = Path(__file__).resolve().parent


def logs_path() -> Path:
    """The captured log: gzipped NDJSON of Cloud Logging entries, newest first."""
    return _HERE / "logs.ndjson.gz"


def script_path() -> Path:
    """The folder with the scripted model's answers."""
    return _HERE / "script"


def service_path() -> Path:
    """The folder with the service's files, from which its repository is built."""
    return _HERE / "service"


def target_config() -> TargetConfig:
    """How the service's tests are run: by the interpreter that runs the bot, which has what they need."""
    return TargetConfig(
        python=sys.executable,
        code=("router/**",),
        tests=("tests/unit", "tests/integration"),
        suite=("tests",),
        pytest_args=PYTEST_ARGS,
    )
