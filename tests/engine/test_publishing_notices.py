"""Notices that were kept for later: sent by the job that publishes, once, by its own bot.toml, at nobody's cost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.local_forge import LocalForge
from bot.domain.config import NotifyConfig
from bot.domain.effects import KEPT, RecordedEffect
from bot.domain.errors import ForgeProblem, PolicyRefused, RecordDamaged
from bot.domain.notices import EVENTS
from bot.domain.record import CycleRecord
from bot.engine.noticing import MOST_NOTICES, notices
from tests.fakes.webhook_receiver import SECRET, Receiver, receiving, status
from tests.unit.publications import CONFIG, Scene
from tests.unit.recheck_records import WORKFLOW

TOLD = ("incident-found", "issue-filed", "fix-proposed")
NOTIFY = """
[notify.team]
events = ["incident-found", "issue-filed", "fix-proposed"]
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


class NoticeScene(Scene):
    """A publication with three notices to a destination, and the bot.toml that has it."""

    def __init__(self, folder: Path, receiver: Receiver, notify: str = NOTIFY) -> None:
        super().__init__(folder)
        self.environ = {"WHYBOT_NOTIFY_URL": receiver.url, "WHYBOT_NOTIFY_SECRET": SECRET}
        (folder / "home" / "bot.toml").write_text(CONFIG + notify)

    def record(self, changes: Any = None) -> CycleRecord:
        made = super().record(changes)
        for event in TOLD:
            (sent,) = notices(made, (event,), {"team": NotifyConfig(events=tuple(EVENTS))}, WORKFLOW)
            last = made.steps[-1]
            # Before all else: the order of the file decides nothing.
            effects = (RecordedEffect(effect=sent, receipt=KEPT), *last.effects)
            made = made.replaced(len(made.steps) - 1, last.model_copy(update={"effects": effects}))
        return made

    def came_to(self) -> dict[str, str]:
        """Event and receipt of each notice in the file."""
        return {item["effect"]["key"]["event"]: item["receipt"]["did"]
                for item in json.loads(self.file.read_text())["effects"] if item["effect"]["effect"] == "notice"}


def notice_in(document: Any, event: str = "incident-found") -> Any:
    return next(item["effect"] for item in document["effects"]
                if item["effect"]["effect"] == "notice" and item["effect"]["key"]["event"] == event)


def test_they_come_after_all_else_with_its_links_and_once(tmp_path: Path, receiver: Receiver) -> None:
    scene = NoticeScene(tmp_path, receiver)
    scene.write()
    fresh = scene.file.read_bytes()
    assert scene.publish(scene.environ) == 0
    assert sorted(receiver.events) == sorted(TOLD)
    assert all(one.verified() for one in receiver.taken)
    for one in receiver.taken:
        assert one.document["links"]["issue"] == {"number": 1, "url": ""}
        assert one.document["links"]["pull_request"]["number"] == 2
    assert scene.came_to() == dict.fromkeys(TOLD, "delivered")
    # The same file again, and as it was handed over, which has no receipts: the ledger knows.
    assert scene.publish(scene.environ) == 0
    for _ in range(2):
        scene.file.write_bytes(fresh)
        assert scene.publish(scene.environ) == 0
    assert len(receiver.taken) == 3
    assert scene.came_to() == dict.fromkeys(TOLD, "unchanged")
    # Without the ledger they come again, under their ids.
    shutil.rmtree(scene.forge / "state")
    scene.file.write_bytes(fresh)
    assert scene.publish(scene.environ) == 0
    assert len(receiver.taken) == 6
    assert len({one.id for one in receiver.taken}) == 3


