"""A runner of GitHub Actions: runs the jobs of a workflow file, each with a token that may do what the file gives it.

The scripts are those of the file and run in bash with the variables and files that GitHub's runner sets; actions are
stood in for by what they come to here (a clone without credentials, an artifact that is copied, the bot of this tree).
Whatever the file says that this does not know is an error.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.warm import Warm
from tests.fakes.actions_expressions import condition, filled, value
from tests.fakes.github_api import GitHub, actions_token

ROOT = Path(__file__).parents[2]
WARM = Warm()
_ACTIONS = ("actions/checkout@", "actions/upload-artifact@", "actions/download-artifact@", "$/.github/actions/install")

_BOT = '''#!{python} -SE
import json, os, socket, sys
talk = socket.socket(socket.AF_UNIX)
talk.connect({address!r})
with talk.makefile("rw", encoding="utf-8") as stream:
    stream.write(json.dumps({{"arguments": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ)}}) + "\\n")
    stream.flush()
    code, out, err = json.loads(stream.readline())
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(code)
'''
_GH = '''#!{python} -SE
import json, os, sys, urllib.request
assert sys.argv[1] == "api" and sys.argv[3] == "--jq" and sys.argv[4].startswith("."), sys.argv
request = urllib.request.Request(os.environ["GITHUB_API_URL"] + "/" + sys.argv[2])
request.add_header("Authorization", "Bearer " + os.environ["GH_TOKEN"])
print(json.dumps(json.load(urllib.request.urlopen(request))[sys.argv[4][1:]]))
'''


@dataclass
class Ended:
    """How a job went. `result` is success, failure or skipped."""

    result: str
    outputs: dict[str, str] = field(default_factory=dict)
    log: str = ""
    summary: str = ""


class Bot:
    """The installed command: what a script starts is passed on to a Python that has loaded the bot already."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "s")
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(self.address)
        self._listening.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        # A connection without a word ends it.
        with socket.socket(socket.AF_UNIX) as talk:
            talk.connect(self.address)
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        while True:
            talk, _ = self._listening.accept()
            with talk, talk.makefile("rw", encoding="utf-8") as stream:
                line = stream.readline()
                if not line:
                    return
                asked = json.loads(line)
                env = {"PYTHONPATH": str(ROOT), **asked["env"]}
                code, out, err = WARM.run(tuple(asked["arguments"]), Path(asked["cwd"]), env, None, 120)
                stream.write(json.dumps([code, out.decode(), err.decode()]) + "\n")


