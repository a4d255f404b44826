"""The workflows themselves, job by job, on a runner and a GitHub on this machine: each job has just the token that the
file gives it, and the scripts are those of the file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.demo import logs_path, script_path
from bot.demo.repository import build_repository
from bot.domain.past import Ledger
from tests.fakes.actions_runner import Bot, Ended, Run, install, together
from tests.fakes.github_api import GitHub, Person, Token
from tests.fakes.webhooks import ADA, MALLORY, Account, comment_event

ROOT = Path(__file__).parents[2]
CYCLE, COMMAND, AUDIT = (ROOT / ".github/workflows" / name for name in ("cycle.yml", "command.yml", "audit.yml"))
BOT_TOML = """
[repository]
name = "acme/shop"

[logs]
source = "file:{logs}"

[model]
name = "script:{script}"

[forge]
kind = "github"
api_url = "{url}"

[proof]
reruns = 1
mutants = 0

[target.message-router]
python = "{python}"
code = ["router/**"]
tests = ["tests/unit", "tests/integration"]
suite = ["tests"]
pytest_args = ["--disable-plugin-autoload", "-p", "pytest_asyncio.plugin"]
"""

pytestmark = pytest.mark.bubblewrap


class Scene:
    """A private repository with the demo's service and a bot.toml; what happens in Actions there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hub = GitHub(folder / "hub", "acme/shop", private=True)
        for who, role in ((ADA, "write"), (MALLORY, "read")):
            self.hub.people[who.login] = Person(who.login, who.id, role)
        self.ada = self.hub.tokens["adas"] = Token(ADA.login, ADA.id, role="write")
        self.script = folder / "script"
        shutil.copytree(script_path(), self.script)
        work = folder / "work"
        build_repository(work)
        (work / "bot.toml").write_text(BOT_TOML.format(
            logs=logs_path(), script=self.script, url=self.hub.url, python=sys.executable))
        git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        subprocess.run([*git, "add", "bot.toml"], cwd=work, check=True)
        subprocess.run([*git, "commit", "--quiet", "--message", "Add bot.toml"], cwd=work, check=True)
        subprocess.run(["git", "push", "--quiet", str(self.hub.bare), "main"], cwd=work, check=True)
        # The address of a socket is short.
        self.bot = Bot(Path(folder))
        self.runs = 0
        self.groups: dict[str, Run] = {}

    def close(self) -> None:
        self.bot.close()
        self.hub.close()

    def cycle(self, **inputs: Any) -> Run:
        given = {"focus": "message-routing", **inputs}
        payload = {"repository": {"default_branch": "main"}, "inputs": given}
        return self._run(CYCLE, "workflow_dispatch", payload, given)

    def comment(self, text: str, number: int, by: Account = ADA) -> tuple[int, dict[str, Ended]]:
        """Somebody comments; the comment's id, and how the jobs ended."""
        comment, run = self.commented(text, number, by)
        return comment, run.go()

    def commented(self, text: str, number: int, by: Account = ADA) -> tuple[int, Run]:
        """Somebody comments; the comment's id, and the run that it starts."""
        token = Token(by.login, by.id, role=self.hub.people[by.login].role)
        comment = self.hub.add_comment(token, number, text)["id"]
        event = comment_event(text, by=by, number=number, comment=comment, created_at=self.hub.stamp())
        event["repository"]["default_branch"] = "main"
        return comment, self._run(COMMAND, "issue_comment", event, {"cycles_in": "whybot.yml"})

    def _run(self, file: Path, event: str, payload: dict[str, Any], inputs: dict[str, Any]) -> Run:
        self.runs += 1
        return Run(self.hub, self.folder, file, self.bot, event=event, payload=payload,
                   inputs=inputs, number=self.runs, groups=self.groups)

    def change_config(self, text: str) -> None:
        """Bring another bot.toml to the default branch."""
        work = self.folder / "work"
        (work / "bot.toml").write_text(text)
        git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        subprocess.run([*git, "commit", "--quiet", "--all", "--message", "Change bot.toml"], cwd=work, check=True)
        subprocess.run(["git", "push", "--quiet", str(self.hub.bare), "main"], cwd=work, check=True)

    def reactions(self, comment: int) -> list[str]:
        return sorted(one["content"] for one in self.hub.comments[comment]["reactions"].values())

    def answers(self, number: int) -> list[str]:
        """What the bot's comments in a conversation say."""
        return [str(one["body"]) for one in self.hub.comments.values()
                if one["issue"] == number and one["user"]["login"] == "github-actions[bot]"]

    def ledger(self) -> Ledger:
        return Ledger.model_validate_json(self.hub.git("show", "whybot-state:ledger.json"))


