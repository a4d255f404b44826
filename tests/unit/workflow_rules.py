"""What must hold of every workflow, read from its text: one function a rule, each complaint names the place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from bot.app import SETUP_ENV

ROOT = Path(__file__).parents[2]
ACTION = ".github/actions/install/action.yml"
WRITERS = frozenset({"contents", "issues", "pull-requests", "checks", "actions", "id-token"})
WHILE_STOPPED = re.compile(r"\balways\(\)")
MODEL_KEY = "ANTHROPIC_API_KEY"
PUBLISHING_KEYS = ("WHYBOT_APP_KEY", "WHYBOT_NOTIFY_URL", "WHYBOT_NOTIFY_SECRET")
"""What only the job that publishes needs."""
CYCLES = "whybot-cycle-${{ github.repository }}"
RUN_BOT = 'exec "$RUNNER_TEMP/whybot/bin/run-bot" '


@dataclass(frozen=True)
class Job:
    file: str
    name: str
    body: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.file}: {self.name}"

    @property
    def calls(self) -> str:
        """The workflow that it calls, if it is of that kind."""
        return str(self.body.get("uses", ""))

    @property
    def steps(self) -> list[Mapping[str, Any]]:
        return list(self.body.get("steps", []))

    @property
    def rights(self) -> Mapping[str, str]:
        given = self.body.get("permissions", {})
        return given if isinstance(given, dict) else {"everything": str(given)}

    @property
    def text(self) -> str:
        return json.dumps(self.body)

    @property
    def scripts(self) -> str:
        return "\n".join(str(step.get("run", "")) for step in self.steps)

    @property
    def has_a_key(self) -> bool:
        """Whether the model's key or an identity at a cloud is here."""
        return f"secrets.{MODEL_KEY}" in self.text or "google-github-actions/auth" in self.text or (
            "id-token" in self.rights)

    @property
    def publishes_a_cycle(self) -> bool:
        """Whether more than an answer is published here, and so the ledger written."""
        return any('run-bot" publish ' in line and "--only-reply" not in line
                   for line in self.scripts.replace("\\\n", " ").splitlines())

    @property
    def runs_generated_code(self) -> bool:
        """Whether code of the model's, or of a pull request, runs here."""
        sandboxed = any(str(step.get("with", {}).get("sandbox", "")).lower() == "true" for step in self.steps)
        running = re.search(r"\bcycle\b|actions work|\bprove\b|\bresume\b|\bretry\b", self.scripts)
        return sandboxed or running is not None


@dataclass(frozen=True)
class File:
    """A workflow, or the action that installs the bot."""

    path: str
    text: str

    @cached_property
    def body(self) -> Mapping[str, Any]:
        # Without YAML's own types, so that `on` is no truth value.
        found = yaml.load(self.text, Loader=yaml.CBaseLoader)
        assert isinstance(found, dict)
        return found

    @property
    def is_action(self) -> bool:
        return "runs" in self.body

    @property
    def jobs(self) -> list[Job]:
        return [Job(self.path, name, body) for name, body in self.body.get("jobs", {}).items()]

    @property
    def scripts(self) -> Iterator[str]:
        for job in self.jobs:
            yield from (str(step["run"]) for step in job.steps if "run" in step)
        if self.is_action:
            yield from (str(step["run"]) for step in self.body["runs"]["steps"] if "run" in step)


def own_files() -> dict[str, File]:
    """The workflows of this repository and its action, by path."""
    paths = [*sorted((ROOT / ".github/workflows").glob("*.y*ml")), ROOT / ACTION]
    return {path.relative_to(ROOT).as_posix(): File(path.relative_to(ROOT).as_posix(), path.read_text())
            for path in paths}


Files = Mapping[str, File]
Rule = Callable[[Files], Iterator[str]]


def workflows(files: Files) -> Iterator[File]:
    return (file for file in files.values() if not file.is_action)


def jobs(files: Files) -> Iterator[Job]:
    for file in workflows(files):
        yield from file.jobs


