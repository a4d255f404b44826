"""Running trials: a commit's tests under the probe, several at a time, and none again that was complete."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from pydantic import ValidationError

from bot.audit.kinds import outcomes_of
from bot.audit.outcomes.wording import why_not_begun
from bot.domain.base import Frozen
from bot.domain.config import Limits, ServiceConfig, TargetConfig
from bot.domain.errors import TargetSetupFailed
from bot.domain.plan import ServiceNeed, TestPlan
from bot.domain.suite import Ended, Observation, Outcome, Ran, SuiteResult
from bot.logs.redact import redact
from bot.ports import Sandbox, Workspace
from bot.probe.launch import Interpreter, needed_services, product_globs, run_tests, within_root
from bot.proof.trials import Trial
from bot.steps.believing import doubts_about
from bot.steps.showing import observation_shown, quotes_of, redacted, redacted_outcomes

Predict = Callable[[tuple[Outcome, ...], tuple[Observation, ...]], tuple[Outcome, ...]]


class _Kept(Frozen):
    """What is kept of a complete trial, so that an interrupted proof does not repeat it."""

    digest: str
    ran: Ran


@dataclass(frozen=True)
class _Done:
    """What a trial left, before anything of it is kept."""

    ran: Ran
    junit: bytes | None
    output: bytes


@dataclass(frozen=True, eq=False)
class Bench:
    """Where trials are run: the `Lab` of a cycle and of `bot prove`.

    `read_only` are folders that the interpreter needs beside its own. The outcomes of new tests are held to the `plan`;
    `predict` may call further failures of theirs predicted. `keep` stores a file for good and `kept` gives it back,
    None when it is not there: what was complete before an interruption. `workers` trials run at a time.
    """

    repository: Workspace
    sandbox: Sandbox
    target: TargetConfig
    interpreter: str | Interpreter
    limits: Limits
    scratch: Path
    keep: Callable[[str, bytes], object]
    kept: Callable[[str], bytes | None]
    tell: Callable[[str], None]
    plan: TestPlan | None = None
    services: Mapping[str, ServiceConfig] = field(default_factory=dict)
    read_only: tuple[Path, ...] = ()
    extra_args: tuple[str, ...] = ()
    workers: int = 1
    predict: Predict = lambda outcomes, _seen: outcomes

    def note(self, text: str) -> None:
        """Tell a person what is going on."""
        self.tell(text)

    def run(self, trials: Sequence[Trial], *, alone: bool = False) -> list[Ran]:
        """Run each trial that is not kept, classify its outcomes, and keep JUnit XML, output and result.

        The services of bot.toml and of the plan are probed first, and started where bot.toml says how; tests that
        need one that does not answer are not begun. Raises TargetSetupFailed when the target's environment does not
        work, SandboxProblem when the sandbox does not.
        """
        if any(not trial.tests for trial in trials):
            # Given nothing, pytest would look for tests everywhere.
            raise ValueError("there is nothing to run")
        found = {trial.label: ran for trial in trials if (ran := self._known(trial)) is not None}
        if found:
            self.note(f"{len(found)} of {len(trials)} runs were complete before")
        waiting = [trial for trial in trials if trial.label not in found]
        for trial, done in self._all(waiting, 1 if alone else self.workers):
            self._keep(trial, done)
            found[trial.label] = done.ran
            for why in why_not_begun(done.ran.result.outcomes):
                self.note(f"tests are not begun: {why}")
        return [found[trial.label] for trial in trials]

    def _all(self, trials: Sequence[Trial], workers: int) -> Iterator[tuple[Trial, _Done]]:
        """Run trials, at most `workers` at a time; each is given as soon as it is done."""
        if workers <= 1 or len(trials) <= 1:
            for trial in trials:
                yield trial, self._one(trial)
            return
        waiting: SimpleQueue[Trial] = SimpleQueue()
        ended: SimpleQueue[tuple[Trial, _Done | BaseException]] = SimpleQueue()
        for trial in trials:
            waiting.put(trial)
        # Daemons, so that Ctrl-C ends the process at once: with it go the lifelines of what runs in a sandbox.
        threads = [Thread(target=self._work, args=(waiting, ended), name=f"trial-{number}", daemon=True)
                   for number in range(min(workers, len(trials)))]
        for thread in threads:
            thread.start()
        try:
            for _ in trials:
                trial, done = ended.get()
                if isinstance(done, BaseException):
                    raise done
                yield trial, done
        except BaseException as error:
            _drain(waiting)
            if isinstance(error, Exception):
                for thread in threads:
                    thread.join()
            raise

    def _work(self, waiting: SimpleQueue[Trial], ended: SimpleQueue[tuple[Trial, _Done | BaseException]]) -> None:
        while (trial := _next(waiting)) is not None:
            try:
                ended.put((trial, self._one(trial)))
            except BaseException as error:  # noqa: BLE001 - raised where the trials are waited for
                ended.put((trial, error))

    # one trial; nothing in it is shared with the others

    def _one(self, trial: Trial) -> _Done:
        place = self.scratch / trial.label
        shutil.rmtree(place, ignore_errors=True)
        tree, scratch = place / "tree", place / "scratch"
        self.repository.export(trial.commit, tree)
        scratch.mkdir()
        for path, content in trial.changes.items():
            _write(tree / path, content)
        plan = self.plan if trial.suite == "new" else None
        try:
            return self._ran(trial, tree, scratch, plan)
        except TargetSetupFailed as problem:
            if trial.role != "base":
                # On base it starts, so it is the change that keeps it from starting.
                return self._broken(trial, redact(problem.what))
            # It quotes what was printed.
            raise TargetSetupFailed(redact(problem.what), redact(problem.remedy)) from None
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _ran(self, trial: Trial, tree: Path, scratch: Path, plan: TestPlan | None) -> _Done:
        run = run_tests(
            self.sandbox, tree, self.target, self.interpreter, trial.tests, self._limits(trial), trial.label, scratch,
            read_only=self.read_only, watch=trial.watch, services=needed_services(self.services, plan),
            extra_args=(*self.extra_args, *(f"--ignore={within_root(self.target, path)}" for path in trial.ignored)),
            seed=trial.seed, pressure=trial.pressure, stops=trial.stops,
        )
        shown = redacted(run)
        needs = declared_services(self.services, plan)
        true, said = (
            outcomes_of(each, plan.tests if plan else (), product_globs(self.target), needs) for each in (run, shown)
        )
        outcomes = redacted_outcomes(true, said, quotes_of(run, shown))
        observations = tuple(observation_shown(seen) for seen in shown.observations)
        if trial.suite == "new":
            outcomes = self.predict(outcomes, observations)
        # A run that is ended at its first failure has nothing to say of the others.
        doubts = () if trial.stops else tuple(doubts_about(run))
        result = SuiteResult(
            label=trial.label, tree=self.repository.tree(trial.commit), command=redact(run.command),
            ended=run.completed.ended, exit_code=run.completed.exit_code, outcomes=outcomes, doubts=doubts,
            duration_s=run.completed.duration_s, log=f"logs/{trial.label}.txt",
            seed=trial.seed, pressure=trial.pressure,
            junit=f"junit/{trial.label}.xml" if run.junit is not None else "",
            note="; ".join(filter(None, (redact(shown.complaint), *why_not_begun(outcomes), *doubts))),
        )
        junit = None if run.junit is None else redact(run.junit.decode("utf-8", "replace")).encode()
        return _Done(Ran(result=result, observations=observations), junit,
                     shown.completed.output.encode("utf-8", "replace"))

    def _limits(self, trial: Trial) -> Limits:
        seconds = self.limits.seconds if trial.seconds is None else min(self.limits.seconds, trial.seconds)
        return self.limits.model_copy(update={"seconds": seconds})

    def _broken(self, trial: Trial, what: str) -> _Done:
        """A tree in which pytest does not even start: red, if nothing else."""
        result = SuiteResult(
            label=trial.label, tree=self.repository.tree(trial.commit), command="", ended=Ended.EXITED, exit_code=4,
            outcomes=(), duration_s=0.0, note=what, log=f"logs/{trial.label}.txt",
        )
        return _Done(Ran(result=result), None, f"{what}\n".encode())

    # what was complete before

    def _known(self, trial: Trial) -> Ran | None:
        content = self.kept(_kept_as(trial))
        if content is None:
            return None
        try:
            kept = _Kept.model_validate_json(content)
        except ValidationError:
            return None
        if kept.digest != self._digest(trial):
            return None
        result = kept.ran.result
        for name in filter(None, (result.junit, result.log)):
            left = self.kept(name)
            if left is None:
                return None
            self.keep(name, left)
        self.keep(_kept_as(trial), content)
        return kept.ran

    def _keep(self, trial: Trial, done: _Done) -> None:
        result = done.ran.result
        if done.junit is not None and result.junit:
            self.keep(result.junit, done.junit)
        self.keep(result.log, done.output)
        # The last: where it is, the others are.
        kept = _Kept(digest=self._digest(trial), ran=done.ran)
        self.keep(_kept_as(trial), kept.model_dump_json().encode())

    def _digest(self, trial: Trial) -> str:
        """What a trial's result depends on."""
        changes = {path: None if content is None else hashlib.sha256(content).hexdigest()
                   for path, content in sorted(trial.changes.items())}
        told = [
            trial.model_dump(mode="json", exclude={"changes"}), changes, self.target.model_dump(mode="json"),
            self.limits.model_dump(mode="json"), self.plan.model_dump(mode="json") if self.plan else None,
            {name: service.model_dump(mode="json") for name, service in self.services.items()},
            self.sandbox.name, self.extra_args,
        ]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _next(waiting: SimpleQueue[Trial]) -> Trial | None:
    try:
        return waiting.get_nowait()
    except Empty:
        return None


def _drain(waiting: SimpleQueue[Trial]) -> None:
    while _next(waiting) is not None:
        pass


def _kept_as(trial: Trial) -> str:
    return f"runs/{trial.label}.json"


def _write(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def declared_services(declared: Mapping[str, ServiceConfig], plan: TestPlan | None) -> tuple[ServiceNeed, ...]:
    """The services that bot.toml and the plan declare; what bot.toml says of one goes before what the plan says."""
    planned = {need.name: need for need in (plan.services if plan else ())}
    ours = {name: ServiceNeed(name=name, address=service.address) for name, service in declared.items()}
    return tuple({**planned, **ours}.values())
