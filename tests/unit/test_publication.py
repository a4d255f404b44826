from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.directory_store import DirectoryStore
from bot.adapters.local_forge import LocalForge
from bot.domain.effects import KEPT, markers_in
from bot.domain.errors import ConfigProblem, ForgeProblem, PolicyRefused, RecordDamaged
from bot.domain.past import Ledger
from bot.domain.publication import Publication
from bot.engine.keeping import record_url
from bot.engine.ledger import ledger_bytes, parse_ledger
from bot.engine.publication import parse_publication, publication_bytes
from bot.ports import ForgeComment
from tests.fakes.repositories import git
from tests.unit.publications import BRANCH, Scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def ledger(scene: Scene) -> Ledger:
    return parse_ledger((scene.forge / "state" / "ledger.json").read_bytes(), "the folder")


def test_a_publication_holds_all_that_another_job_needs(scene: Scene) -> None:
    made = scene.publication()
    assert parse_publication(publication_bytes(made), "it") == made
    tests, fix = made.commits
    assert (tests.parent, fix.parent) == (scene.base, tests.id)
    assert {change.path: change.content for change in fix.changes} == {"shop/app.py": b"READY = True\n"}
    deleted = scene.publication(scene.record({"shop/old.py": None})).commits[-1]
    assert {change.path: change.content for change in deleted.changes} == {"shop/old.py": None}
    assert made.scope.base == scene.base
    assert {item.receipt for item in made.effects} == {KEPT}