def nothing_is_inherited(files: Files) -> Iterator[str]:
    """The token may do what a job names, nothing else: no default of the repository, none of the workflow."""
    for file in workflows(files):
        if file.body.get("permissions") != {}:
            yield f"{file.path}: permissions are not {{}} for the whole"
    for job in jobs(files):
        if not isinstance(job.body.get("permissions"), dict) or not job.rights:
            yield f"{job}: names no permissions of its own"
        if unknown := set(job.rights) - WRITERS:
            yield f"{job}: {unknown} is nothing that a job here needs"


def who_has_a_key_or_runs_code_does_not_write(files: Files) -> Iterator[str]:
    for job in jobs(files):
        if job.calls or not (job.has_a_key or job.runs_generated_code):
            continue
        for name, right in job.rights.items():
            if right == "write" and name != "id-token":
                yield f"{job}: has a key or runs generated code, and could write {name}"
        for secret in set(re.findall(r"secrets\.(\w+)", job.text)) - {MODEL_KEY}:
            yield f"{job}: has a key or runs generated code, and holds {secret}"
        for secret in re.findall(r"secrets\s*\[|toJSON\(\s*secrets", job.text):
            yield f"{job}: {secret} may be any secret"


def who_writes_has_no_key_and_runs_no_code(files: Files) -> Iterator[str]:
    for job in jobs(files):
        writes = [name for name, right in job.rights.items() if right == "write" and name != "id-token"]
        if job.calls or not writes:
            continue
        if job.has_a_key or job.runs_generated_code:
            yield f"{job}: writes {', '.join(writes)}, and has a key or runs generated code"
        for line in job.scripts.splitlines():
            if "whybot/bin" in line and re.search(r"run-bot\" (publish|actions (gate|stop|react))\b", line) is None:
                yield f"{job}: writes, and runs {line.strip()}"


def nobody_but_the_two_jobs_has_secrets(files: Files) -> Iterator[str]:
    """Secrets stand in the environment of the one step that needs them."""
    for file in files.values():
        if "secrets." in str(file.body.get("env", "")):
            yield f"{file.path}: a secret is in everybody's environment"
    for job in jobs(files):
        if "secrets." in str(job.body.get("env", "")) or "github.token" in str(job.body.get("env", "")):
            yield f"{job}: a secret is in every step's environment"
        for step in job.steps:
            if "secrets." in str(step.get("with", "")) or "secrets." in str(step.get("if", "")):
                yield f"{job}: a secret is given to {step.get('name')}"
            if "secrets." in str(step.get("env", "")) and RUN_BOT not in str(step.get("run", "")):
                yield f"{job}: a secret is in the environment of {step.get('name')}"


def no_variable_is_one_that_the_sandbox_lets_through(files: Files) -> Iterator[str]:
    """What bot/app.py passes on to the target's set-up commands, which run in the sandbox, is never a secret's name."""
    for job in jobs(files):
        for place in (job.body, *job.steps):
            for name, value in place.get("env", {}).items() if isinstance(place.get("env"), dict) else ():
                if name.startswith(SETUP_ENV) and "${{" in str(value):
                    yield f"{job}: {name} would reach the sandbox"


def actions_are_pinned(files: Files) -> Iterator[str]:
    for file in files.values():
        for line in file.text.splitlines():
            used = re.match(r"\s*(?:- )?uses:\s*(?P<what>.*)", line)
            if used is None or used["what"].startswith("$/.github/"):
                continue
            if re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used["what"]) is None:
                yield f"{file.path}: {used['what']} is not pinned by a commit, with its version beside it"


def no_expression_in_a_script(files: Files) -> Iterator[str]:
    """Whatever its value, an expression becomes part of the program there."""
    for file in files.values():
        for script in file.scripts:
            if "${{" in script:
                yield f"{file.path}: an expression in `run`: {script.strip()[:60]}"
        for job in file.jobs:
            if re.search(r"\$\{\{[^}]*github\.event\.(?!comment\.id\b|repository\.default_branch\b)", job.text):
                yield f"{job}: takes text of the event out of the event"


def nothing_lasts_beyond_a_step(files: Files) -> Iterator[str]:
    """No script writes variables or paths for the steps after it, where text of others could end up."""
    for file in files.values():
        for script in file.scripts:
            if re.search(r"GITHUB_(ENV|PATH|STATE)\b|::set-env|::add-path", script):
                yield f"{file.path}: {script.strip()[:60]} writes for the steps after it"