@pytest.fixture
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    found = Scene(tmp_path_factory.mktemp("w"))
    yield found
    found.close()


def results(jobs: dict[str, Ended]) -> dict[str, str]:
    return {name: job.result for name, job in jobs.items() if job.result != "skipped"}


def test_what_a_cycle_made_until_it_failed_is_published_and_kept(scene: Scene) -> None:
    (scene.script / "write_tests.1.json").unlink()
    run = scene.cycle()
    run.go()
    assert results(run.jobs) == {"work": "failure", "publish": "success"}, _logs(run.jobs)
    (issue,) = scene.hub.issues.values()
    assert "SubscriberNotRunning" in issue["title"]
    (status,) = scene.answers(issue["number"])
    assert "[x] **Step 2.1:**" in status
    (entry,) = scene.ledger().cycles
    assert (entry.issue, entry.status.value, entry.workflow_run) == (issue["number"], "paused", 1)
    assert "SubscriberNotRunning" in run.jobs["work"].summary
    assert f"{scene.hub.html}/issues/{issue['number']}" in run.jobs["publish"].summary

    # The whole record is kept where nobody but its readers can fetch it, and no token is in it.
    kept = {path.name.rpartition("-")[0]: path for path in run.artifacts.iterdir()}
    assert set(kept) == {"whybot-publication", "whybot-record"}
    assert len(list(kept["whybot-record"].glob("message-routing/*/cycle-01/record.json"))) == 1
    assert not {"environments", "scratch", "spool"} & {path.name for path in kept["whybot-record"].iterdir()}
    for path in run.artifacts.rglob("*"):
        assert not path.is_file() or not any(token.encode() in path.read_bytes() for token in run.tokens.values())

    # Only publishing again, as people do with the jobs that failed, changes nothing.
    before = scene.hub.head("whybot-state"), len(scene.hub.comments), issue["body"]
    again = run.again("publish")
    assert again.result == "success", again.log
    (issue,) = scene.hub.issues.values()
    assert before == (scene.hub.head("whybot-state"), len(scene.hub.comments), issue["body"])

    # The record goes on in another run, from a comment on the issue.
    comment, jobs = scene.comment("/bot retry plan", issue["number"])
    assert results(jobs) == {"gate": "success", "work / work": "failure", "work / publish": "success"}, _logs(jobs)
    assert "five_whys: go" not in jobs["work / work"].log
    assert "there is no plan.2.json" in jobs["work / work"].log
    assert scene.reactions(comment) == ["eyes"]
    assert len(scene.answers(issue["number"])) == 2
    (entry,) = scene.ledger().cycles
    assert entry.workflow_run == 2

    # In a public repository nothing of the log is left lying about, unless somebody says so.
    scene.hub.private = False
    (scene.script / "five_whys.1.json").unlink()
    run = scene.cycle()
    run.go()
    assert not list(run.artifacts.glob("whybot-record-*"))


def test_a_command_that_comes_meanwhile_knows_what_the_cycle_before_came_to(scene: Scene) -> None:
    """It waits until that is in the ledger, so it neither takes up the same incident nor spends the budget again."""
    (scene.script / "write_tests.1.json").unlink()
    number = scene.hub.add_issue(scene.ada, "It is slow", "Since yesterday.", [])["number"]
    night, (_, asked) = scene.cycle(), scene.commented("/bot cycle message-routing", number)
    together(asked, night)
    # Which of the two comes first is open. The script knows of one incident alone.
    assert [results(run.jobs) for run in (night, asked)] == [
        {"work": "failure", "publish": "success"},
        {"gate": "success", "work / work": "failure", "work / publish": "success"}]
    first, second = scene.ledger().cycles
    assert first.issue is not None
    assert second.issue is None
    assert first.names
    assert second.names
    assert set(first.names).isdisjoint(second.names)
    assert set(scene.hub.issues) == {number, first.issue}
    assert scene.groups == {}


