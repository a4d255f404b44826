"""What a job without a write token kept, published by another that has one: against a GitHub on this machine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.app import App, Options
from bot.domain.errors import PolicyRefused, RecordDamaged
from bot.domain.past import Ledger
from bot.domain.record import Settings
from bot.status_command import StatusOptions, show_status
from tests.fakes.github_api import GitHub, actions_token
from tests.unit import records
from tests.unit.publications import Scene

READS, WRITES = "a-token-that-reads", "a-token-that-writes"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.fixture
def github(scene: Scene) -> Iterator[GitHub]:
    hub = GitHub(scene.folder / "hub", "acme/shop")
    hub.tokens[READS] = actions_token(contents="read")
    hub.tokens[WRITES] = actions_token(contents="write", issues="write", pull_requests="write", checks="write")
    subprocess.run(["git", "push", "--quiet", str(hub.bare), "main"], cwd=scene.folder / "work", check=True)
    with (scene.folder / "home" / "bot.toml").open("a") as stream:
        stream.write(f'\n[forge]\nkind = "github"\napi_url = "{hub.url}"\n')
    yield hub
    hub.close()


def environ(token: str, **more: str) -> dict[str, str]:
    return {"GITHUB_TOKEN": token, "GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/shop", "GITHUB_RUN_ID": "77",
            "GITHUB_SERVER_URL": "https://github.example.org", **more}


def ledger(github: GitHub) -> Ledger:
    return Ledger.model_validate_json(github.git("show", "whybot-state:ledger.json"))


def recalled(scene: Scene, token: str) -> App:
    """A later job with the model, once it has read what there is."""
    app = App.open(Options(config=scene.folder / "home" / "bot.toml", state=scene.folder / "later",
                           publish_to=scene.folder / "later.json"))
    app.environ = environ(token)
    settings: Settings = records.settings(publish="later", forge="github")
    app.recall(settings)
    return app


def test_published_once_with_the_token_of_a_workflow(
    scene: Scene, github: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.write(record=scene.record(), change=lambda document: document["past"].update(
        forge="github", finding={"cycle": "x", "ended": "fix rejected", "cause": "said by a model"}))
    assert scene.publish(environ(WRITES), forge=None) == 0
    (pull,) = github.pulls.values()
    (issue,) = [found for number, found in github.issues.items() if number not in github.pulls]
    assert (len(github.comments), len(github.checks), pull["draft"]) == (1, 1, True)
    assert f"Fixes #{issue['number']}" in pull["body"]
    (entry,) = ledger(github).cycles
    assert (entry.issue, entry.pull, entry.workflow_run, entry.finding) == (issue["number"], pull["number"], 77, None)
    assert entry.fix == scene.publication().commits[-1].id
    assert github.ci == []
    state = github.head("whybot-state")

    # Again: nothing is new, for people or for the ledger.
    count = len(github.comments), len(github.issues), len(github.checks)
    assert scene.publish(environ(WRITES), forge=None) == 0
    assert (len(github.comments), len(github.issues), len(github.checks)) == count
    assert github.head("whybot-state") == state

    # The next job with the model knows what is in work, with a token that only reads.
    app = recalled(scene, READS)
    (standing,) = app.runs.standings("acme/shop", "github").values()
    assert standing.why.startswith("a fix is proposed")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GITHUB_TOKEN", READS)
        config = scene.folder / "home" / "bot.toml"
        assert show_status(StatusOptions(scene.folder / "later", config, "forge")) == 0
    assert f"issue {issue['number']}, pull request {pull['number']}" in " ".join(capsys.readouterr().out.split())


def test_a_damaged_ledger_stops_the_next_job(scene: Scene, github: GitHub) -> None:
    scene.write(lambda document: document["past"].update(forge="github"))
    assert scene.publish(environ(WRITES), forge=None) == 0
    work = scene.folder / "state"
    subprocess.run(["git", "clone", "--quiet", "--branch", "whybot-state", str(github.bare), str(work)], check=True)
    (work / "ledger.json").write_text("<<<<<<< ours\n")
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run([*git, "commit", "--quiet", "--all", "--message", "Oops"], cwd=work, check=True)
    subprocess.run(["git", "push", "--quiet"], cwd=work, check=True)
    with pytest.raises(RecordDamaged, match="branch whybot-state is damaged") as raised:
        recalled(scene, READS)
    assert "delete it there" in raised.value.remedy


def test_what_is_known_of_another_run_is_not_overwritten(scene: Scene, github: GitHub) -> None:
    """A file of a later job that claims to be of an earlier run: only a retry in that run's conversation is."""
    scene.write(record=scene.record(), change=lambda document: document["past"].update(forge="github"))
    assert scene.publish(environ(WRITES), forge=None) == 0
    before = ledger(github)
    scene.write(record=scene.record(), change=lambda document: document["past"].update(
        forge="github", version=1_000_000, fixed={"at": "2026-01-01T00:00:00Z", "how": "x"}))
    later = environ(WRITES, GITHUB_RUN_ID="78")
    events = {number: scene.folder / f"event-{number}.json" for number in (before.cycles[0].issue, 4711)}
    for number, path in events.items():
        path.write_text(json.dumps({"comment": {"id": 5}, "issue": {"number": number}}))
    for more in ({}, {"GITHUB_EVENT_PATH": str(events[4711])}):
        with pytest.raises(PolicyRefused, match="is that of another job"):
            scene.publish({**later, **more}, forge=None)
    assert ledger(github) == before
    # `/bot retry`, given on the cycle's own issue.
    assert scene.publish({**later, "GITHUB_EVENT_PATH": str(events[before.cycles[0].issue])}, forge=None) == 0
    assert ledger(github).cycles[0].workflow_run == 78
