"""`bot actions work`, `locate` and `stop` against the local GitHub: what each answers, and what it may not do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.actions import NAMES, Ignored, asked, variable
from bot.actions_command import run_locate
from bot.actions_stop import run_stop
from bot.actions_work import WorkOptions, run_work, usual_focus
from bot.adapters.github_api import GitHubApi
from bot.adapters.github_place import GitHubPlace
from bot.adapters.github_state import GitHubState
from bot.adapters.github_tokens import GivenToken
from bot.config import load_config
from bot.demo import script_path
from bot.domain.effects import KEPT, ReplyUpsert
from bot.domain.errors import BotError, ConfigProblem, ForgeProblem, PolicyRefused, UsageProblem
from bot.domain.past import LEDGER, Ledger, PastCycle
from bot.domain.publication import Publication
from bot.domain.record import CycleEnd, CycleRef, CycleStatus
from bot.engine.ledger import ledger_bytes
from bot.publish_command import PublishOptions, read_publication, run_publish
from tests.fakes.github_api import Fault, GitHub, Token, actions_token
from tests.fakes.instant_clock import InstantClock
from tests.fakes.repositories import commit_all, git, make_repository
from tests.fakes.webhooks import comment_event, payload

READS = actions_token(contents="read", actions="read")
STOPS = actions_token(actions="write")
ADA = Token("ada", 7)
SECRET = "ghs_0123456789abcdefSECRET"

CORE = b"def page(items, number, size):\n    start = number * size\n    return items[start:start + size]\n"
GOOD = b"from shop.core import page\n\n\ndef test_first():\n    assert page([1, 2, 3], 1, 2) == [1, 2]\n"
FAKE = b"def test_second():\n    assert True\n"
BOT_TOML = """
[repository]
name = "acme/shop"
[forge]
kind = "github"
api_url = "{url}"
[logs]
source = "file:{logs}"
[model]
name = "script:{script}"
[policy]
commands_per_hour = 5
[proof]
reruns = 1
mutants = 0
"""


@dataclass
class Scene:
    """A clone of a repository on the local GitHub, and the folder of a job."""

    hub: GitHub
    clone: Path
    job: Path
    head: str
    base: str
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.job / "publication.json"

    def order(self, command: str, **more: object) -> dict[str, str]:
        """The environment of a job after the gate accepted a command in conversation 12."""
        given: dict[str, object] = dict.fromkeys(NAMES, "") | {
            "command": command, "number": 12, "comment": 492700400, "is_pull": "false", "earlier": 0, **more}
        return self.environ | {variable(name): str(value) for name, value in given.items()}

    def pull_order(self, command: str, **more: object) -> dict[str, str]:
        return self.order(command, **({"is_pull": "true", "head": self.head, "base": self.base} | more))

    def work(self, environ: dict[str, str]) -> int:
        return run_work(WorkOptions(self.file, self.job / "state"), environ)

    def answer(self) -> str:
        """The one answer in the publication."""
        (effect,) = [item.effect for item in self.publication().effects if isinstance(item.effect, ReplyUpsert)]
        assert (effect.number, effect.key.comment, effect.key.repository) == (12, 492700400, "acme/shop")
        return effect.body

    def publication(self) -> Publication:
        found = read_publication(self.file)
        assert all(item.receipt == KEPT for item in found.effects)
        return found

    def outputs(self) -> str:
        return (self.job / "output").read_text()

    def keep_ledger(self, *entries: PastCycle) -> None:
        """Put cycles into the ledger, as the job that publishes does."""
        self.hub.tokens["write"] = actions_token(contents="write")
        place = GitHubPlace(GitHubApi(self.hub.url, GivenToken("write"), InstantClock()), "acme/shop")
        GitHubState(place, "whybot-state").write(LEDGER, ledger_bytes(Ledger(cycles=entries)), None)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("work")
    hub = GitHub(folder / "server", private=True)
    hub.git("config", "uploadpack.allowAnySHA1InWant", "true")
    toml = BOT_TOML.format(url=hub.url, logs=folder / "logs.ndjson", script=script_path())
    base = make_repository(folder / "clone", {
        "bot.toml": toml.encode(), "shop/__init__.py": b"", "shop/core.py": CORE})
    git(folder / "clone", "push", "--quiet", str(hub.bare), "main")
    head = _pull_request(folder, hub)
    yield Scene(hub, folder / "clone", folder, head, base)
    hub.close()


@pytest.fixture
def scene(world: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    hub = world.hub
    for kept in (hub.runs, hub.workflows, hub.requests, hub.faults):
        kept.clear()
    hub.tokens = {SECRET: READS}
    hub.git("update-ref", "-d", "refs/heads/whybot-state")
    (world.job / "logs.ndjson").write_text(
        '{"insertId": "a", "timestamp": "2026-03-04T05:06:07Z", "severity": "INFO", "textPayload": "well"}\n')
    environ = {
        "GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/shop", "GITHUB_TOKEN": SECRET, "GITHUB_RUN_ID": "77",
        "GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_API_URL": hub.url, "GITHUB_SERVER_URL": "https://github.com",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(world.clone)
    return Scene(hub, world.clone, tmp_path, world.head, world.base, {**os.environ, **environ})


def _pull_request(folder: Path, hub: GitHub) -> str:
    """A branch on the server that the job's clone does not have: it mends the bug, with a good test and a fake one."""
    other = folder / "other"
    git(folder, "clone", "--quiet", str(hub.bare), str(other))
    (other / "shop/core.py").write_bytes(CORE.replace(b"number * size", b"(number - 1) * size"))
    commit_all(other, "Mend it, without a test")
    (other / "tests").mkdir()
    (other / "tests/test_page.py").write_bytes(GOOD)
    (other / "tests/test_more.py").write_bytes(FAKE)
    head = commit_all(other, "Mend it")
    git(other, "push", "--quiet", "origin", "HEAD:mend")
    return head


