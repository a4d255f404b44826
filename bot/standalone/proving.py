"""A proof by itself: of any two commits of any repository. The repository, its working tree and its index are only
read."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.adapters.git_borrowing import borrow
from bot.adapters.git_workspace import GitWorkspace
from bot.domain.base import Sha, counted
from bot.domain.config import BotConfig, SandboxKind, TargetConfig
from bot.domain.errors import UsageProblem
from bot.domain.patch import GuardFinding
from bot.domain.plan import TestPlan
from bot.domain.proof import Proof, SuiteRole, TreeRole
from bot.ports import FileChange, Sandbox
from bot.probe.launch import Interpreter, find_interpreter
from bot.proof.guard import guard
from bot.proof.hunks import FixChange
from bot.proof.implied import FixedCode, implied
from bot.proof.proving import Question, prove, takes_time
from bot.standalone.interpreter import editable, find_python
from bot.standalone.proof_folder import ProofFolder, open_folder
from bot.standalone.pull_request import PullRequest, collected, split, suite_of, test_files
from bot.standalone.pytest_settings import settings_in
from bot.standalone.running import sandbox_for, target_for, without_plugins
from bot.steps.bench import Bench
from bot.steps.environment import TargetEnvironment

_WHEN = datetime(2000, 1, 1, tzinfo=UTC)
"""The date of the proof's commits, so that they are the same each time."""
_SOFT = frozenset({"dependency-file", "file-deleted", "outside-code"})
"""What a model may not do and a person may: it is told, and speaks not against the proof."""
_BY_PATH = frozenset({"dependency-file", "forbidden-path"})
_SETUP_ENV = ("PIP_", "UV_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True)
class Asked:
    """What is to be proven. `base` and `fix` are revisions, `tests` paths relative to the repository.

    `suite` are the paths of the project's own tests: None for what pytest collects, empty for none. `plan` says how
    the tests must fail; without one the fix does. What is None is as bot.toml says.
    """

    base: str
    fix: str
    tests: tuple[str, ...]
    suite: tuple[str, ...] | None = None
    plan: TestPlan | None = None
    reruns: int | None = None
    mutants: int | None = None
    workers: int | None = None
    sandbox: SandboxKind | None = None
    again: bool = False


@dataclass(frozen=True)
class Proved:
    """A proof, and what a reader needs beside it: where its files are, and in which sandbox it was run.

    `notes` say what was not looked at.
    """

    proof: Proof
    base: Sha
    fix: Sha
    tests: tuple[str, ...]
    folder: Path
    root: str
    sandbox: str
    warning: str
    notes: tuple[str, ...]


def prove_commits(
    root: Path, asked: Asked, config: BotConfig, state: Path, *, environ: Mapping[str, str] | None = None,
    note: Callable[[str], None] = lambda _text: None,
) -> Proved:
    """Prove the fix between two commits of the repository at `root`, for which `config` was written.

    What was complete before an interruption is taken from `state`. Raises UsageProblem for a revision or path that is
    not there, two equal commits and paths without tests; ConfigProblem without a repository; StateLocked when the same
    proof is under way; SandboxProblem, and TargetSetupFailed when the tests cannot be run on base.
    """
    return _Proving(root, asked, config, state, os.environ if environ is None else environ, note).run()


def label(role: TreeRole, suite: SuiteRole, number: int) -> str:
    """What a run is called, and its files."""
    return f"{role}-{number}" if suite == "new" else f"{role}-{number}-own"


class _Proving:
    def __init__(self, root: Path, asked: Asked, config: BotConfig, state: Path, environ: Mapping[str, str],
                 note: Callable[[str], None]) -> None:
        self.root, self.asked, self.config, self.state = root, asked, config, state
        self.environ, self.note = environ, note
        self.clone = GitWorkspace(root)
        self.base, self.fix = self._commit(asked.base), self._commit(asked.fix)
        if self.base == self.fix:
            raise UsageProblem(
                f"{asked.base} and {asked.fix} are the same commit, {self.base[:12]}.",
                "Give --base the commit before the fix, and --fix the one with it.")
        self.tests = self._tests()

    def _commit(self, revision: str) -> Sha:
        found = self.clone.resolve(revision)
        if found is None:
            raise UsageProblem(f"There is no revision {revision!r} in {self.root}.",
                               "Give a commit, a branch or a tag; a shallow clone may lack it.")
        return found

    def _tests(self) -> tuple[str, ...]:
        there = self.clone.files(self.fix)
        for path in self.asked.tests:
            file = path.partition("::")[0]
            if not any(one == file or file == "." or one.startswith(f"{file}/") for one in there):
                raise UsageProblem(f"There is no {file} in {self.asked.fix} ({self.fix[:12]}).",
                                   "Give --tests files or folders of the repository, as they are with the fix.")
        if not test_files(there, lambda path: self.clone.read(self.fix, path), self.asked.tests):
            raise UsageProblem(f"There are no tests in {', '.join(self.asked.tests)}.",
                               "Give --tests the tests that show what the fix mends.")
        return tuple(dict.fromkeys(self.asked.tests))

    def run(self) -> Proved:
        sandbox = sandbox_for(self.asked.sandbox or self.config.sandbox.kind, self.environ)
        target, found = self._target()
        plan = self._plan()
        question = (
            self.base, self.fix, *self.tests, str(found.program) if found else "setup", target.model_dump_json(),
            plan.model_dump_json() if plan else "", sandbox.name,
        )
        with open_folder(self.state, question, again=self.asked.again) as folder:
            borrow(self.root, folder.repository)
            return self._proved(folder, sandbox, target, found, plan)

    # what it goes by

    def _target(self) -> tuple[TargetConfig, Interpreter | None]:
        """The target that the tests belong to, and its Python; None where that has yet to be made from base."""
        wanted = tuple(path.partition("::")[0] for path in self.tests)
        target = target_for(self.config, wanted)
        if target is not None:
            if target.setup:
                return target, None
            if "python" in target.model_fields_set:
                return target, find_interpreter(target.python, self.root / target.root, self.root)
            return target, find_python(self.root, self.environ)
        interpreter = find_python(self.root, self.environ)
        files = self.clone.files(self.fix)
        usual = (".", "src") if any(path.startswith("src/") for path in files) else (".",)
        folders = dict.fromkeys(path for path in wanted if path != ".")
        folders |= dict.fromkeys(str(above) for path in wanted for above in Path(path).parents
                                 if above.name in {"tests", "test"})
        folders |= dict.fromkeys(name for name in ("tests", "test") if any(one.startswith(f"{name}/") for one in files))
        return TargetConfig(
            tests=tuple(folders) or ("tests",), suite=(),
            pythonpath=tuple(dict.fromkeys((*usual, *editable(interpreter, self.root)))),
        ), interpreter

    def _plan(self) -> TestPlan | None:
        plan = self.asked.plan
        if plan is None:
            return None
        wanted = tuple(path.partition("::")[0] for path in self.tests)
        mine = tuple(test for test in plan.tests
                     if any(test.path == path or path == "." or test.path.startswith(f"{path}/") for path in wanted))
        if not mine:
            raise UsageProblem(f"The plan has none of the tests in {', '.join(wanted)}.",
                               "Give --plan the plan of these tests; its paths are relative to the repository.")
        return plan.model_copy(update={"tests": mine})

    def _suite(self, target: TargetConfig) -> tuple[str, ...]:
        """The paths of the project's own tests that are there on base."""
        if self.asked.suite is not None:
            missing = [path for path in self.asked.suite
                       if not any(one == path or path == "." or one.startswith(f"{path}/")
                                  for one in self.clone.files(self.base))]
            if missing:
                raise UsageProblem(f"There is no {missing[0]} in {self.asked.base} ({self.base[:12]}).",
                                   "Give --suite paths of the repository before the fix, or --no-suite.")
            return self.asked.suite
        if self.config.target and "suite" in target.model_fields_set:
            return target.in_repository(target.suite)
        settings = settings_in(lambda name: self.clone.read(self.base, target.in_repository((name,))[0]))
        files = [path for path in self.clone.files(self.base)
                 if target.root == "." or path.startswith(f"{target.root}/")]
        tests = test_files(files, lambda path: self.clone.read(self.base, path),
                           [path for path in files if settings.is_test_file(Path("/", path))])
        return suite_of(tests, target.in_repository(settings.testpaths))

    # the proof

    def _proved(self, folder: ProofFolder, sandbox: Sandbox, target: TargetConfig, found: Interpreter | None,
                plan: TestPlan | None) -> Proved:
        ours = GitWorkspace(folder.repository)
        change = split(
            ours.changed_paths(self.base, self.fix), lambda path: ours.read(self.base, path),
            lambda path: ours.read(self.fix, path), self.tests, target.in_repository(target.tests))
        with_tests = ours.commit(self.base, _changes(change.after(change.tests)), "The tests, without the fix", _WHEN)
        reverted = ours.commit(
            self.fix, _changes(change.before(change.fix, change.aside)), "The fix taken back, for the proof", _WHEN)
        suite = self._suite(target)
        self.note(f"{counted(len(change.fix), 'file')} of the fix, {counted(len(change.tests), 'file')} of tests; "
                  f"the sandbox is {sandbox.name}")
        if sandbox.warning:
            self.note(sandbox.warning)
        new = tuple(path for path, (before, _) in change.tests.items() if before is None and collected(path))
        config = self.config.proof
        question = Question(
            base=self.base, with_tests=with_tests, with_fix=self.fix, reverted=reverted,
            same_tree=ours.tree(reverted) == ours.tree(with_tests),
            change=FixChange(change.before(change.fix), change.after(change.fix)),
            tests=self.tests, suite=suite, new_files=new, guard=_guard(change, self.config, ours, with_tests),
            reruns=self.asked.reruns or config.reruns,
            mutants=config.mutants if self.asked.mutants is None else self.asked.mutants,
            timing=any(takes_time(ours.read(self.fix, path) or b"") for path in test_files(
                ours.files(self.fix), lambda path: ours.read(self.fix, path), self.tests)),
        )
        bench = self._bench(ours, folder, sandbox, target, found, plan, FixedCode(
            change.before(change.fix), change.after(change.fix), lambda path: ours.read(with_tests, path)))
        proof = prove(question, bench, label)
        return Proved(proof, self.base, self.fix, self.tests, folder.path, target.root, sandbox.name, sandbox.warning,
                      tuple(_beside(change)))

    def _bench(self, ours: GitWorkspace, folder: ProofFolder, sandbox: Sandbox, target: TargetConfig,
               found: Interpreter | None, plan: TestPlan | None, code: FixedCode) -> Bench:
        environments = (self.state / "environments").absolute()
        python: str | Interpreter = found if found is not None else TargetEnvironment(
            repository=ours, folder=self.root, sandbox=sandbox, target=target, environments=environments,
            setup_env={name: value for name, value in self.environ.items() if name.startswith(_SETUP_ENV)},
            keep=lambda output: str(folder.keep("setup.log", output)), note=self.note,
        ).python(self.base)
        known = found or find_interpreter(str(python), self.root / target.root, environments)
        return Bench(
            repository=ours, sandbox=sandbox, target=target, interpreter=known, limits=self.config.limits,
            scratch=folder.scratch, keep=folder.keep, kept=folder.kept, tell=self.note, plan=plan,
            services=self.config.service, read_only=(environments,) if target.setup else (),
            extra_args=without_plugins(known), workers=self.asked.workers or self.config.proof.workers,
            predict=(lambda outcomes, _: outcomes) if plan else (lambda outcomes, seen: implied(code, outcomes, seen)),
        )


def _changes(files: Mapping[str, bytes | None]) -> tuple[FileChange, ...]:
    return tuple(FileChange(path=path, content=content) for path, content in sorted(files.items()))


def _guard(change: PullRequest, config: BotConfig, ours: GitWorkspace, with_tests: Sha) -> tuple[GuardFinding, ...]:
    """What speaks against the fix, and against what it does to tests."""
    if not change.fix:
        path = min((*change.tests, *change.aside), default="?")
        return (GuardFinding(rule="no-fix", hard=True, path=path,
                             message="No code differs between the two commits, so nothing is fixed."),)
    forbidden = config.policy.forbidden_paths if "forbidden_paths" in config.policy.model_fields_set else ()
    found = list(guard(*_texts(change, change.fix), ("**",), forbidden))
    found += [one for one in guard(*_texts(change, change.aside), ("**",), forbidden) if one.rule in _BY_PATH]
    # With documents beside it, the change of the code is still the only one.
    code = {path: both for path, both in change.fix.items() if path.endswith(".py")}
    if code and len(code) < len(change.fix):
        found += [one for one in guard(*_texts(change, code), ("**",)) if one not in found and one.rule.startswith(
            ("only-", "no-semantic"))]
    found += _guard_tests(*_texts(change, change.tests))
    return tuple(one.model_copy(update={"hard": False}) if one.rule in _SOFT else one for one in found)


def _guard_tests(before: dict[str, str], after: dict[str, str]) -> Iterable[GuardFinding]:
    check = getattr(importlib.import_module("bot.proof.guard"), "guard_tests", None)
    return () if check is None else tuple(check(before, after))


def _texts(change: PullRequest, side: Mapping[str, tuple[bytes | None, bytes | None]],
           ) -> tuple[dict[str, str], dict[str, str]]:
    before, after = ({path: content.decode("utf-8", "replace") for path, content in files.items() if content is not None}
                     for files in (change.before(side), change.after(side)))
    return before, after


def _beside(change: PullRequest) -> Iterable[str]:
    if change.aside:
        yield f"No run depends on {_listed(change.aside)}, which the two commits differ in, too."
    if change.unseen:
        yield f"Not looked at, since it is no plain file or only its mode differs: {_listed(change.unseen)}."


def _listed(paths: Iterable[str]) -> str:
    every = sorted(paths)
    return ", ".join(every[:5]) + (f" and {counted(len(every) - 5, 'more')}" if len(every) > 5 else "")