def test_a_webhook_that_fails_fails_nothing_and_is_tried_again(
    tmp_path: Path, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.will(status(500))
    scene = NoticeScene(tmp_path, receiver)
    scene.write()
    assert scene.publish({**scene.environ, "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}) == 0
    assert scene.came_to() == dict.fromkeys(TOLD, "not delivered")
    told = capsys.readouterr()
    assert "notice not delivered: team: it answered with status 500 (4 tries)." in told.err
    assert "verySecretPath" not in told.err + told.out + (tmp_path / "summary.md").read_text()
    assert "not delivered `team: it answered with status 500 (4 tries).`" in (tmp_path / "summary.md").read_text()
    published = scene.published()
    receiver.will(status(200))
    receiver.taken.clear()
    assert scene.publish(scene.environ) == 0
    assert scene.came_to() == dict.fromkeys(TOLD, "delivered")
    assert len(receiver.taken) == 3
    after = scene.published()
    assert {name: text for name, text in after.items() if "ledger" not in name} == {
        name: text for name, text in published.items() if "ledger" not in name}


def test_without_the_variables_all_else_is_published(tmp_path: Path, receiver: Receiver) -> None:
    scene = NoticeScene(tmp_path, receiver)
    scene.write()
    # As Actions gives a secret that there is not.
    assert scene.publish({"WHYBOT_NOTIFY_URL": "", "WHYBOT_NOTIFY_SECRET": ""}) == 0
    assert scene.came_to() == dict.fromkeys(TOLD, "not delivered")
    assert "WHYBOT_NOTIFY_URL is not set" in scene.file.read_text()
    assert any("issues" in name for name in scene.published())


@pytest.mark.parametrize(
    ("notify", "told", "why"),
    [("", [], "bot.toml has no [notify.team]."),
     ('[notify.others]\nevents = ["incident-found"]', [], "bot.toml has no [notify.team]."),
     ('[notify.team]\nevents = ["fix-proposed"]', ["fix-proposed"], "[notify.team] does not ask for it."),
     (f'{NOTIFY}focus = ["errors"]', [], "[notify.team] does not ask for it."),
     (f'{NOTIFY}least_priority = "P0"', [], "[notify.team] does not ask for it.")],
)
def test_who_is_told_is_said_by_the_bot_toml_at_hand(
    tmp_path: Path, receiver: Receiver, notify: str, told: list[str], why: str
) -> None:
    scene = NoticeScene(tmp_path, receiver, notify)
    scene.write()
    assert scene.publish(scene.environ) == 0
    assert receiver.events == told
    assert why in scene.file.read_text()
    assert any("issues" in name for name in scene.published())


def test_what_is_not_published_is_not_told_of(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(self: LocalForge, *args: object) -> object:
        raise ForgeProblem("The forge is down.", "Wait.")

    scene = NoticeScene(tmp_path, receiver)
    scene.write()
    with monkeypatch.context() as broken:
        broken.setattr(LocalForge, "create_pull", down)
        with pytest.raises(ForgeProblem):
            scene.publish(scene.environ)
    assert sorted(receiver.events) == ["incident-found", "issue-filed"]
    assert scene.came_to()["fix-proposed"] == "not delivered"
    assert scene.publish(scene.environ) == 0
    assert sorted(receiver.events) == sorted(TOLD)


# What comes from the job in which generated code ran

def in_notice(*path: Any) -> Callable[[Any], object]:
    """Set what a path into the first notice leads to; its last part is the value."""
    *keys, last, value = path

    def change(document: Any) -> None:
        found = notice_in(document)
        for key in keys:
            found = found[key]
        found[last] = value

    return change


def many(document: Any) -> None:
    item = next(item for item in document["effects"] if item["effect"]["effect"] == "notice")
    for step in range(100, 100 + MOST_NOTICES):
        copy = json.loads(json.dumps(item))
        copy["effect"]["key"]["step"] = step
        document["effects"].append(copy)


REFUSED: dict[str, tuple[Callable[[Any], object], str]] = {
    "another repository": (in_notice("key", "repository", "acme/other"), "for acme/other"),
    "another run": (in_notice("key", "run", "20251107T081500Z-ffffff"), "another cycle"),
    "another cycle": (in_notice("key", "cycle", 2), "another cycle"),
    "another event than its key's": (in_notice("notice", "event", "fix-proposed"), "another thing than its key"),
    "another repository than its key's": (in_notice("notice", "repository", "acme/other"), "another thing"),
    "another incident": (in_notice("notice", "incident", "fingerprint", "v1-" + "f" * 16), "of another incident"),
    "a time to come": (in_notice("notice", "at", "2099-01-01T00:00:00Z"), "the time of a notice is yet to come"),
    "a flood": (many, f"at most {MOST_NOTICES} notices"),
}


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[NoticeScene, Receiver]]:
    with receiving() as found:
        yield NoticeScene(tmp_path_factory.mktemp("refusing"), found), found


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_allowed_is_refused_and_nothing_is_sent(
    refusing: tuple[NoticeScene, Receiver], name: str
) -> None:
    (scene, receiver), (change, why) = refusing, REFUSED[name]
    scene.write(change)
    with pytest.raises(PolicyRefused, match=why):
        scene.publish(scene.environ)
    assert not receiver.taken
    assert not list(scene.forge.rglob("*.md"))


@pytest.mark.parametrize(
    "change",
    [in_notice("key", "destination", "../x"), in_notice("key", "destination", "https://evil.example"),
     in_notice("key", "event", "test"), in_notice("notice", "links", {"record": "https://evil.example"}),
     in_notice("notice", "title", "x" * 201), in_notice("notice", "incident", "first_seen", "<!channel>"),
     in_notice("notice", "incident", "services", ["x"] * 11), in_notice("notice", "cost", "usd", "1e999999999")],
)
def test_what_is_no_notice_is_no_publication(
    refusing: tuple[NoticeScene, Receiver], change: Callable[[Any], object]
) -> None:
    scene, receiver = refusing
    scene.write(change)
    with pytest.raises(RecordDamaged):
        scene.publish(scene.environ)
    assert not receiver.taken


def test_what_a_file_says_is_cleaned_again(tmp_path: Path, receiver: Receiver) -> None:
    scene = NoticeScene(tmp_path, receiver)
    token = "ghp_" + "a1B2" * 9
    hidden = f"password=hunter22 \u202e{token}\n\x1b[31m\u200bred"
    scene.write(in_notice("notice", "incident", "message", hidden))
    assert scene.publish(scene.environ) == 0
    for one in receiver.taken:
        text = one.body.decode()
        assert token not in text
        assert "hunter22" not in text
        assert not {"\u202e", "\u200b", "\x1b"} & set(text)


def test_that_it_was_delivered_may_be_claimed_which_is_no_more_than_leaving_it_out(
    tmp_path: Path, receiver: Receiver
) -> None:
    def claimed(document: Any) -> None:
        for item in document["effects"]:
            item["receipt"] = {"did": "delivered", "number": 7, "url": "https://evil.example/7", "note": ""}

    scene = NoticeScene(tmp_path, receiver)
    scene.write(claimed)
    assert scene.publish(scene.environ) == 0
    assert not receiver.taken
    assert "evil.example" not in scene.file.read_text()
    assert scene.came_to() == dict.fromkeys(TOLD, "delivered")
    assert any("issues" in name for name in scene.published())