def the_bot_says_no_workflow_command(files: Files) -> Iterator[str]:
    """All but the audit, whose annotations are commands, runs where commands are switched off."""
    for job in jobs(files):
        for line in job.scripts.splitlines():
            quiet = RUN_BOT in f"{line.strip()} " or RUN_BOT in line
            if "whybot/bin/" in line and not quiet and job.file != ".github/workflows/audit.yml":
                yield f"{job}: {line.strip()[:60]} is not run by run-bot"


def no_trigger_gives_strangers_a_secret(files: Files) -> Iterator[str]:
    for file in workflows(files):
        on = file.body.get("on", {})
        events = {on} if isinstance(on, str) else set(on)
        for event in events & {"pull_request_target", "workflow_run"}:
            yield f"{file.path}: runs on {event}"
        if "issue_comment" in events and on["issue_comment"] != {"types": ["created"]}:
            yield f"{file.path}: runs on more than new comments"
        if "pull_request" in events and re.search(r"secrets\.|id-token|: write", file.text):
            yield f"{file.path}: runs on pull requests, and has something to lose"


def no_credential_stays_in_a_checkout(files: Files) -> Iterator[str]:
    for job in jobs(files):
        for step in job.steps:
            kept = step.get("with", {}).get("persist-credentials")
            if "actions/checkout@" in str(step.get("uses")) and kept != "false":
                yield f"{job}: the checkout keeps the token"


def no_secret_is_handed_on_unnamed(files: Files) -> Iterator[str]:
    for job in jobs(files):
        given = job.body.get("secrets", {})
        if not isinstance(given, dict) or set(given) - {MODEL_KEY, *PUBLISHING_KEYS}:
            yield f"{job}: hands on {given}"


def the_gate_has_neither_checkout_nor_model(files: Files) -> Iterator[str]:
    gates = [job for job in jobs(files) if job.name == "gate"]
    if not gates:
        yield "there is no gate"
    for job in gates:
        if job.has_a_key or job.runs_generated_code or "secrets." in job.text:
            yield f"{job}: has a model"
        if any("checkout" in str(step.get("uses")) for step in job.steps) or re.search(r"\bgit\b", job.scripts):
            yield f"{job}: has a checkout"
        if "contents" in job.rights or len(job.steps) != 2:
            yield f"{job}: does more than decide"
        behind = [other for other in jobs(files) if other.file == job.file and other.name != job.name]
        for other in behind:
            needs = other.body.get("needs", [])
            condition = str(other.body.get("if", ""))
            if "gate" not in ([needs] if isinstance(needs, str) else needs) or "needs." not in condition:
                yield f"{other}: does not wait for the gate"


def every_job_ends(files: Files) -> Iterator[str]:
    for job in jobs(files):
        if not job.calls and not 0 < int(job.body.get("timeout-minutes", 0)) <= 360:
            yield f"{job}: may run for hours"
        if not job.calls and job.body.get("runs-on") != "ubuntu-24.04":
            yield f"{job}: may run on {job.body.get('runs-on')}"


def runs_of_people_are_never_cancelled(files: Files) -> Iterator[str]:
    for place, given in _groups(files):
        if "pull_request" in str(given.get("group")) or place.partition(":")[0].endswith(("ci.yml", "audit.yml")):
            continue
        if given.get("cancel-in-progress") != "false":
            yield f"{place}: cancels what runs"
        if "github.event.comment.id" not in str(given.get("group")) and given.get("queue") != "max":
            yield f"{place}: cancels what waits"
    for job in jobs(files):
        own = [given for place, given in _groups(files) if place in {job.file, str(job)}]
        if job.runs_generated_code and not own:
            yield f"{job}: may run beside itself"


def _groups(files: Files) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for file in workflows(files):
        if "concurrency" in file.body:
            yield file.path, file.body["concurrency"]
        for job in file.jobs:
            if "concurrency" in job.body:
                yield str(job), job.body["concurrency"]