def test_published_in_another_clone_and_again_nothing_is_new(
    scene: Scene, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    scene.write()
    summary = {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    assert scene.publish(summary) == 0
    first = scene.published()
    assert scene.home.resolve(f"refs/heads/{BRANCH}") == scene.publication().commits[-1].id
    assert scene.home.read(f"{scene.home.resolve(BRANCH)}", "shop/app.py") == b"READY = True\n"
    # Of the comment that moved along, only the last text was written.
    assert "Step 8: done." in first["issues/0001.comments/0001.md"]
    assert [entry.issue for entry in ledger(scene).cycles] == [1]
    assert (ledger(scene).cycles[0].pull, ledger(scene).cycles[0].fix) == (2, scene.home.resolve(BRANCH))
    written = Publication.model_validate_json(scene.file.read_bytes())
    assert [item.receipt.did for item in written.effects if item.receipt] == ["created"] * 6
    shown = (tmp_path / "summary.md").read_text()
    assert "Step 8: done." in shown
    assert "| pull request | `Fix` |" in shown
    assert "0001.md" in capsys.readouterr().out

    assert scene.publish() == 0
    assert scene.published() == first
    assert "up to date" in capsys.readouterr().out
    again = Publication.model_validate_json(scene.file.read_bytes())
    assert {item.receipt.did for item in again.effects if item.receipt} == {"unchanged"}


def test_a_branch_that_people_moved_since_is_left_alone(scene: Scene) -> None:
    scene.write()
    scene.publish()
    home = scene.folder / "home"
    git(home, "checkout", "--quiet", BRANCH)
    (home / "shop" / "app.py").write_text("READY = 1\n")
    git(home, "commit", "--quiet", "--all", "--message", "Mine")
    theirs = git(home, "rev-parse", "HEAD")
    git(home, "checkout", "--quiet", "main")
    assert scene.publish() == 0
    assert scene.home.resolve(BRANCH) == theirs


def test_what_fails_on_the_way_is_gone_on_with(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.write()

    def refuse(*_given: object) -> None:
        raise ForgeProblem("The network is away.", "Try again.")

    with monkeypatch.context() as patched:
        patched.setattr("bot.adapters.local_forge.LocalForge.create_pull", refuse)
        with pytest.raises(ForgeProblem, match="network"):
            scene.publish()
    receipts = [item.receipt for item in Publication.model_validate_json(scene.file.read_bytes()).effects]
    assert [receipt.did for receipt in receipts if receipt] == ["created"] * 3 + ["kept for later"] * 2 + ["created"]
    # What is out is in work, whatever became of the rest.
    assert (ledger(scene).cycles[0].issue, ledger(scene).cycles[0].pull) == (1, None)
    assert scene.publish() == 0
    assert len(list((scene.forge / "issues").glob("*.md"))) == 1
    assert ledger(scene).cycles[0].pull == 2


def test_texts_that_link_to_others_come_last_and_say_what_there_is(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def linking(document: Any) -> None:
        for item in document["effects"]:
            if item["effect"]["effect"] == "comment":
                item["effect"]["body"] = f"Proposed: [[pull {BRANCH}]]."

    def refuse(*_given: object) -> None:
        raise ForgeProblem("The network is away.", "Try again.")

    scene.write(linking)
    comment = scene.forge / "issues" / "0001.comments" / "0001.md"
    with monkeypatch.context() as patched:
        patched.setattr("bot.adapters.local_forge.LocalForge.create_pull", refuse)
        with pytest.raises(ForgeProblem, match="network"):
            scene.publish()
    assert "Proposed:" in comment.read_text()
    assert "0002" not in comment.read_text()
    writes: list[str] = []
    update = LocalForge.update_comment

    def updated(forge: LocalForge, number: int, body: str) -> ForgeComment:
        writes.append(body)
        return update(forge, number, body)

    monkeypatch.setattr(LocalForge, "update_comment", updated)
    for _ in range(2):
        assert scene.publish() == 0
    assert len(writes) == 1
    assert "2" in comment.read_text().partition("Proposed:")[2].partition("\n")[0]


def test_the_cycles_of_a_run_come_in_their_order(scene: Scene) -> None:
    first = scene.record()
    second = first.model_copy(update={"ref": first.ref.model_copy(update={"number": 2}), "steps": first.steps[:1]})
    made = scene.publication(second).model_copy(update={"earlier": (scene.publication(first),)})
    scene.file.write_bytes(publication_bytes(made))
    assert scene.publish() == 0
    assert [entry.ref.number for entry in ledger(scene).cycles] == [1, 2]
    nested = made.model_copy(update={"earlier": (made,)})
    with pytest.raises(RecordDamaged, match="something before it"):
        parse_publication(publication_bytes(nested), "it")


def test_a_damaged_ledger_is_said_and_what_was_published_stays(scene: Scene) -> None:
    scene.write()
    DirectoryStore(scene.forge.parent).prepare()
    (scene.forge / "state").mkdir(parents=True)
    (scene.forge / "state" / "ledger.json").write_text("{")
    with pytest.raises(RecordDamaged, match=r"ledger\.json in the branch whybot-state is damaged"):
        scene.publish()
    assert (scene.forge / "state" / "ledger.json").read_text() == "{"
    assert len(list((scene.forge / "pulls").glob("*.md"))) == 1


def test_without_a_state_branch_there_is_no_ledger(scene: Scene) -> None:
    with (scene.folder / "home" / "bot.toml").open("a") as stream:
        stream.write('\n[forge]\nstate_branch = ""\n')
    scene.write()
    assert scene.publish() == 0
    assert not (scene.forge / "state").exists()


def test_where_readers_are_public_nothing_that_was_found_out_is_kept(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found_out(document: Any) -> None:
        document["past"]["finding"] = {"cycle": "x", "ended": "fix rejected", "cause": "said by a model"}

    scene.write(found_out)
    monkeypatch.setattr("bot.adapters.local_forge.LocalForge.public", True)
    assert scene.publish() == 0
    assert b"said by a model" not in ledger_bytes(ledger(scene))


# In GitHub Actions

ACTIONS = {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "Acme/Shop", "GITHUB_RUN_ID": "77",
           "GITHUB_SERVER_URL": "https://github.example.org"}


def test_in_actions_the_jobs_run_is_where_the_record_is(scene: Scene) -> None:
    scene.write()
    assert scene.publish(ACTIONS) == 0
    assert ledger(scene).cycles[0].workflow_run == 77
    assert record_url(ACTIONS) == "https://github.example.org/Acme/Shop/actions/runs/77"
    assert record_url({**ACTIONS, "GITHUB_ACTIONS": ""}) == ""


def test_in_actions_another_repository_is_refused(scene: Scene) -> None:
    scene.write()
    with pytest.raises(PolicyRefused, match="the job runs in acme/other"):
        scene.publish({**ACTIONS, "GITHUB_REPOSITORY": "acme/other"})


def reply(comment: int, number: int) -> Any:
    return {"effect": {"effect": "reply", "key": {"of": "reply", "repository": "acme/shop", "comment": comment},
                       "number": number, "body": "Done."}}


@pytest.mark.parametrize(("comment", "number", "allowed"), [(41, 1, True), (42, 1, False), (41, 2, False)])
def test_in_actions_only_the_comment_that_asked_is_answered(
    scene: Scene, tmp_path: Path, comment: int, number: int, allowed: bool
) -> None:
    scene.write(lambda document: document["effects"].append(reply(comment, number)))
    (tmp_path / "event.json").write_text(json.dumps({"comment": {"id": 41}, "issue": {"number": 1}}))
    environ = {**ACTIONS, "GITHUB_EVENT_PATH": str(tmp_path / "event.json")}
    if allowed:
        assert scene.publish(environ) == 0
        assert any("reply" in marker for text in scene.published().values() for marker in markers_in(text))
    else:
        with pytest.raises(PolicyRefused, match="another comment"):
            scene.publish(environ)
        assert not (scene.forge / "issues").exists()


@pytest.mark.parametrize("event", ["", "{", "[]", '{"comment": 3}', '{"comment": {"id": 41}}'])
def test_an_event_that_cannot_be_read_answers_nothing(scene: Scene, tmp_path: Path, event: str) -> None:
    scene.write(lambda document: document["effects"].append(reply(41, 1)))
    (tmp_path / "event.json").write_text(event)
    with pytest.raises(ConfigProblem, match="which comment"):
        scene.publish({**ACTIONS, "GITHUB_EVENT_PATH": str(tmp_path / "event.json")})


