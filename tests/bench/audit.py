"""The audit against peers: python -m tests.bench.audit [--suites FOLDER] [--labelled FOLDER] [--no-run].

Precision and recall per test on labelled tests, false alarms and speed on well-kept suites. The suites are the
newest source archives on PyPI, fetched with pip into `--suites` (kept there) or a temporary folder.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.audit.examine import examine
from bot.audit.rules import RULES
from bot.domain.audit import AuditReport, Finding, FindingSeverity
from tests.labelled import (
    CONFIGURATION,
    CORPUS,
    PYLINT,
    RUFF_NARROW,
    RUFF_WIDE,
    Label,
    Project,
    called_by_pylint,
    called_by_ruff,
    defective,
    measure,
    not_passing,
    projects,
)

PACKAGES = ("httpx", "starlette", "anyio", "structlog", "attrs", "click", "flask", "jinja2")
_ASIDE = {"docs", "examples", "typing-examples", "bench", "scripts"}


def main() -> None:
    """Measure and print tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--suites", type=Path)
    parser.add_argument("--labelled", type=Path, default=CORPUS)
    parser.add_argument("--no-run", action="store_true", help="leave out what needs the labelled tests to be run")
    given = parser.parse_args()
    for line in labelled_rows(given.labelled, run=not given.no_run):
        _say(line)
    with tempfile.TemporaryDirectory(prefix="whybot-suites-") as name:
        for line in suite_rows(given.suites or Path(name)):
            _say(line)


def labelled_rows(folder: Path, *, run: bool) -> Iterator[str]:
    """Tables: detectors beside each other, classes, rules."""
    found = projects(folder)
    labels = [(project, label) for project in found for label in project.labels]
    yield (f"\n{len(labels)} labelled tests in {len(found)} projects, {sum(label.defect for _, label in labels)} "
           "of them defective\n")
    yield "| detector | precision | recall |\n|---|---:|---:|"
    reports = {project: project.examined() for project in found}
    ours = {project: defective(report, project.labels) for project, report in reports.items()}
    deeper = {project: project.examined_with_run() for project in found} if run else {}
    detectors: tuple[tuple[str, Callable[[Project], set[str]]], ...] = (
        ("`bot audit`, static", lambda project: ours[project]),
        *((("`bot audit --run`", lambda project: defective(deeper[project], project.labels)),) if run else ()),
        (RUFF_WIDE[0], lambda project: called_by_ruff(project, RUFF_WIDE[1][2])),
        (RUFF_NARROW[0], lambda project: called_by_ruff(project, RUFF_NARROW[1][2])),
        (PYLINT[0], called_by_pylint),
        ("it did not pass", not_passing),
    )
    for name, detector in detectors:
        called = {project: detector(project) for project in found}
        yield _row(name, labels, called)
    yield from _classes(labels, ours, reports)
    yield from _rules(found, reports)
    if run:
        yield "\nWith a run:"
        yield from _classes(labels, {project: defective(report, project.labels) for project, report in deeper.items()},
                            deeper)
        yield from _rules(found, deeper)


def _row(name: str, labels: Iterable[tuple[Project, Label]], called: dict[Project, set[str]]) -> str:
    flat = {f"{project.name}/{test}" for project, tests in called.items() for test in tests}
    result = measure((Label(f"{project.name}/{label.id}", label.defect, (), "", "") for project, label in labels), flat)
    return f"| {name} | {result.precision:.2f} | {result.recall:.2f} |"


def _classes(labels: list[tuple[Project, Label]], ours: dict[Project, set[str]],
             reports: dict[Project, AuditReport]) -> Iterator[str]:
    yield "\n| class | tests | called defective | of this class |\n|---|---:|---:|---:|"
    by_class: dict[str, list[tuple[Project, Label]]] = defaultdict(list)
    for project, label in labels:
        if label.defect:
            by_class[label.classes[0]].append((project, label))
    for name, tests in sorted(by_class.items()):
        called = sum(label.id in ours[project] for project, label in tests)
        same = sum(bool(set(label.classes) & _classes_of(reports[project], label.id)) for project, label in tests)
        yield f"| {name} | {len(tests)} | {called} | {same} |"


def _classes_of(report: AuditReport, test: str) -> set[str]:
    return {finding.defect_class for finding in report.findings
            if finding.test == test and finding.severity is FindingSeverity.ERROR}


