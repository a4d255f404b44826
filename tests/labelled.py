"""The audited corpus: projects with labelled tests, how an audit or a linter judges them, and the measures of that."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bot.audit.examine import examine
from bot.domain.audit import AuditReport, FindingSeverity
from bot.standalone.running import ProjectRun, run_project

CORPUS = Path(__file__).parent / "audit_corpus"
CONFIGURATION = ("pyproject.toml", "pytest.ini", "setup.cfg", "tox.ini")


@dataclass(frozen=True)
class Label:
    """What a person says of one test. `kind` is what it does when it is run: passed, failed, skipped or error."""

    id: str
    defect: bool
    classes: tuple[str, ...]
    kind: str
    why: str


@dataclass(frozen=True)
class Project:
    """A small code base and its labelled tests."""

    root: Path
    labels: tuple[Label, ...]

    @property
    def name(self) -> str:
        """Its folder."""
        return self.root.name

    def files(self) -> tuple[dict[str, str], dict[str, str]]:
        """Test files and implementation, by path in the project."""
        tests, implementation = {}, {}
        for path in sorted(self.root.rglob("*")):
            relative = path.relative_to(self.root).as_posix()
            if path.name in CONFIGURATION or path.suffix == ".py":
                of_tests = "tests" in relative.split("/") or path.name in {"conftest.py"}
                (tests if of_tests else implementation)[relative] = path.read_text("utf-8")
        return tests, implementation

    def examined(self) -> AuditReport:
        """The static audit of its tests."""
        tests, implementation = self.files()
        return examine(tests, implementation)

    def ran(self) -> ProjectRun:
        """One run of its tests in a copy, watched, with the Python that runs this; run once and remembered."""
        return _ran(self.root)

    def examined_with_run(self) -> AuditReport:
        """The audit of its tests with what a run of them showed."""
        tests, implementation = self.files()
        ran = self.ran()
        return examine(tests, implementation, None, ran.run.observations, ran.outcomes, "run")


@dataclass(frozen=True)
class Measure:
    """How well tests called defective match the labels."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of the tests called defective that are; 1 when none was."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Share of the defective tests that were called so; 1 when there is none."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


def measure(labels: Iterable[Label], called: Collection[str]) -> Measure:
    """Hold the ids of the tests called defective against the labels."""
    known = tuple(labels)
    return Measure(
        right=sum(label.defect and label.id in called for label in known),
        wrong=sum(not label.defect and label.id in called for label in known),
        missed=sum(label.defect and label.id not in called for label in known),
    )


def projects(folder: Path = CORPUS) -> tuple[Project, ...]:
    """All projects of a folder, by name."""
    return tuple(_project(path.parent) for path in sorted(folder.glob("*/labels.toml")))


@cache
def _project(root: Path) -> Project:
    said = tomllib.loads((root / "labels.toml").read_text("utf-8"))["test"]
    return Project(root, tuple(
        Label(item["id"], item["verdict"] == "defect", tuple(item.get("classes", ())), item.get("kind", ""),
              item.get("why", ""))
        for item in said
    ))


@cache
def _ran(root: Path) -> ProjectRun:
    environ = {"VIRTUAL_ENV": sys.prefix, "PATH": os.environ.get("PATH", "")}
    return run_project(root, ("tests",), sandbox="process", watch=True, environ=environ)


def defective(report: AuditReport, labels: Iterable[Label]) -> set[str]:
    """The labelled tests that have an error, also those that a finding names although pytest does not collect them."""
    errors = {finding.test for finding in report.findings if finding.severity is FindingSeverity.ERROR}
    return {label.id for label in labels if label.id in errors or label.id in report.defects}


def defined_tests(project: Project) -> set[str]:
    """The ids of all functions named `test…` in test files, nested ones under the function around them."""
    found = set()
    for path, text in project.files()[0].items():
        if re.search(r"(^|/)(test_[^/]*|[^/]*_test)\.py$", path):
            found |= {f"{path}::{name}" for name, _ in named_tests(text)}
    return found


def named_tests(text: str) -> list[tuple[str, ast.AST]]:
    """Qualified name (`Class::test_x`) and node of every test function in a file, inherited ones included."""
    found: list[tuple[str, ast.AST]] = []
    classes: dict[str, list[tuple[str, ast.AST]]] = {}

    def walk(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                start = len(found)
                walk(child, f"{prefix}{child.name}::")
                own = {name.rpartition("::")[2] for name, _ in found[start:]}
                bases = [base.id for base in child.bases if isinstance(base, ast.Name)]
                inherited = [item for base in bases for item in classes.get(base, []) if item[0] not in own]
                found.extend((f"{prefix}{child.name}::{name}", item) for name, item in inherited)
                classes[child.name] = [(name.rpartition("::")[2], item) for name, item in found[start:]]
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                if child.name.startswith("test"):
                    found.append((prefix + child.name, child))
                walk(child, f"{prefix}{child.name}::")
            else:
                walk(child, prefix)

    walk(ast.parse(text), "")
    return found


# Peers: a test is called defective when the tool says something of its lines.

RUFF_WIDE = ("ruff, PT ASYNC B F PLW BLE S110", ("ruff", "--select", "PT,ASYNC,B,F,PLW,BLE,S110"))
RUFF_NARROW = ("ruff, F B ASYNC", ("ruff", "--select", "F,B,ASYNC"))
PYLINT = ("pylint, warnings and errors", ("pylint",))


def called_by_ruff(project: Project, select: str) -> set[str]:
    """The tests in whose lines ruff finds something."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ruff")), "check", "--isolated", "--no-cache", "--output-format", "json",
         "--select", select, "."],
        cwd=project.root, capture_output=True, text=True, check=False,
    )
    said = json.loads(done.stdout)
    places = [(Path(item["filename"]).relative_to(project.root.resolve()).as_posix(), item["location"]["row"])
              for item in said]
    return _at(project, places)


def called_by_pylint(project: Project) -> set[str]:
    """The tests in whose lines pylint finds a warning or an error."""
    files = sorted(project.files()[0])
    done = subprocess.run(
        [sys.executable, "-m", "pylint", "--disable=all", "--enable=W,E", "--output-format=json", "--rcfile=",
         *(path for path in files if path.endswith(".py"))],
        cwd=project.root, capture_output=True, text=True, check=False,
    )
    return _at(project, [(item["path"], item["line"]) for item in json.loads(done.stdout)])


def _at(project: Project, places: Iterable[tuple[str, int]]) -> set[str]:
    spans: Mapping[str, list[tuple[int, int, str]]] = {
        path: [(node.lineno, node.end_lineno or node.lineno, name)  # type: ignore[attr-defined]
               for name, node in named_tests(text)]
        for path, text in project.files()[0].items() if path.endswith(".py")
    }
    return {f"{path}::{name}" for path, line in places for first, last, name in spans.get(path, ())
            if first <= line <= last}


def not_passing(project: Project) -> set[str]:
    """The tests that did not pass when they were run, as labelled."""
    return {label.id for label in project.labels if label.kind != "passed"}