def test_commands_in_comments_go_from_job_to_job(scene: Scene) -> None:
    number = scene.hub.add_issue(scene.ada, "It is slow", "Since yesterday.", [])["number"]
    requests = len(scene.hub.requests)
    for text in ("Who can look into it?", "> /bot help"):
        comment, jobs = scene.comment(text, number)
        assert results(jobs) == {}
    assert len(scene.hub.requests) == requests

    comment, jobs = scene.comment("/bot help\r\n\r\nplease", number)
    assert results(jobs) == {"gate": "success", "look": "success", "publish": "success"}, _logs(jobs)
    assert scene.reactions(comment) == ["eyes"]
    (answer,) = scene.answers(number)
    assert "/bot retry STEP" in answer

    # A person without write permission, and what only bot.toml can refuse.
    comment, jobs = scene.comment("/bot cycle", number, MALLORY)
    assert results(jobs) == {"gate": "success"}
    assert scene.reactions(comment) == ["-1"]
    comment, jobs = scene.comment("/bot cycle nosuchfocus", number)
    assert results(jobs) == {"gate": "success", "work / work": "success", "work / react": "success"}, _logs(jobs)
    assert scene.reactions(comment) == ["confused", "eyes"]
    assert scene.answers(number) == [answer]

    # Nobody waits for an answer that does not come: this one's work ends before it can say why.
    text = scene.hub.git("show", "main:bot.toml")
    scene.change_config(text.replace("[model]", "[modell]"))
    for command, job in (("/bot cycle", "work / work"), ("/bot status", "look")):
        comment, jobs = scene.comment(command, number)
        assert results(jobs) == {"gate": "success", job: "failure", job.replace("look", "react").replace(
            "/ work", "/ react"): "success"}, _logs(jobs)
        assert scene.reactions(comment) == ["confused", "eyes"]
    scene.change_config(text)

    # Two runs go on; one of them is of a workflow that is not ours.
    cycle = scene.hub.add_run("whybot.yml", scene.ada, jobs={"Cycle / Work": "in_progress"})
    other = scene.hub.add_run("deploy.yml", scene.ada)
    scene.hub.add_run("command.yml", scene.ada, status="completed")
    comment, jobs = scene.comment("/bot stop", number)
    assert results(jobs) == {"gate": "success", "stop": "success", "publish": "success"}, _logs(jobs)
    assert scene.hub.runs[cycle["id"]]["status"] == "completed"
    assert scene.hub.runs[other["id"]]["status"] == "in_progress"
    assert len(scene.answers(number)) == 2


def test_a_pull_request_is_audited_by_the_rules_of_its_base(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("a")
    (step,) = (one for one in yaml.load(AUDIT.read_text(), Loader=yaml.CBaseLoader)["jobs"]["audit"]["steps"]
               if one["name"] == "Audit")
    bot = Bot(folder)
    repository, temp = folder / "repository", folder / "temp"

    def git(*arguments: str) -> None:
        subprocess.run(["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *arguments], cwd=repository,
                       check=True, capture_output=True)

    def audit(**env: str) -> tuple[int, str, str]:
        summary = folder / "summary.md"
        summary.write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], cwd=repository, text=True,
            capture_output=True, check=False, timeout=60,
            env={"PATH": os.environ["PATH"], "RUNNER_TEMP": str(temp), "GITHUB_STEP_SUMMARY": str(summary),
                 "GITHUB_ACTIONS": "true", "PATHS": "", "FAIL_ON": "hold", "HOME": str(folder), **env},
        )
        return done.returncode, done.stdout + done.stderr, summary.read_text()

    install(temp, bot)
    repository.mkdir()
    git("init", "--quiet", "--initial-branch=main")
    (repository / "till.py").write_text("def total():\n    return 1\n")
    (repository / "test_old.py").write_text("def test_old():\n    assert True\n")
    (repository / "bot.toml").write_text('[audit]\nignore = []\n')
    git("add", "--all")
    git("commit", "--quiet", "--message", "Begin")
    git("switch", "--quiet", "--create", "pull")
    (repository / "README.md").write_text("Hello.\n")
    git("add", "--all")
    git("commit", "--quiet", "--message", "No test")

    def merged() -> None:
        # As GitHub's merge commit: the base first, then the pull request.
        git("checkout", "--quiet", "--detach", "main")
        git("merge", "--quiet", "--no-ff", "--message", "Merge", "pull")

    merged()
    try:
        assert audit() == (0, "", "No test file was changed.\n")
        git("switch", "--quiet", "pull")
        hostile = repository / "-x test_$(touch pwned).d"
        hostile.mkdir()
        (hostile / "test_new.py").write_text("def test_new():\n    assert True\n")
        # The pull request would rather not be asked, and would have the base's rules written elsewhere.
        (folder / "victim").write_text("as it was\n")
        (repository / "bot.toml").unlink()
        (repository / "bot.toml").symlink_to(folder / "victim")
        git("add", "--all")
        git("commit", "--quiet", "--message", "A test")
        merged()
        code, said, summary = audit()
        assert code == 1
        assert "(tautology)" in said
        assert "test_new.py" in said
        assert "test_old" not in said
        assert "tautology" in summary
        assert (folder / "victim").read_text() == "as it was\n"
        assert not list(folder.rglob("pwned"))
        code, said, _ = audit(PATHS="test_old.py")
        assert (code, "test_old.py" in said, "test_new" in said) == (1, True, False)
    finally:
        bot.close()


def _logs(jobs: dict[str, Ended]) -> str:
    return "\n".join(f"---- {name}\n{job.log}" for name, job in jobs.items())