def what_is_kept_is_kept_after_a_failure_and_not_for_long(files: Files) -> Iterator[str]:
    for job in jobs(files):
        for step in job.steps:
            if "upload-artifact" not in str(step.get("uses")):
                continue
            if WHILE_STOPPED.search(str(step.get("if"))) is None:
                yield f"{job}: {step['name']} is left out after a failure"
            if not 0 < int(step["with"].get("retention-days", 0)) <= 7:
                yield f"{job}: {step['name']} keeps it for long"
        if job.name == "publish" and WHILE_STOPPED.search(str(job.body.get("if"))) is None:
            yield f"{job}: is left out after a failure"


def no_cache_is_shared(files: Files) -> Iterator[str]:
    """The job with the model leaves nothing where a job with a write token would pick it up."""
    for file in workflows(files):
        if any(job.runs_generated_code for job in file.jobs) and file.body.get("cache-mode") != "none":
            yield f"{file.path}: may use caches"


def callers_grant_what_is_needed_and_no_more(files: Files) -> Iterator[str]:
    for job in jobs(files):
        target = _called(files, job)
        if target is None:
            continue
        needed: dict[str, str] = {}
        for inner in target.jobs:
            for name, right in inner.rights.items():
                needed[name] = "write" if "write" in {right, needed.get(name)} else right
        if dict(job.rights) != needed:
            yield f"{job}: grants {dict(job.rights)}, and {target.path} needs {needed}"
        call = target.body["on"]["workflow_call"]
        for kind, given in (("inputs", job.body.get("with", {})), ("secrets", job.body.get("secrets", {}))):
            if unknown := set(given) - set(call.get(kind, {})):
                yield f"{job}: {target.path} has no {kind} {unknown}"
            needed_of = {name for name, one in call.get(kind, {}).items() if one.get("required") == "true"}
            if missing := needed_of - set(given):
                yield f"{job}: {target.path} is not given its {kind} {missing}"


def _called(files: Files, job: Job) -> File | None:
    """The workflow that a job calls."""
    found = re.search(r"\.github/workflows/[\w-]+\.yml", job.calls)
    return files[found.group()] if found else None


def cycles_go_on_one_by_one_until_they_are_published(files: Files) -> Iterator[str]:
    """What is spent and in work is known to the next only once it is in the ledger, so one group holds both jobs.

    Whoever calls such a workflow is not in the group: it would wait for itself, and GitHub cancels that.
    """
    for file in workflows(files):
        parts = [job for job in file.jobs if not job.calls and (job.has_a_key or job.publishes_a_cycle)]
        if not parts:
            continue
        if file.body.get("concurrency", {}).get("group") != CYCLES:
            yield f"{file.path}: the next may begin before this one is published"
        for about in ("has_a_key", "publishes_a_cycle"):
            if not any(getattr(job, about) for job in parts):
                yield f"{file.path}: no job of it {about}, so its group is not around all of a cycle"
    for place, given in _groups(files):
        if given.get("group") != CYCLES:
            continue
        for job in jobs(files):
            within = place in {str(job), job.file}
            target = _called(files, job) if within else None
            if target is not None and CYCLES in _groups_within(files, target):
                yield f"{place}: waits for itself in {target.path}"
            if within and place == str(job) and not job.calls:
                yield f"{place}: only one job of a cycle is in the group"


def _groups_within(files: Files, file: File) -> set[str]:
    """The groups of a workflow, of its jobs and of whatever it calls."""
    found = {str(given.get("group")) for place, given in _groups({file.path: file})}
    for job in file.jobs:
        if (target := _called(files, job)) is not None:
            found |= _groups_within(files, target)
    return found


RULES: tuple[Rule, ...] = (
    nothing_is_inherited, who_has_a_key_or_runs_code_does_not_write, who_writes_has_no_key_and_runs_no_code,
    nobody_but_the_two_jobs_has_secrets, no_variable_is_one_that_the_sandbox_lets_through, actions_are_pinned,
    no_expression_in_a_script, nothing_lasts_beyond_a_step, the_bot_says_no_workflow_command,
    no_trigger_gives_strangers_a_secret, no_credential_stays_in_a_checkout, no_secret_is_handed_on_unnamed,
    the_gate_has_neither_checkout_nor_model, every_job_ends, runs_of_people_are_never_cancelled,
    what_is_kept_is_kept_after_a_failure_and_not_for_long, no_cache_is_shared,
    callers_grant_what_is_needed_and_no_more, cycles_go_on_one_by_one_until_they_are_published,
)