def cycle(number: int = 1, **more: Any) -> PastCycle:
    ref = CycleRef(focus="errors", run=f"2026030{number}T050607Z-0a1b2c", number=1)
    return PastCycle.model_validate({
        "ref": ref, "repository": "acme/shop", "forge": "github", "created_at": datetime(2026, 3, number, tzinfo=UTC),
        "status": CycleStatus.ENDED, "end": CycleEnd.FIX_PROPOSED, "step": "commit", "issue": 12, "pull": 13,
        "workflow_run": 4_000 + number, **more,
    })


# Short answers

def test_help(scene: Scene) -> None:
    assert scene.work(scene.order("help")) == 0
    text = scene.answer()
    for word in ("`/bot cycle [FOCUS]`", "`/bot stop`", "`errors`", "`startup`", "`write_tests`"):
        assert word in text
    assert scene.publication().scope.run is None
    assert not (scene.job / "output").exists()


def test_status_without_any_cycle(scene: Scene) -> None:
    assert scene.work(scene.order("status")) == 0
    assert "No cycle has run here yet." in scene.answer()


def test_status_is_that_of_the_ledger(scene: Scene) -> None:
    scene.keep_ledger(cycle(1), cycle(2, status=CycleStatus.PAUSED, end=None, step="five_whys", pull=None))
    assert scene.work(scene.order("status")) == 0
    text = scene.answer()
    assert "ended: fix proposed" in text
    assert "paused at step 1" in text
    assert text.index("20260302") < text.index("20260301")


def test_an_answer_that_is_made_again_is_the_same_answer(scene: Scene) -> None:
    scene.work(scene.order("help"))
    first = scene.publication().effects
    scene.file.unlink()
    scene.work(scene.order("help"))
    assert scene.publication().effects == first


def test_the_answer_is_one_comment_that_is_no_command(scene: Scene) -> None:
    hub = scene.hub
    issue = hub.add_issue(ADA, "Messages are routed to nobody", "", [])["number"]
    asked_in = hub.add_comment(ADA, issue, "/bot help")["id"]
    event = comment_event("/bot help", number=issue, comment=asked_in)
    (scene.job / "event.json").write_bytes(payload(event))
    scene.environ["GITHUB_EVENT_PATH"] = str(scene.job / "event.json")
    for command in ("help", "status", "help"):
        # The same comment again is the same answer; that it says something else does not make another.
        scene.file.unlink(missing_ok=True)
        scene.work(scene.order(command, number=issue, comment=asked_in))
        hub.tokens[SECRET] = actions_token(contents="write", issues="write", pull_requests="write", checks="write")
        assert run_publish(PublishOptions(scene.file, state=scene.job / "published"), scene.environ) == 0
        hub.tokens[SECRET] = READS
    (found,) = [kept for kept in hub.comments.values() if kept["issue"] == issue and kept["id"] != asked_in]
    assert "| `/bot cycle [FOCUS]` | reads the logs" in found["body"]
    assert "(https://github.com/acme/shop/actions/runs/77)" in found["body"]
    # Whoever had written it.
    own = comment_event(found["body"], number=issue, comment=found["id"])
    assert isinstance(asked("issue_comment", payload(own), "acme/shop"), Ignored)


