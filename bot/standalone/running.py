"""Running a project's tests without a record: in a copy, in a sandbox, with the probe. The project is only read."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.adapters.sandboxes import choose_sandbox
from bot.audit.kinds import outcomes_of
from bot.domain.base import Frozen, counted
from bot.domain.config import BotConfig, Limits, SandboxKind, TargetConfig
from bot.domain.errors import SandboxProblem, UsageProblem
from bot.domain.plan import ServiceNeed, TestPlan
from bot.domain.suite import Outcome
from bot.ports import Sandbox
from bot.probe.launch import (
    Interpreter,
    NeededService,
    find_interpreter,
    needed_services,
    product_globs,
    run_tests,
)
from bot.probe.seen import TestRun
from bot.standalone.copying import WorkingCopy
from bot.standalone.interpreter import editable, find_python, has_plugin
from bot.steps.believing import doubts_about

_TEST_FOLDERS = ("tests", "test")
_WITHOUT_WALLS = "Or add `--sandbox process` to run them as plain processes, if you trust these tests and this code."


class ProjectRun(Frozen):
    """One run of a project's tests. `doubts` say why it cannot be believed; empty when its accounts agree.

    `product` are the globs of product code that it was classified by. `warning` is what the sandbox cannot prevent.
    """

    run: TestRun
    outcomes: tuple[Outcome, ...]
    doubts: tuple[str, ...]
    product: tuple[str, ...]
    sandbox: str
    warning: str


@dataclass(frozen=True, eq=False)
class Project:
    """A project ready to run, again and again, in one working copy. Made by `open_project`."""

    copy: WorkingCopy
    target: TargetConfig
    interpreter: Interpreter
    sandbox: Sandbox
    limits: Limits
    services: tuple[NeededService, ...]
    plan: TestPlan | None
    extra_args: tuple[str, ...]
    note: Callable[[str], None]

    def run(self, paths: tuple[str, ...], *, watch: bool = False, overlay: Mapping[str, bytes] = {},
            limits: Limits | None = None, label: str = "run") -> ProjectRun:
        """Run the tests in `paths` (files, folders or node ids, relative to the project's root).

        `overlay` are files whose content replaces the copy's for this run. Nothing of a run is left for the next.
        Raises UsageProblem for a path that is not there, and what `run_tests` raises.
        """
        if not paths:
            raise ValueError("there is nothing to run")
        for path in paths:
            file = path.partition("::")[0]
            if not (self.copy.tree / file).exists() and file not in overlay:
                raise UsageProblem(f"There is no {file} in {self.copy.root}.", "Give paths of tests in that folder.")
        with self.copy.changed(overlay) as tree:
            run = run_tests(
                self.sandbox, tree, self.target, self.interpreter, paths, limits or self.limits, label,
                self.copy.scratch, extra_args=self.extra_args, watch=watch, services=self.services)
        for service in run.seen.services:
            if not service.answered:
                said = f" ({service.said})" if service.said else ""
                self.note(f"{service.name} does not answer at {service.address}{said}: tests that need it are not run.")
        product = product_globs(self.target)
        needs = tuple(ServiceNeed(name=each.name, address=each.address) for each in self.services)
        return ProjectRun(
            run=run, outcomes=outcomes_of(run, self.plan.tests if self.plan else (), product, needs),
            doubts=tuple(doubts_about(run)), product=product, sandbox=self.sandbox.name, warning=self.sandbox.warning)


@contextlib.contextmanager
def open_project(
    root: Path, paths: tuple[str, ...], config: BotConfig | None = None, *, implementation: tuple[str, ...] = (),
    sandbox: SandboxKind | None = None, limits: Limits | None = None, plan: TestPlan | None = None,
    environ: Mapping[str, str] | None = None, note: Callable[[str], None] = lambda _text: None,
) -> Iterator[Project]:
    """Copy a project to a temporary folder, and find the Python and the sandbox for its tests.

    `root` is the project's folder, for which `config` (its bot.toml) was written; `paths` are the tests meant,
    `implementation` the paths or globs of product code, all relative to `root`. Without `implementation` product code
    is what the target says, else all Python files that are no tests. Limits are those of bot.toml, else 120 s a run.
    `environ` is the bot's own environment. Raises TargetSetupFailed without a Python that has pytest, SandboxProblem
    where no allowed sandbox works, ConfigProblem when a file cannot be read.
    """
    config, environ, root = config or BotConfig(), os.environ if environ is None else environ, root.resolve()
    box = sandbox_for(sandbox or config.sandbox.kind, environ, config.sandbox.image)
    wanted = tuple(path.partition("::")[0] for path in paths)
    target = target_for(config, wanted)
    if target is not None and "python" in target.model_fields_set:
        interpreter = find_interpreter(target.python, root / target.root, root)
    else:
        interpreter = find_python(root, environ)
    if target is None:
        target = TargetConfig(
            tests=_test_folders(root, wanted), suite=(), pythonpath=_import_folders(root, interpreter))
    if implementation:
        target = target.model_copy(update={"code": tuple(within(target, glob) for glob in implementation)})
    with WorkingCopy(root, (*wanted, *(path for path in implementation if (root / path).exists()))) as copy:
        note(f"{counted(len(copy.files), 'file')} copied; Python is {interpreter.program}, the sandbox {box.name}.")
        if box.warning:
            note(box.warning)
        yield Project(
            copy=copy, target=target, interpreter=interpreter, sandbox=box, limits=limits or config.limits, plan=plan,
            services=needed_services(config.service, plan), extra_args=without_plugins(interpreter), note=note)


def run_project(
    root: Path, paths: tuple[str, ...], config: BotConfig | None = None, *, implementation: tuple[str, ...] = (),
    sandbox: SandboxKind | None = None, watch: bool = False, overlay: Mapping[str, bytes] = {},
    limits: Limits | None = None, plan: TestPlan | None = None, environ: Mapping[str, str] | None = None,
    note: Callable[[str], None] = lambda _text: None,
) -> ProjectRun:
    """Run a project's tests once: `open_project` and `Project.run` in one, with what they take and raise."""
    with open_project(root, paths, config, implementation=implementation, sandbox=sandbox, limits=limits, plan=plan,
                      environ=environ, note=note) as project:
        return project.run(paths, watch=watch, overlay=overlay)


def target_for(config: BotConfig, paths: tuple[str, ...]) -> TargetConfig | None:
    """The target of bot.toml that all of these paths belong to, the innermost one; None when there is none."""
    fitting = [target for target in config.target.values()
               if all(target.root == "." or f"{path}/".startswith(f"{target.root}/") for path in paths)]
    return max(fitting, key=lambda target: 0 if target.root == "." else len(target.root), default=None)


def within(target: TargetConfig, glob: str) -> str:
    """A path or glob relative to the project as one relative to the target's root."""
    glob = glob.rstrip("/").removeprefix("./") or "."
    return glob if target.root == "." else os.path.relpath(glob, target.root)


def without_plugins(interpreter: Interpreter) -> tuple[str, ...]:
    """What pytest is told so that its plugins do not get in the way.

    Coverage would be the tracer in our place and may fail a run that passes; an order that is drawn hides another.
    """
    return (*(("--no-cov",) if has_plugin(interpreter, "pytest_cov") else ()),
            *(("-p", "no:randomly") if has_plugin(interpreter, "pytest_randomly") else ()))


def sandbox_for(kind: SandboxKind, environ: Mapping[str, str], image: str) -> Sandbox:
    """The sandbox of that kind. Raises SandboxProblem where it does not work, with what else may be asked for."""
    try:
        return choose_sandbox(kind, demo=False, env=environ, image=image)
    except SandboxProblem as problem:
        if kind == "process" or environ.get("GITHUB_ACTIONS", "").lower() == "true":
            raise
        raise SandboxProblem(problem.what, f"{problem.remedy} {_WITHOUT_WALLS}") from problem


def _test_folders(root: Path, paths: tuple[str, ...]) -> tuple[str, ...]:
    """What is no product code although it is Python: the paths themselves, and folders that are called tests."""
    found = dict.fromkeys(_TEST_FOLDERS)
    for path in paths:
        clean = os.path.normpath(path)
        if clean != "." and not clean.startswith(".."):
            found |= dict.fromkeys((clean,))
            found |= dict.fromkeys(str(above) for above in Path(clean).parents if above.name in _TEST_FOLDERS)
    return tuple(path for path in found if (root / path).exists()) or _TEST_FOLDERS[:1]


def _import_folders(root: Path, interpreter: Interpreter) -> tuple[str, ...]:
    usual = (".", "src") if (root / "src").is_dir() else (".",)
    return tuple(dict.fromkeys((*usual, *editable(interpreter, root))))
