"""One file a step, registered here: to add one, write the file and add its line."""

from __future__ import annotations

from collections.abc import Mapping

from bot.steps import audit, commit, file_issue, five_whys, fix, plan, prove, retrieve, run_tests, write_tests
from bot.steps.context import Step

STEPS: Mapping[str, Step] = {
    "retrieve": retrieve.STEP,
    "five_whys": five_whys.STEP,
    "plan": plan.STEP,
    "file_issue": file_issue.STEP,
    "write_tests": write_tests.STEP,
    "audit": audit.STEP,
    "run_tests": run_tests.STEP,
    "fix": fix.STEP,
    "prove": prove.STEP,
    "commit": commit.STEP,
}