def test_an_answer_to_another_comment_is_not_published(scene: Scene) -> None:
    (scene.job / "event.json").write_bytes(payload(comment_event("/bot help", number=13)))
    scene.environ["GITHUB_EVENT_PATH"] = str(scene.job / "event.json")
    scene.work(scene.order("help"))
    with pytest.raises(PolicyRefused, match="another comment"):
        run_publish(PublishOptions(scene.file, state=scene.job / "published"), scene.environ)


# What only bot.toml or the ledger can refuse

@pytest.mark.parametrize(("command", "more", "reaction"), [
    ("cycle", {"focus": "nothing-of-the-kind"}, "confused"),
    ("retry", {"step": "fix"}, "confused"),
    ("help", {"earlier": 5}, "-1"),
    ("cycle", {"earlier": 1_000}, "-1"),
])
def test_a_refusal_is_a_reaction_and_no_answer(
    scene: Scene, command: str, more: dict[str, object], reaction: str
) -> None:
    assert scene.work(scene.order(command, **more)) == 0
    assert scene.outputs() == f"refused={reaction}\n"
    assert not scene.file.exists()


def test_a_cycle_of_another_conversation_is_not_retried(scene: Scene) -> None:
    scene.keep_ledger(cycle(issue=11, pull=None))
    assert scene.work(scene.order("retry", step="fix")) == 0
    assert scene.outputs() == "refused=confused\n"


@pytest.mark.parametrize("change", [
    {"WHYBOT_COMMAND": ""}, {"WHYBOT_COMMAND": "deploy"}, {"WHYBOT_COMMAND": "cycle\nrun=true"},
    {"WHYBOT_COMMAND": "cycle", "WHYBOT_FOCUS": "../x"}, {"WHYBOT_COMMAND": "cycle", "WHYBOT_FOCUS": "$(id)"},
    {"WHYBOT_COMMAND": "cycle", "WHYBOT_STEP": "fix"}, {"WHYBOT_COMMAND": "retry", "WHYBOT_STEP": "deploy"},
    {"WHYBOT_COMMAND": "retry"}, {"WHYBOT_COMMAND": "audit"}, {"WHYBOT_NUMBER": "0"}, {"WHYBOT_NUMBER": "x"},
    {"WHYBOT_NUMBER": ""}, {"WHYBOT_COMMENT": "-1"}, {"WHYBOT_COMMENT": "1e3"}, {"WHYBOT_HEAD": "HEAD"},
    {"WHYBOT_EARLIER": "-1"}, {"WHYBOT_EARLIER": "many"}, {"WHYBOT_COMMAND": "stop"}, {"WHYBOT_IS_PULL": ""},
    {"WHYBOT_IS_PULL": "maybe"}, {"WHYBOT_NUMBER": " 12"}, {"WHYBOT_NUMBER": "+12"}, {"WHYBOT_NUMBER": "12\n"},
])
def test_an_order_that_no_gate_gave(scene: Scene, change: dict[str, str]) -> None:
    with pytest.raises(UsageProblem):
        scene.work(scene.order("help") | change)


def test_a_configuration_of_another_repository(scene: Scene) -> None:
    with pytest.raises(ConfigProblem, match="acme/other"):
        scene.work(scene.order("help") | {"GITHUB_REPOSITORY": "acme/other"})


# Pull requests

def test_audit_reads_the_tests_of_the_pull_request_and_runs_nothing(scene: Scene) -> None:
    assert scene.work(scene.pull_order("audit")) == 0
    text = scene.answer()
    assert "**HOLD.** 2 tests in the files that this pull request adds or changes, 1 of them defective;" in text
    assert "`tests/test_more.py:" in text
    assert str(scene.job.parent) not in text
    assert sorted(path.name for path in scene.clone.iterdir()) == [".git", "bot.toml", "shop"]


def test_audit_of_a_pull_request_without_tests(scene: Scene) -> None:
    assert scene.work(scene.pull_order("audit", head=scene.base)) == 0
    assert "adds and changes no tests" in scene.answer()