class Run:
    """One run of a workflow for an event, in a folder that it shares with the repository's other runs.

    `groups` says which run is in which concurrency group of the repository.
    """

    def __init__(
        self, hub: GitHub, runs: Path, file: Path, bot: Bot, *, event: str, payload: Mapping[str, Any],
        inputs: Mapping[str, Any] | None = None, secrets: Mapping[str, str] | None = None, number: int = 1,
        groups: dict[str, Run] | None = None,
    ) -> None:
        self.folder = runs / f"run-{number}"
        self.file = file
        self.jobs: dict[str, Ended] = {}
        self.artifacts = self.folder / "artifacts"
        self.tokens: dict[str, str] = {}
        self.groups = {} if groups is None else groups
        self._hub = hub
        self._bot = bot
        self._event = event
        self._payload = payload
        self._number = number
        self._whole = _Workflow(self, file, inputs or {}, secrets or {})
        self.folder.mkdir()
        self.artifacts.mkdir()
        (self.folder / "event.json").write_text(json.dumps(payload))

    def go(self) -> dict[str, Ended]:
        """Run every job whose condition holds, in the order of their needs; return how each ended.

        A job of a called workflow is named as GitHub does it, after the call and a slash.
        """
        for moved in self.turns():
            assert moved, "it waits for itself, or for a run that does not go on"
        return self.jobs

    def turns(self) -> Iterator[bool]:
        """As `go`, job by job: True after each, False where it has to wait for another run."""
        return self._whole.turns()

    @contextlib.contextmanager
    def within(self, group: str) -> Iterator[None]:
        """Be in a group that is free. A run that is in it already would wait for ever."""
        assert self.groups.setdefault(group, self) is self
        yield
        del self.groups[group]

    def is_free(self, group: str) -> bool:
        """Whether no other run is in a group. Fails for the run itself, whom GitHub cancels then."""
        assert self.groups.get(group) is not self, f"{group}: waits for itself"
        return group not in self.groups

    def artifacts_of(self, number: str) -> Path:
        """The artifacts of a run of the same repository."""
        return self.folder.parent / f"run-{number}" / "artifacts"

    def again(self, name: str) -> Ended:
        """Run one job again, as people do with those that failed."""
        shutil.rmtree(self.folder / name)
        self.jobs[name] = self._whole.ended[name] = self._whole.job(name)
        return self.jobs[name]

    def github(self, token: str = "") -> dict[str, Any]:
        """The context of that name."""
        return {
            "event_name": self._event, "event": self._payload, "repository": self._hub.full_name, "token": token,
            "server_url": self._hub.url, "api_url": self._hub.url, "run_attempt": 1, "ref": "refs/heads/main",
        }

    def job(self, name: str, job: Mapping[str, Any], contexts: dict[str, Any]) -> Ended:
        """Run one job, with a token that ends with it."""
        number = self._number * 100 + len(self.jobs)
        token = f"token-of-{self.file.stem}-{name.replace(' / ', '-')}-{number}"
        rights = {right.replace("-", "_"): how for right, how in job["permissions"].items() if right != "id-token"}
        self._hub.tokens[token] = actions_token(**rights)
        self.tokens[name] = token
        temp = self.folder / name.replace(" / ", "-") / "temp"
        contexts = {
            **contexts, "github": self.github(token), "steps": {}, "status": "success",
            "runner": {"temp": str(temp), "environment": "github-hosted"},
            "job": {"check_run_id": number, "workflow_repository": "acme/whybot", "workflow_sha": 40 * "a"},
        }
        ended = _Job(self, name.rpartition(" / ")[2], job, contexts, temp, self._bot, self._hub).go()
        ended.outputs = {key: filled(text, contexts) for key, text in job.get("outputs", {}).items()}
        # As GitHub's is: good for the job alone.
        del self._hub.tokens[token]
        return ended

    def environment(self, temp: Path, workspace: Path, job: str) -> dict[str, str]:
        """What the runner sets for every step."""
        return {
            "CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_API_URL": self._hub.url, "GITHUB_EVENT_NAME": self._event,
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"), "GITHUB_JOB": job, "GITHUB_REF": "refs/heads/main",
            "GITHUB_REPOSITORY": self._hub.full_name, "GITHUB_RUN_ATTEMPT": "1", "GITHUB_RUN_ID": str(self._number),
            "GITHUB_SERVER_URL": self._hub.url, "GITHUB_WORKSPACE": str(workspace), "HOME": str(temp.parent),
            "GITHUB_WORKFLOW_REF": f"{self._hub.full_name}/.github/workflows/{self.file.name}@refs/heads/main",
            "LANG": "C.UTF-8", "RUNNER_ENVIRONMENT": "github-hosted", "RUNNER_TEMP": str(temp),
            "PATH": f"{temp.parent / 'tools'}:{os.environ['PATH']}",
        }


