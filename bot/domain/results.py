"""What each step gives: one class a step's result, in a discriminated union that the record stores."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from bot.domain.audit import AuditReport
from bot.domain.base import Frozen, Sha
from bot.domain.effects import BranchName, IssueKey
from bot.domain.evidence import EvidencePack, Investigation, Remediation, RootCause, RuledOut, Support, Why
from bot.domain.logs import ReadReport, RevisionLife, RunningCommit, Selection
from bot.domain.patch import GuardFinding, Patch, StoredFile
from bot.domain.plan import TestPlan
from bot.domain.proof import Proof
from bot.domain.suite import SuiteResult


class Retrieved(Frozen):
    """Step 0: what was read and which incident won. `snapshot` names the file of redacted entries.

    `keeps_emails` says that e-mail addresses were left in it, as configured; then an answer may quote them, too.
    `again_since` is when the incident came back that was marked as gone; records of schema 4 and before have none.
    `read_from` and `read_until` are the times of the first and last entry that was read (RFC 3339), `revisions` those
    of the incident's services, the earliest first; all three are empty in records of schema 5 and before.
    """

    result: Literal["retrieved"] = "retrieved"
    report: ReadReport
    groups: int
    incidents: int
    selection: Selection
    commit: RunningCommit | None
    target: str
    snapshot: str
    keeps_emails: bool = False
    again_since: str = ""
    read_from: str = ""
    read_until: str = ""
    revisions: tuple[RevisionLife, ...] = ()


class Conclusion(StrEnum):
    """What the whys came to."""

    ROOT_CAUSE = "root cause"
    OPEN = "no root cause that the evidence supports"
    NO_CULPRIT = "no culprit in this evidence"


class FiveWhys(Frozen):
    """Step 1: the chain as far as it is supported. `stopped` says why it is not longer.

    `code` are the files, redacted, that were shown or quoted, kept beside the record: a citation can be checked
    without the repository. `paths` names the file that lists all paths at the commit; `product` and `tests` say what
    of them is the service's own code (globs) and its tests. Records of schema 2 have none of these, and no
    `investigation`.
    """

    result: Literal["five_whys"] = "five_whys"
    pack: EvidencePack
    whys: tuple[Why, ...]
    root_cause: RootCause | None
    ruled_out: tuple[RuledOut, ...]
    remediation: Remediation | None
    stopped: str
    investigation: Investigation | None = None
    code: tuple[StoredFile, ...] = ()
    paths: str = ""
    product: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()

    @property
    def conclusion(self) -> Conclusion:
        """What it came to."""
        if not self.whys:
            return Conclusion.NO_CULPRIT
        cited = self.root_cause is not None and self.root_cause.support is Support.CITED
        return Conclusion.ROOT_CAUSE if cited else Conclusion.OPEN


class Planned(Frozen):
    """Step 2: the test plan."""

    result: Literal["planned"] = "planned"
    plan: TestPlan
    investigation: Investigation | None = None


class IssueFiled(Frozen):
    """Step 2.1: the key of the issue; its number is in the effect's receipt."""

    result: Literal["issue_filed"] = "issue_filed"
    key: IssueKey
    title: str


class TestsWritten(Frozen):
    """Step 3: the test files of this attempt, kept beside the record."""

    __test__ = False

    result: Literal["tests_written"] = "tests_written"
    files: tuple[StoredFile, ...]


class TestsAudited(Frozen):
    """Step 4: the verdict on this attempt's tests."""

    __test__ = False

    result: Literal["tests_audited"] = "tests_audited"
    report: AuditReport


class TestsRun(Frozen):
    """Step 5: the audited tests on the base commit, with reruns, and the service's own suite there.

    `reproduced_by` are the tests that failed as predicted in every run.
    """

    __test__ = False

    result: Literal["tests_run"] = "tests_run"
    reproduced: bool
    reproduced_by: tuple[str, ...]
    reason: str
    runs: tuple[SuiteResult, ...]
    own: SuiteResult


class Fixed(Frozen):
    """Step 6: a patch that the guard let through, or its findings when it did not. Records of schema 3 and before
    have no `investigation`.
    """

    result: Literal["fixed"] = "fixed"
    patch: Patch | None
    findings: tuple[GuardFinding, ...]
    investigation: Investigation | None = None


class Proven(Frozen):
    """Step 7: the proof and what is missing for it."""

    result: Literal["proven"] = "proven"
    proof: Proof


class Committed(Frozen):
    """Step 8: the commits and the branch that carries them."""

    result: Literal["committed"] = "committed"
    branch: BranchName
    base: Sha
    tests_commit: Sha
    fix_commit: Sha


StepResult = Annotated[
    Retrieved | FiveWhys | Planned | IssueFiled | TestsWritten | TestsAudited | TestsRun | Fixed | Proven | Committed,
    Field(discriminator="result"),
]