def test_a_commit_that_is_gone(scene: Scene) -> None:
    scene.hub.faults.append(Fault("POST", "git-upload-pack", 404, "upload-pack: not our ref"))
    with pytest.raises(ForgeProblem, match="could not be fetched"):
        scene.work(scene.pull_order("audit", head="0" * 39 + "1"))
    text = scene.answer()
    assert text.startswith("### `/bot audit`\n\nIt did not come to an end.")
    assert SECRET not in scene.file.read_text()


@pytest.mark.bubblewrap
def test_prove(scene: Scene) -> None:
    assert scene.work(scene.pull_order("prove")) == 0
    text = scene.answer()
    assert "**Proven.**" in text
    assert "by `tests/test_more.py`, `tests/test_page.py`" in text
    assert "| 1 | as in the files | 1 red as predicted" in text


def test_prove_of_a_pull_request_without_tests(scene: Scene) -> None:
    mended = scene.hub.git("rev-parse", f"{scene.head}~1")
    assert scene.work(scene.pull_order("prove", head=mended)) == 0
    assert "adds and changes no tests" in scene.answer()


# Cycles

def test_a_cycle_and_going_over_it_again(scene: Scene) -> None:
    assert scene.work(scene.order("cycle", focus="errors")) == 0
    publication = scene.publication()
    assert publication.past is not None
    run = publication.past.ref.run
    assert publication.scope.run == run
    assert "**Ended: no actionable incident**" in scene.answer()

    scene.keep_ledger(publication.past.model_copy(update={"issue": 12, "workflow_run": 77}))
    scene.file.unlink()
    assert scene.work(scene.order("retry", step="retrieve")) == 0
    assert f"Cycle `errors/{run}/cycle-01`." in scene.answer()


def test_a_cycle_that_fails_is_an_answer(scene: Scene, world: Scene) -> None:
    (world.job / "logs.ndjson").unlink()
    with pytest.raises(BotError, match=r"logs\.ndjson"):
        scene.work(scene.order("cycle"))
    assert "It did not come to an end." in scene.answer()


def test_a_record_that_is_not_kept_any_more(scene: Scene) -> None:
    scene.keep_ledger(cycle())
    with pytest.raises(UsageProblem, match="is not kept any more"):
        scene.work(scene.order("retry", step="fix"))
    assert "Records are kept for a week" in scene.answer()


def test_the_focus_of_a_cycle_for_which_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bot.toml"
    for text, focus in (
        ("", "errors"), ('[focus.checkout]\nterms = ["cart"]\n', "checkout"),
        ('[focus.startup]\nterms = ["boot"]\n', "startup"),
        ('[focus.checkout]\nterms = ["cart"]\n[focus.login]\nterms = ["password"]\n', "errors"),
    ):
        file.write_text(text)
        assert usual_focus(load_config(file)) == focus


# Where the record is

def test_locate(scene: Scene) -> None:
    scene.keep_ledger(cycle(1), cycle(2), cycle(3, issue=9, pull=None))
    assert run_locate(scene.order("retry", step="fix"), InstantClock()) == 0
    assert run_locate(scene.order("retry", step="fix", number=13), InstantClock()) == 0
    assert run_locate(scene.order("retry", step="fix", number=99), InstantClock()) == 0
    assert scene.outputs() == "workflow_run=4002\nworkflow_run=4002\nworkflow_run=\n"


def test_locate_without_a_ledger(scene: Scene) -> None:
    assert run_locate(scene.order("retry", step="fix"), InstantClock()) == 0
    assert scene.outputs() == "workflow_run=\n"


# Stop

def stop(scene: Scene, *workflows: str) -> str:
    scene.hub.tokens[SECRET] = STOPS
    assert run_stop(workflows, scene.file, scene.order("stop"), InstantClock()) == 0
    return scene.answer()