class _Workflow:
    """A workflow in a run: its own, or one that a job of it calls. `within` is the call's name, `most` its rights."""

    def __init__(self, run: Run, file: Path, inputs: Mapping[str, Any], secrets: Mapping[str, str], within: str = "",
                 most: Mapping[str, str] | None = None) -> None:
        self._run = run
        self._body: Any = yaml.load(file.read_text(), Loader=yaml.CBaseLoader)
        self._inputs = {**self._defaults(), **inputs}
        self._secrets = dict(secrets)
        self._within = within
        self._most = most
        self.ended: dict[str, Ended] = {}
        assert self._body["permissions"] == {}

    def _defaults(self) -> dict[str, Any]:
        given = self._body["on"].get("workflow_call", {}).get("inputs", {})
        types = {"string": str, "number": int, "boolean": lambda text: text == "true"}
        return {name: types[one["type"]](one["default"]) for name, one in given.items() if "default" in one}

    def turns(self) -> Iterator[bool]:
        with contextlib.ExitStack() as stack:
            yield from self._entered(self._body, stack, self._contexts({}))
            waiting = list(self._body["jobs"])
            while waiting:
                name = next(name for name in waiting if set(self._needs(name)) <= set(self.ended))
                waiting.remove(name)
                yield from self._turns_of(name, self._body["jobs"][name])

    def _entered(self, place: Mapping[str, Any], stack: contextlib.ExitStack, contexts: dict[str, Any]
                 ) -> Iterator[bool]:
        """Wait for a free place in the group of a workflow or job, and stay in it."""
        if "concurrency" not in place:
            return
        group = filled(place["concurrency"]["group"], contexts)
        while not self._run.is_free(group):
            yield False
        stack.enter_context(self._run.within(group))

    def _turns_of(self, name: str, job: Mapping[str, Any]) -> Iterator[bool]:
        contexts = self._contexts(job)
        if not condition(job.get("if"), contexts):
            self.ended[name] = self._run.jobs[self._within + name] = Ended("skipped")
            return
        with contextlib.ExitStack() as stack:
            yield from self._entered(job, stack, contexts)
            if "uses" in job:
                yield from self._called(name, job, contexts)
            else:
                self.ended[name] = self._run.jobs[self._within + name] = self.job(name)
        yield True

    def _called(self, name: str, job: Mapping[str, Any], contexts: dict[str, Any]) -> Iterator[bool]:
        own, file = "$/.github/workflows/", job["uses"]
        assert file.startswith(own)
        called = _Workflow(
            self._run, ROOT / ".github/workflows" / file.removeprefix(own),
            {key: _typed(text, contexts) for key, text in job.get("with", {}).items()},
            {key: filled(text, contexts) for key, text in job.get("secrets", {}).items()},
            f"{self._within}{name} / ", job["permissions"],
        )
        called.check_inputs()
        yield from called.turns()
        results = {one.result for one in called.ended.values()}
        # What it would give out after a failure is not documented, so nothing may rely on it.
        self.ended[name] = Ended(next(one for one in ("failure", "success", "skipped") if one in results))

    def check_inputs(self) -> None:
        """GitHub starts nothing where an input is missing, unknown or of another type."""
        known = self._body["on"]["workflow_call"]["inputs"]
        assert set(self._inputs) == set(known)
        types = {"string": str, "number": int, "boolean": bool}
        assert all(type(self._inputs[name]) is types[one["type"]] for name, one in known.items()), self._inputs

    def job(self, name: str) -> Ended:
        """Run one of its jobs."""
        job = self._body["jobs"][name]
        levels = ("none", "read", "write")
        for right, how in job["permissions"].items() if self._most is not None else ():
            assert levels.index(how) <= levels.index((self._most or {}).get(right, "none")), f"{name}: {right}"
        return self._run.job(self._within + name, job, self._contexts(job))

    def _needs(self, name: str) -> list[str]:
        return _list(self._body["jobs"][name].get("needs"))

    def _contexts(self, job: Mapping[str, Any]) -> dict[str, Any]:
        needs = {other: self.ended[other] for other in _list(job.get("needs"))}
        return {
            "github": self._run.github(), "inputs": self._inputs, "secrets": self._secrets, "vars": {},
            "needs": {other: {"result": one.result, "outputs": one.outputs} for other, one in needs.items()},
            "status": "success" if {one.result for one in needs.values()} <= {"success"} else "failure",
        }


def together(*runs: Run) -> None:
    """Let runs go on side by side, by turns, as far as their groups let them."""
    going = [run.turns() for run in runs]
    while going:
        moved = False
        for turns in tuple(going):
            step = next(turns, None)
            if step is None:
                going.remove(turns)
            moved |= step is not False
        assert moved, "each waits for another"