def _rules(found: Iterable[Project], reports: dict[Project, AuditReport]) -> Iterator[str]:
    yield "\n| rule | tests with an error by it | of them defective | warnings |\n|---|---:|---:|---:|"
    counts: dict[str, Counter[str]] = {rule: Counter() for rule in RULES}
    for project in found:
        truth = {label.id: label.defect for label in project.labels}
        seen = {(finding.rule, finding.test, finding.severity) for finding in reports[project].findings}
        for rule, test, severity in seen:
            if rule in counts and test in truth:
                kind = "warning" if severity is FindingSeverity.WARNING else "right" if truth[test] else "wrong"
                counts[rule][kind] += 1
    for rule, count in counts.items():
        yield f"| {rule} | {count['right'] + count['wrong']} | {count['right']} | {count['warning']} |"


@dataclass(frozen=True)
class Suite:
    """A package as its source archive has it."""

    root: Path
    tests: dict[str, str]
    implementation: dict[str, str]

    @property
    def name(self) -> str:
        """Package and version."""
        return self.root.name

    @property
    def test_files(self) -> list[str]:
        """The Python files among its tests."""
        return [path for path in self.tests if path.endswith(".py")]


def suite_rows(folder: Path) -> Iterator[str]:
    """Tables: false alarms and speed on well-kept suites, then every test called defective."""
    yield ("\n| suite | tests | defect | ms a test | tests/s | ruff check | pylint |\n"
           "|---|---:|---:|---:|---:|---:|---:|")
    tests = defects = 0
    spent = 0.0
    listed: list[Finding] = []
    for name in PACKAGES:
        suite = _suite(folder, name)
        if suite is None:
            yield f"| {name} | could not be fetched | | | | | |"
            continue
        start = time.perf_counter()
        report = examine(suite.tests, suite.implementation)
        took = time.perf_counter() - start
        ruff = _timed([str(Path(sys.executable).with_name("ruff")), "check", "--isolated", "--no-cache",
                       *suite.test_files], suite.root)
        pylint = _timed([sys.executable, "-m", "pylint", "--disable=all", "--enable=W,E", "--rcfile=",
                         *suite.test_files], suite.root)
        each = max(1, len(report.tests))
        yield (f"| {suite.name} | {len(report.tests)} | {len(report.defects)} | {took / each * 1000:.2f} | "
               f"{each / took:.0f} | {took / ruff:.0f} times ruff's time | {took / pylint:.2f} of pylint's |")
        tests, defects, spent = tests + len(report.tests), defects + len(report.defects), spent + took
        listed += [item for item in report.findings if item.severity is FindingSeverity.ERROR]
    if tests:
        yield (f"| all | {tests} | {defects} (1 in {tests // max(1, defects)}) | {spent / tests * 1000:.2f} | "
               f"{tests / spent:.0f} | | |\n")
    for item in listed:
        yield f"- {item.rule}: {item.test}:{item.line}: {item.message}"


def _suite(folder: Path, name: str) -> Suite | None:
    folder.mkdir(parents=True, exist_ok=True)
    root = next((path for path in folder.glob(f"{name}-*/") if path.is_dir()), None)
    if root is None:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest",
             str(folder), name], capture_output=True, check=False,
        )
        archive = next(iter(folder.glob(f"{name}-*.tar.gz")), None)
        if done.returncode or archive is None:
            return None
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        root = next(path for path in folder.glob(f"{name}-*/") if path.is_dir())
    tests: dict[str, str] = {}
    implementation: dict[str, str] = {}
    for path in sorted(root.rglob("*.py")):
        relative = path.relative_to(root).as_posix()
        parts = set(relative.split("/"))
        if not parts & _ASIDE:
            is_test = "tests" in parts or relative.startswith("test")
            (tests if is_test else implementation)[relative] = path.read_text("utf-8", "replace")
    for file in CONFIGURATION:
        if (root / file).is_file():
            implementation[file] = (root / file).read_text("utf-8")
    return Suite(root, tests, implementation)


def _timed(argv: list[str], cwd: Path) -> float:
    start = time.perf_counter()
    subprocess.run(argv, cwd=cwd, capture_output=True, check=False)
    return time.perf_counter() - start


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