def test_stop_cancels_cycles_and_nothing_else(scene: Scene) -> None:
    hub = scene.hub
    states = ("queued", "in_progress", "waiting", "pending")
    running = [hub.add_run("whybot.yml", ADA, status=state) for state in states]
    # From the repository itself, and called from another one; at work, and waiting for its turn in the called workflow.
    working = [hub.add_run("command.yml", ADA, jobs=jobs) for jobs in (
        {"Gate": "completed", "Work / Work": "in_progress"},
        {"Command / Gate": "completed", "Command / Look": "completed", "Command / Work / Work": "in_progress"},
        {"Ask / Gate": "completed", "Ask / Look": "completed", "Ask / Work / Work": "queued"},
        {"Command / Gate": "completed", "Command / Look": "completed", "Command / Stop": "completed"},
        {"Command / Gate": "completed", "Command / Look": "completed", "Command / Work": "pending"},
    )]
    others = [
        hub.add_run("whybot.yml", ADA, status="completed"), hub.add_run("ci.yml", ADA),
        *(hub.add_run("command.yml", ADA, jobs=jobs) for jobs in (
            {},
            {"Command / Gate": "in_progress"},
            {"Command / Gate": "completed", "Command / Work": "completed", "Command / Look": "in_progress"},
            {"Command / Gate": "completed", "Command / Work": "completed", "Command / Look": "completed"},
            {"Gate": "completed", "Look": "completed", "Publish": "in_progress"},
            {"Command / Gate": "completed", "Command / Work / Work": "completed",
             "Command / Work / Publish": "in_progress"},
            {"Work / Work": "completed"},
            {"Command / Work / Workshop": "in_progress"},
        )),
    ]
    own = hub.add_run("command.yml", ADA, jobs={"Command / Work / Work": "in_progress"})
    scene.environ["GITHUB_RUN_ID"] = str(own["id"])
    before = [run["status"] for run in (*others, own)]
    text = stop(scene, "whybot.yml", "command.yml:Work / Work")
    assert f"Stopped {4 + len(working)} runs:" in text
    assert all(str(run["id"]) in text for run in (*running, *working))
    assert [run["conclusion"] for run in (*running, *working)] == ["cancelled"] * 9
    assert [run["status"] for run in (*others, own)] == before
    assert sorted(line for line in hub.requests if line.startswith("POST")) == sorted(
        f"POST /repos/acme/shop/actions/runs/{run['id']}/cancel" for run in (*running, *working))


def test_stop_leaves_a_run_of_the_same_file_name_elsewhere(scene: Scene) -> None:
    run = scene.hub.add_run("whybot.yml", ADA, path=".github/workflows/sub-whybot.yml")
    assert "No cycle is running" in stop(scene, "whybot.yml")
    assert run["status"] == "in_progress"


def test_stop_knows_a_run_whose_path_names_its_ref(scene: Scene) -> None:
    run = scene.hub.add_run("whybot.yml", ADA, path=".github/workflows/whybot.yml@refs/heads/main")
    assert "Stopped 1 run:" in stop(scene, "whybot.yml")
    assert run["conclusion"] == "cancelled"


def test_stop_where_nothing_runs(scene: Scene) -> None:
    text = stop(scene, "whybot.yml")
    assert "No cycle is running in Actions" in text
    assert "There is no workflow `whybot.yml`" in text


def test_a_run_that_ends_before_it_is_stopped(scene: Scene) -> None:
    scene.hub.add_run("whybot.yml", ADA)
    said = '{"message": "Cannot cancel a workflow run that is completed."}'
    scene.hub.faults.append(Fault("POST", "/cancel", 409, said, times=9))
    assert "1 run ended before the order came." in stop(scene, "whybot.yml")


def test_stop_without_the_permission_says_so(scene: Scene) -> None:
    first, second = scene.hub.add_run("a.yml", ADA), scene.hub.add_run("b.yml", ADA)
    said = '{"message": "Resource not accessible by integration"}'
    scene.hub.faults.append(Fault("POST", f"/{second['id']}/cancel", 403, said, times=9))
    scene.hub.tokens[SECRET] = STOPS
    with pytest.raises(ForgeProblem) as caught:
        run_stop(("a.yml", "b.yml"), scene.file, scene.order("stop"), InstantClock())
    assert "actions: write" in caught.value.remedy
    assert "Stopped 1 run:" in scene.answer()
    assert str(first["id"]) in scene.answer()


@pytest.mark.parametrize("name", ["", "cycle", "../a.yml", "cycle.yml:", "cycle.yml\n", "a/b.yml", "cycle.yml:x\ny"])
def test_what_names_no_workflow(scene: Scene, name: str) -> None:
    with pytest.raises(UsageProblem, match="--workflow"):
        run_stop((name,), scene.file, scene.order("stop"), InstantClock())


def test_stop_is_for_the_order_to_stop(scene: Scene) -> None:
    with pytest.raises(UsageProblem):
        run_stop(("cycle.yml",), scene.file, scene.order("help"), InstantClock())