class _Job:
    def __init__(self, run: Run, name: str, job: Mapping[str, Any], contexts: dict[str, Any], temp: Path, bot: Bot,
                 hub: GitHub) -> None:
        self._run = run
        self._job = job
        self._contexts = contexts
        self._temp = temp
        self._workspace = temp.parent / "workspace"
        self._bot = bot
        self._hub = hub
        self._log: list[str] = []
        self._env = run.environment(temp, self._workspace, name)
        self._summary = temp.parent / "summary.md"
        for folder in (temp, self._workspace, temp.parent / "tools"):
            folder.mkdir(parents=True)
        _program(temp.parent / "tools" / "gh", _GH.format(python=sys.executable))
        assert job["runs-on"] == "ubuntu-24.04"

    def go(self) -> Ended:
        for step in self._job["steps"]:
            if not condition(step.get("if"), self._contexts):
                continue
            code, outputs = self._script(step) if "run" in step else self._action(step)
            if "id" in step:
                self._contexts["steps"][step["id"]] = {"outputs": outputs}
            if code != 0 and step.get("continue-on-error") != "true":
                self._contexts["status"] = "failure"
        summary = self._summary.read_text() if self._summary.exists() else ""
        return Ended(self._contexts["status"], log="".join(self._log), summary=summary)

    def _filled(self, given: Mapping[str, str]) -> dict[str, str]:
        return {name: filled(text, self._contexts) for name, text in given.items()}

    def _script(self, step: Mapping[str, Any]) -> tuple[int, dict[str, str]]:
        script = self._temp / "script.sh"
        assert "${{" not in step["run"]
        script.write_text(step["run"])
        output = self._temp / f"output-{len(self._log)}"
        output.write_text("")
        env = {**self._env, "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(self._summary),
               **self._filled(step.get("env", {}))}
        assert self._job["defaults"]["run"]["shell"] == "bash"
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)], env=env, text=True, check=False,
            cwd=self._workspace / step.get("working-directory", "."), stdin=subprocess.DEVNULL, timeout=200,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        self._log.append(f"== {step['name']}: {done.returncode}\n{done.stdout}")
        lines = output.read_text().splitlines()
        return done.returncode, dict(line.split("=", 1) for line in lines)

    def _action(self, step: Mapping[str, Any]) -> tuple[int, dict[str, str]]:
        kind = next(kind for kind in _ACTIONS if step["uses"].startswith(kind))
        given = self._filled(step.get("with", {}))
        code = {
            _ACTIONS[0]: self._check_out, _ACTIONS[1]: self._upload, _ACTIONS[2]: self._download,
            _ACTIONS[3]: self._install,
        }[kind](given)
        self._log.append(f"== {step['name']}: {code}\n")
        return code, {}

    def _install(self, given: Mapping[str, str]) -> int:
        assert set(given) <= {"sandbox", "ephemeral_runner"}
        install(self._temp, self._bot)
        return 0

    def _check_out(self, given: Mapping[str, str]) -> int:
        assert given["persist-credentials"] == "false"
        assert given["fetch-depth"] == "0"
        token = value("github.token", self._contexts)
        plain = f"{self._hub.html}.git"
        url = plain.replace("://", f"://x-access-token:{token}@")
        folder = self._workspace / given["path"]
        git = ["git", "-c", "credential.helper="]
        done = subprocess.run([*git, "clone", "--quiet", "--branch", given.get("ref") or "main", url, str(folder)],
                              check=False, timeout=60)
        if done.returncode == 0:
            subprocess.run([*git, "remote", "set-url", "origin", plain], cwd=folder, check=True)
        return done.returncode

    def _upload(self, given: Mapping[str, str]) -> int:
        first, *without = given["path"].splitlines()
        source = Path(first.strip())
        if not source.exists():
            return 1 if given["if-no-files-found"] == "error" else 0
        into = self._run.artifacts / given["name"]
        if source.is_file():
            into.mkdir()
            shutil.copy(source, into)
            return 0
        left_out = {Path(line.strip().removeprefix("!")).name for line in without}
        hidden = given.get("include-hidden-files") == "true"
        shutil.copytree(source, into, ignore=lambda folder, names: [
            name for name in names
            if (name.startswith(".") and not hidden) or (Path(folder) == source and name in left_out)])
        return 0

    def _download(self, given: Mapping[str, str]) -> int:
        if "pattern" in given:
            # Of another run, for which it takes a token with a right of its own.
            assert self._hub.tokens[given["github-token"]].granted("actions") == "read"
            found = sorted(self._run.artifacts_of(given["run-id"]).glob(given["pattern"]))
            assert given["merge-multiple"] == "true"
        else:
            found = [self._run.artifacts / given["name"]]
        for source in found:
            shutil.copytree(source, given["path"], dirs_exist_ok=True)
        return 0 if found else 1


def install(temp: Path, bot: Bot) -> None:
    """What the action of this repository leaves in a runner's folder for temporary files."""
    folder = temp / "whybot" / "bin"
    folder.mkdir(parents=True)
    _program(folder / "bot", _BOT.format(python=sys.executable, address=bot.address))
    shutil.copy(ROOT / ".github/actions/install/run-bot.sh", folder / "run-bot")


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _typed(text: str, contexts: Mapping[str, Any]) -> Any:
    """An input: what an expression gives as it is, other text as text; what is not there is empty text."""
    if text.startswith("${{") and text.endswith("}}") and text.count("${{") == 1:
        found = value(text[3:-2], contexts)
        return "" if found is None else found
    return filled(text, contexts)


def _list(given: object) -> list[str]:
    if given is None:
        return []
    return [given] if isinstance(given, str) else [str(one) for one in given]  # type: ignore[attr-defined]
