"""A proof by itself: of any two commits of any repository, of which the working tree and the index are only read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from bot.adapters.git_borrowing import borrow
from bot.adapters.git_workspace import GitWorkspace
from bot.domain.base import Sha, counted
from bot.domain.config import BotConfig, TargetConfig
from bot.domain.errors import UsageProblem
from bot.domain.plan import TestPlan
from bot.domain.proof import SuiteRole, TreeRole
from bot.ports import FileChange, Sandbox
from bot.probe.launch import Interpreter, find_interpreter
from bot.proof.hunks import FixChange
from bot.proof.implied import FixedCode, implied
from bot.proof.proving import Question, prove, takes_time
from bot.standalone.interpreter import editable, find_python
from bot.standalone.proof_folder import ProofFolder, open_folder
from bot.standalone.proof_question import Asked, Proved
from bot.standalone.pull_request import PullRequest, collected, files_with_tests, holds, is_test, split, suite_of
from bot.standalone.pull_request_guard import beside, guarded
from bot.standalone.pytest_settings import settings_in
from bot.standalone.running import sandbox_for, target_for, without_plugins
from bot.steps.bench import Bench
from bot.steps.environment import TargetEnvironment

_WHEN = datetime(2000, 1, 1, tzinfo=UTC)
"""The date of the proof's commits, so that they are the same each time."""

_MOST_FILES, _MOST_READ = 2_000, 8_000_000
"""Files, and bytes in them, in which callers of what a fix changes are looked for."""


def prove_commits(
    root: Path, asked: Asked, config: BotConfig, state: Path, *, environ: Mapping[str, str] | None = None,
    setup_env: Mapping[str, str] = {}, note: Callable[[str], None] = lambda _text: None,
) -> Proved:
    """Prove the fix between two commits of the repository at `root`, for which `config` was written.

    What was complete before an interruption is taken from `state`. `environ` is the bot's own environment, `setup_env`
    what a target's set-up commands find in theirs. Raises UsageProblem for a revision or path that is
    not there, two equal commits and paths without tests; ConfigProblem without a repository; StateLocked when the same
    proof is under way; SandboxProblem, and TargetSetupFailed when the tests cannot be run on base.
    """
    return _Proving(root, asked, config, state, os.environ if environ is None else environ, setup_env,
                    note).run()


def label(role: TreeRole, suite: SuiteRole, number: int) -> str:
    """What a run is called, and its files."""
    return f"{role}-{number}" if suite == "new" else f"{role}-{number}-own"


class _Proving:
    def __init__(self, root: Path, asked: Asked, config: BotConfig, state: Path, environ: Mapping[str, str],
                 setup_env: Mapping[str, str], note: Callable[[str], None]) -> None:
        self.root, self.asked, self.config, self.state = root, asked, config, state
        self.environ, self.setup_env, self.note = environ, setup_env, note
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
            if not holds(file, there):
                raise UsageProblem(f"There is no {file} in {self.asked.fix} ({self.fix[:12]}).",
                                   "Give --tests files or folders of the repository, as they are with the fix.")
        if not files_with_tests(there, lambda path: self.clone.read(self.fix, path), self.asked.tests):
            raise UsageProblem(f"There are no tests in {', '.join(self.asked.tests)}.",
                               "Give --tests the tests that show what the fix mends.")
        return tuple(dict.fromkeys(self.asked.tests))

    def run(self) -> Proved:
        sandbox = sandbox_for(self.asked.sandbox or self.config.sandbox.kind, self.environ, self.config.sandbox.image)
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
                     if any(holds(path, (test.path,)) for path in wanted))
        if not mine:
            raise UsageProblem(f"The plan has none of the tests in {', '.join(wanted)}.",
                               "Give --plan the plan of these tests; its paths are relative to the repository.")
        return plan.model_copy(update={"tests": mine})

    def _suite(self, target: TargetConfig) -> tuple[str, ...]:
        """The paths of the project's own tests that are there on base."""
        if self.asked.suite is not None:
            there = self.clone.files(self.base)
            missing = [path for path in self.asked.suite if not holds(path.partition("::")[0], there)]
            if missing:
                raise UsageProblem(f"There is no {missing[0]} in {self.asked.base} ({self.base[:12]}).",
                                   "Give --suite paths of the repository before the fix, or --no-suite.")
            return self.asked.suite
        if self.config.target and "suite" in target.model_fields_set:
            return target.in_repository(target.suite)
        settings = settings_in(lambda name: self.clone.read(self.base, target.in_repository((name,))[0]))
        files = [path for path in self.clone.files(self.base)
                 if target.root == "." or path.startswith(f"{target.root}/")]
        tests = files_with_tests(files, lambda path: self.clone.read(self.base, path),
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
            tests=self.tests, suite=suite, new_files=new,
            guard=guarded(change, self.config.policy, self._others(ours, folder, change, target)),
            reruns=self.asked.reruns or config.reruns,
            mutants=config.mutants if self.asked.mutants is None else self.asked.mutants,
            timing=any(takes_time(ours.read(self.fix, path) or b"") for path in files_with_tests(
                ours.files(self.fix), lambda path: ours.read(self.fix, path), self.tests)),
        )
        bench = self._bench(ours, folder, sandbox, target, found, plan, FixedCode(
            change.before(change.fix), change.after(change.fix), lambda path: ours.read(with_tests, path)))
        proof = prove(question, bench, label)
        return Proved(proof, self.base, self.fix, self.tests, folder.path, target.root, sandbox.name, sandbox.warning,
                      tuple(beside(change)))

    def _others(self, ours: GitWorkspace, folder: ProofFolder, change: PullRequest,
                target: TargetConfig) -> dict[str, str]:
        """The product files with the fix that it leaves alone; the smallest, where there are too many."""
        tree = folder.scratch / "code"
        ours.export(self.fix, tree)
        tests = (*self.tests, *target.in_repository(target.tests))
        found = sorted(
            (file.stat().st_size, file) for file in tree.rglob("*.py")
            if (path := file.relative_to(tree).as_posix()) not in change.fix and not is_test(path, tests)
            and file.is_file() and not file.is_symlink())
        texts: dict[str, str] = {}
        room = _MOST_READ
        for size, file in found[:_MOST_FILES]:
            if size <= room:
                room -= size
                texts[file.relative_to(tree).as_posix()] = file.read_text("utf-8", errors="replace")
        shutil.rmtree(tree, ignore_errors=True)
        return texts

    def _bench(self, ours: GitWorkspace, folder: ProofFolder, sandbox: Sandbox, target: TargetConfig,
               found: Interpreter | None, plan: TestPlan | None, code: FixedCode) -> Bench:
        environments = (self.state / "environments").absolute()
        python: str | Interpreter = found if found is not None else TargetEnvironment(
            repository=ours, folder=self.root, sandbox=sandbox, target=target, environments=environments,
            setup_env=self.setup_env,
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
