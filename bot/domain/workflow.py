"""The order of steps as data: what `workflows/remediation.toml` may say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from bot.domain.base import Frozen
from bot.domain.record import MOST_CYCLES, CycleEnd


class Hold(Frozen):
    """Where a HOLD leads: back to a step, at most `attempts` times in all, then the cycle ends so."""

    back_to: str
    attempts: Annotated[int, Field(ge=1, le=10)]
    ends: CycleEnd


class WorkflowStep(Frozen):
    """A step's place. `number` is what people call it."""

    name: str
    number: str
    title: str
    hold: Hold | None = None


class Workflow(Frozen):
    """The order of steps, and how many cycles a run has at most."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    title: str
    cycles: Annotated[int, Field(ge=1, le=MOST_CYCLES)]
    steps: Annotated[tuple[WorkflowStep, ...], Field(alias="step", min_length=1)]

    def of(self, name: str) -> WorkflowStep:
        """The place of a step. Raises KeyError for a name that is not in the workflow."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)

    def after(self, name: str) -> WorkflowStep | None:
        """The step that follows, None after the last."""
        index = self.steps.index(self.of(name))
        return self.steps[index + 1] if index + 1 < len(self.steps) else None
