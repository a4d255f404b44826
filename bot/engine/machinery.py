"""What the runner works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from bot.domain.asking import Usage
from bot.domain.base import Fingerprint
from bot.domain.config import AskingStep, BotConfig
from bot.domain.earlier import EarlierFinding
from bot.domain.logs import Standing
from bot.domain.record import CycleRecord, CycleRef
from bot.domain.workflow import Workflow
from bot.engine.publisher import Publisher
from bot.ports import Clock, LogSource, Model, Progress, Sandbox, Store, Workspace
from bot.steps.context import Step


@dataclass(frozen=True)
class Machinery:
    """All the parts. `history` tells how incidents stand that other cycles know, `findings` what they
    came to, `spent_today_usd` what all of them spent on models since midnight UTC. `keep` is given the record whenever
    a step is done and its effects are published or kept, and when the cycle stops.
    """

    workflow: Workflow
    steps: Mapping[str, Step]
    config: BotConfig
    logs: LogSource
    open_model: Callable[[AskingStep], Model]
    workspace: Workspace | None
    sandbox: Sandbox
    publisher: Publisher
    store: Store
    clock: Clock
    progress: Progress
    scratch: Path
    environments: Path
    setup_env: Mapping[str, str]
    history: Callable[[CycleRef], Mapping[str, Standing]]
    findings: Callable[[CycleRef, tuple[Fingerprint, ...]], tuple[EarlierFinding, ...]]
    spent: Callable[[CycleRef], Usage]
    spent_today_usd: Callable[[], Decimal]
    keep: Callable[[CycleRecord], None] = lambda _record: None
