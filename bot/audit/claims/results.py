"""Facts of a run from JUnit XML: which tests there were, how each ended, how long it took, what kind a failure is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Literal

from bot.audit.junit.cases import Case as JunitCase
from bot.audit.junit.cases import junit_results
from bot.audit.junit.failures import exceptions_of, status_of
from bot.audit.outcomes.case import classify
from bot.domain.errors import UsageProblem
from bot.domain.suite import FailureKind, Observation

Status = Literal["passed", "failed", "error", "skipped"]

_LEVELS: Mapping[str, frozenset[str]] = {
    "unit": frozenset({"unit", "units", "unittest", "unittests"}),
    "integration": frozenset({"integration", "integrations", "integ"}),
    "e2e": frozenset({"e2e", "endtoend"}),
    **{one: frozenset({one}) for one in ("functional", "smoke", "regression", "performance", "stress", "load",
                                         "contract", "security", "acceptance", "api", "ui", "system", "chaos")},
}
LEVELS = tuple(_LEVELS)
_WORDS = re.compile(r"[a-z0-9]+")
_RANK: Mapping[Status, int] = {"error": 3, "failed": 2, "skipped": 1, "passed": 0}


@dataclass(frozen=True)
class Case:
    """One test case. `kind` and `reason` are those of a failure, as far as the text of the results allows.

    `xfailed`: it was skipped in name only, as a failure that is expected. `also`: how it ended besides.
    """

    source: str
    file: str
    classname: str
    name: str
    status: Status
    seconds: float
    kind: FailureKind
    reason: str
    xfailed: bool = False
    also: tuple[Status, ...] = ()

    @property
    def function(self) -> tuple[str, str, str]:
        """The test without its parameters."""
        return self.file, self.classname, self.name.partition("[")[0]

    @property
    def place(self) -> str:
        """The file, or what stands for it."""
        return self.file.replace("\\", "/").removesuffix(".py").replace("/", ".") or self.classname

    def words(self) -> frozenset[str]:
        """The words of its file, class and name, lower case."""
        return _words(f"{self.file} {self.classname} {self.name.partition('[')[0]}")

    def place_words(self) -> frozenset[str]:
        """The words of its file and class, lower case."""
        return _words(f"{self.file} {self.classname}")

    def at_level(self, level: str) -> bool:
        """Whether its path, class or the name of its results file says that it is of this level."""
        where = f"{self.file} {self.classname} {self.source.rpartition('/')[2]}".lower().replace("end_to_end", "e2e")
        return not _LEVELS[level].isdisjoint(_WORDS.findall(where.replace("_", " ")))

    def is_in(self, path: str) -> bool:
        """Whether it is in this test file, as far as both paths go."""
        wanted = path.replace("\\", "/").removesuffix(".py").strip("/").split("/")
        for there in (self.file.replace("\\", "/").removesuffix(".py").split("/"), self.classname.split(".")):
            if wanted[-1] in there:
                at = there.index(wanted[-1])
                pairs = zip(reversed(wanted[:-1]), reversed(there[:at]), strict=False)
                if all(one == other for one, other in pairs):
                    return True
        return False


@dataclass(frozen=True)
class Run:
    """The results of one run, from one file or from several of different tests. `seconds` is the wall clock's."""

    sources: tuple[str, ...]
    cases: tuple[Case, ...]
    seconds: tuple[float, ...]
    days: tuple[date, ...]


@lru_cache(maxsize=4_096)
def _words(text: str) -> frozenset[str]:
    return frozenset(_WORDS.findall(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).lower()))


def read_runs(files: Iterable[tuple[str, bytes]]) -> tuple[Run, ...]:
    """The runs that some JUnit files tell of. Files with tests in common are of different runs.

    Raises ValueError, with the name of the file, for what is no JUnit XML.
    """
    each = [_read(name, content) for name, content in files]
    seen: set[tuple[str, str, str]] = set()
    for run in each:
        ids = {(case.file, case.classname, case.name) for case in run.cases}
        if seen & ids:
            return tuple(each)
        seen |= ids
    if not each:
        return ()
    return (Run(
        tuple(source for run in each for source in run.sources), tuple(case for run in each for case in run.cases),
        tuple(seconds for run in each for seconds in run.seconds), tuple(day for run in each for day in run.days),
    ),)


def _read(name: str, content: bytes) -> Run:
    try:
        results = junit_results(content)
    except UsageProblem as problem:
        raise ValueError(name) from problem
    found: dict[tuple[str, str, str], Case] = {}
    for one in results.cases:
        case = _case(name, one)
        key = (case.file, case.classname, case.name)
        before = found.get(key)
        # A test that fails, or passes, and then errs in teardown has two cases of one name.
        if before is not None:
            worst, other = (case, before) if _RANK[case.status] > _RANK[before.status] else (before, case)
            case = replace(worst, also=(*worst.also, *other.also, other.status))
        found[key] = case
    return Run((name,), tuple(found.values()), (results.seconds,), tuple(sorted(results.days)))


def _case(source: str, element: JunitCase) -> Case:
    file, classname, name = element.file[:400], element.classname[:400], element.name[:400]
    ending = element.endings[-1]
    raw, phase = status_of(ending)
    status: Status = raw if raw in _RANK else "skipped"  # type: ignore[assignment]
    kind, reason = FailureKind.PASSED, ""
    if status == "skipped":
        kind = FailureKind.SKIPPED
    elif status != "passed":
        path = file or classname.replace(".", "/")
        outcome = classify(Observation(
            test=f"{path}::{name}", path=path, status=raw, phase=phase or "call",
            exceptions=exceptions_of(ending, file),
        ), None, ("**",), ())
        kind, reason = outcome.kind, outcome.reason
    return Case(source, file, classname, name, status, element.seconds, kind, reason, xfailed=raw == "xfailed")
