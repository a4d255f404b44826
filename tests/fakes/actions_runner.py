"""A runner of GitHub Actions: runs the jobs of a workflow file, each with a token that may do what the file gives it.

The scripts are those of the file and run in bash with the variables and files that GitHub's runner sets; actions are
stood in for by what they come to here (a clone without credentials, an artifact that is copied, the bot of this tree).
Whatever the file says that this does not know is an error.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
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
    """One run of a workflow for an event, in a folder that it shares with the repository's other runs."""

    def __init__(
        self, hub: GitHub, runs: Path, file: Path, bot: Bot, *, event: str, payload: Mapping[str, Any],
        inputs: Mapping[str, Any] | None = None, secrets: Mapping[str, str] | None = None, number: int = 1,
    ) -> None:
        folder = runs / f"run-{number}"
        self.folder = folder
        self.file = file
        self.body: Any = yaml.load(file.read_text(), Loader=yaml.CBaseLoader)
        self.jobs: dict[str, Ended] = {}
        self.artifacts = folder / "artifacts"
        self.tokens: dict[str, str] = {}
        self._hub = hub
        self._bot = bot
        self._event = event
        self._payload = payload
        self._number = number
        self._inputs = {**self._defaults(), **(inputs or {})}
        self._secrets = dict(secrets or {})
        folder.mkdir()
        self.artifacts.mkdir()
        (folder / "event.json").write_text(json.dumps(payload))

    def _defaults(self) -> dict[str, Any]:
        given = self.body["on"].get("workflow_call", {}).get("inputs", {})
        types = {"string": str, "number": int, "boolean": lambda text: text == "true"}
        return {name: types[one["type"]](one["default"]) for name, one in given.items() if "default" in one}

    def go(self) -> dict[str, Ended]:
        """Run every job whose condition holds, in the order of their needs; return how each ended."""
        assert self.body["permissions"] == {}
        waiting = dict(self.body["jobs"])
        while waiting:
            name = next(name for name, job in waiting.items() if set(_list(job.get("needs"))) <= set(self.jobs))
            self.jobs[name] = self._job(name, waiting.pop(name))
        return self.jobs

    def artifacts_of(self, number: str) -> Path:
        """The artifacts of a run of the same repository."""
        return self.folder.parent / f"run-{number}" / "artifacts"

    def again(self, name: str) -> Ended:
        """Run one job again, as people do with those that failed."""
        shutil.rmtree(self.folder / name)
        self.jobs[name] = self._job(name, self.body["jobs"][name])
        return self.jobs[name]

    def _github(self, token: str) -> dict[str, Any]:
        return {
            "event_name": self._event, "event": self._payload, "repository": self._hub.full_name, "token": token,
            "server_url": self._hub.url, "api_url": self._hub.url, "run_attempt": 1, "ref": "refs/heads/main",
        }

    def _job(self, name: str, job: Mapping[str, Any]) -> Ended:
        needs = {other: self.jobs[other] for other in _list(job.get("needs"))}
        results = {one.result for one in needs.values()}
        contexts: dict[str, Any] = {
            "github": self._github(""), "inputs": self._inputs, "secrets": self._secrets, "vars": {},
            "needs": {other: {"result": one.result, "outputs": one.outputs} for other, one in needs.items()},
            "status": "success" if results <= {"success"} else "failure",
        }
        if not condition(job.get("if"), contexts):
            return Ended("skipped")
        number = self._number * 100 + len(self.jobs)
        token = f"token-of-{self.file.stem}-{name}-{number}"
        rights = {right.replace("-", "_"): how for right, how in job["permissions"].items() if right != "id-token"}
        self._hub.tokens[token] = actions_token(**rights)
        self.tokens[name] = token
        temp = self.folder / name / "temp"
        contexts |= {
            "github": self._github(token), "steps": {}, "status": "success",
            "runner": {"temp": str(temp), "environment": "github-hosted"},
            "job": {"check_run_id": number, "workflow_repository": "acme/whybot", "workflow_sha": 40 * "a"},
        }
        ended = _Job(self, name, job, contexts, temp, self._bot, self._hub).go()
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


def _list(given: object) -> list[str]:
    if given is None:
        return []
    return [given] if isinstance(given, str) else [str(one) for one in given]  # type: ignore[attr-defined]
