"""The file that leaves the job with the model is whatever code that broke out of its sandbox makes of it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.errors import ForgeProblem, PolicyRefused, RecordDamaged, UsageProblem
from bot.domain.past import Ledger, PastCycle
from bot.domain.record import CycleStatus
from bot.engine.ledger import parse_ledger
from bot.engine.publication import MOST_BYTES, parse_publication, publication_bytes
from bot.ports import FileChange
from bot.progress import harmless
from tests.fakes.repositories import commit_all, git
from tests.unit import records
from tests.unit.publications import BRANCH, Scene
from tests.unit.test_progress import commands_in

Change = Callable[[Any], object]
OTHER = "v1-ffffffffffffffff"
EVIL = base64.b64encode(b"on: push\n").decode()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """One for all tests in which nothing is published."""
    return Scene(tmp_path_factory.mktemp("refusing"))


def untouched(scene: Scene) -> None:
    """Nothing is on the forge, on a branch or in the ledger."""
    assert not list(scene.forge.rglob("*.md"))
    assert not (scene.forge / "state").exists()
    assert git(scene.folder / "home", "for-each-ref", "refs/heads/whybot") == ""


def effect(document: Any, kind: str) -> Any:
    return next(item["effect"] for item in document["effects"] if item["effect"]["effect"] == kind)


def every_fingerprint(document: Any) -> None:
    text = json.dumps(document).replace(records.FINGERPRINT, OTHER)
    document.update(json.loads(text))
    document["scope"]["fingerprint"] = records.FINGERPRINT


def set_in(*path: Any) -> Change:
    """Set what a path leads to; its last part is the value."""
    *keys, last, value = path

    def change(document: Any) -> None:
        for key in keys:
            document = effect(document, key[1:]) if isinstance(key, str) and key.startswith("@") else document[key]
        document[last] = value

    return change


def move_every_base(document: Any) -> None:
    """The branch stands on a commit of a pull request, which nobody has taken in."""
    document.update(json.loads(json.dumps(document).replace(document["scope"]["base"], "c" * 40)))


REFUSED: dict[str, tuple[Change, str]] = {
    "another repository": (set_in("scope", "repository", "acme/other"), "for the repository acme/other"),
    "an effect for another repository": (set_in("@issue", "key", "repository", "acme/other"), "it is for acme/other"),
    "another incident": (every_fingerprint, "about another incident"),
    "another cycle's branch": (set_in("@branch", "key", "cycle", 2), "another cycle"),
    "another run": (set_in("scope", "run", "20251107T081500Z-ffffff"), "another cycle"),
    "a pull request that is ready": (set_in("@pull_request", "draft", False), "no draft"),
    "a label of people's": (set_in("@issue", "labels", ["security"]), "its labels security"),
    "a comment elsewhere": (set_in("@comment", "on", "fingerprint", OTHER), "another incident"),
    "an issue of another incident": (set_in("@pull_request", "fixes", "fingerprint", OTHER), "another incident"),
    "a check that passes for the repository's own": (set_in("@check", "name", "ci / tests"), "begin with whybot"),
    "another target": (set_in("scope", "target", "payments"), "no repository to take the branch from"),
    "a commit of nobody's": (move_every_base, "is on no branch here"),
    "a base of its own": (set_in("@branch", "base", "c" * 40), "not all in it"),
    "a head of its own": (set_in("@branch", "head", "c" * 40), "not all in it"),
    "a commit that is another": (set_in("commits", 1, "id", "c" * 40), "is not what it is made of"),
    "another content": (set_in("commits", 1, "changes", 0, "content", EVIL), "is not what it is made of"),
    "another time": (set_in("commits", 1, "when", "2026-01-01T00:00:00Z"), "is not what it is made of"),
    "another message": (set_in("commits", 1, "message", "Spoil it\n\nWhybot-Cycle: x\n"), "not what it is made of"),
    "a message of its own": (set_in("commits", 1, "message", "Closes #1"), "is not one of the bot's"),
    "a commit on another": (set_in("commits", 1, "parent", "c" * 40), "which is not its own"),
    "a path that the branch hides": (set_in("commits", 0, "changes", 0, "path", ".github/workflows/x.yml"),
                                     "changes .github/workflows/x.yml, which its branch does not"),
    "another entry for the ledger": (set_in("past", "ref", "number", 2), "about another cycle"),
    "an entry on another incident": (set_in("past", "names", [OTHER]), "about another incident"),
    "another forge": (set_in("past", "forge", "github"), "to the forge 'github'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_allowed_is_refused_and_nothing_is_published(refusing: Scene, name: str) -> None:
    scene, (change, why) = refusing, REFUSED[name]
    scene.write(change)
    before = scene.file.read_bytes()
    with pytest.raises(PolicyRefused, match=why) as raised:
        scene.publish()
    assert raised.value.remedy
    assert scene.file.read_bytes() == before
    untouched(scene)


@pytest.mark.parametrize(
    "path", [".github/workflows/x.yml", "bot.toml", "tests/conftest.py", "uv.lock", "README.md", ".gitmodules",
             "shop/.gitattributes"],
)
def test_a_whole_branch_that_touches_what_it_may_not(refusing: Scene, path: str) -> None:
    scene = refusing
    scene.write(record=scene.record({"shop/app.py": b"READY = True\n", path: b"x\n"}))
    with pytest.raises(PolicyRefused, match=f"it changes {path}"):
        scene.publish()
    untouched(scene)


def test_a_path_that_comes_and_goes_within_the_branch(scene: Scene) -> None:
    """All commits are pushed, so none may hold what the branch as a whole does not."""
    record = scene.record()
    push = next(item.effect for item in record.effects() if item.effect.effect == "branch")
    hidden = scene.commit({".github/workflows/x.yml": b"on: push\n"}, push.head)
    head = scene.commit({".github/workflows/x.yml": None}, hidden)
    text = record.model_dump_json().replace(push.head, head)
    scene.write(record=type(record).model_validate_json(text))
    with pytest.raises(PolicyRefused, match="which its branch does not"):
        scene.publish()
    untouched(scene)


def test_a_commit_through_a_symbolic_link_or_into_git(scene: Scene) -> None:
    work = scene.folder / "work"
    (work / "shop" / "link").symlink_to("/etc")
    scene.base = commit_all(work, "A link")
    git(scene.folder / "home", "pull", "--quiet")
    scene.write(set_in("commits", 1, "changes", 0, "path", "shop/link/passwd"))
    with pytest.raises(PolicyRefused, match="which its branch does not"):
        scene.publish()

    def as_declared(document: Any) -> None:
        document["commits"][1]["changes"][0]["path"] = "shop/link"
        effect(document, "branch")["paths"] = ["shop/app.py", "shop/link", "tests/test_app.py"]

    scene.write(as_declared)
    with pytest.raises(ForgeProblem, match="symbolic link"):
        scene.publish()
    for path in ("shop/.git/config", "../x", "/etc/passwd", "shop/./x", ".GIT/hooks/pre-push"):
        scene.write(set_in("commits", 0, "changes", 0, "path", path))
        with pytest.raises(RecordDamaged, match=r"commits\.0\.changes\.0\.path"):
            scene.publish()
    untouched(scene)


def test_a_base_that_only_a_pull_request_has(scene: Scene) -> None:
    home = scene.folder / "home"
    theirs = scene.home.commit(scene.base, (FileChange(path="shop/app.py", content=b"0\n"),), "x", records.START)
    git(home, "update-ref", "refs/remotes/pull/3/merge", theirs)
    git(home, "update-ref", "refs/heads/whybot/other", theirs)
    scene.write(set_in("scope", "base", theirs))
    with pytest.raises(PolicyRefused, match="is on no branch here"):
        scene.publish()


def test_numbers_in_the_file_are_not_believed(scene: Scene) -> None:
    """Else a comment could be written, and an issue closed, in any conversation of the repository."""
    def numbered(document: Any) -> None:
        for item in document["effects"]:
            item["receipt"] = {"did": "created", "number": 4711, "url": "https://evil.example/"}
        document["past"].update(issue=4711, pull=4711, fix="c" * 40)

    scene.write(numbered)
    assert scene.publish() == 0
    everything = "".join(scene.published().values())
    assert "4711" not in everything
    assert "evil" not in everything + scene.file.read_text()
    assert "Fixes #1" in everything
    assert git(scene.folder / "home", "rev-parse", BRANCH) == scene.publication().commits[-1].id


def test_no_text_of_its_fills_the_ledger(scene: Scene) -> None:
    long = "x" * 100_000
    scene.write(lambda document: document["past"].update(
        finding={"cycle": "x", "ended": long}, fixed={"at": "2025-11-08T00:00:00Z", "how": long}))
    assert scene.publish() == 0
    assert len((scene.forge / "state" / "ledger.json").read_bytes()) < 2_000


DAY = "2025-11-07"


def spending(more: Change, *days: str, version: int = 1_000_000) -> Change:
    def change(document: Any) -> None:
        document["past"] |= {"spent_usd": dict.fromkeys(days or (DAY,), "2.50"), "version": version}
        more(document)
    return change


def ledger(scene: Scene) -> Ledger:
    return parse_ledger((scene.forge / "state" / "ledger.json").read_bytes(), "the folder")


@pytest.mark.parametrize("name", [
    "a pull request that is ready", "another content", "another target", "an entry on another incident"])
def test_what_was_spent_counts_though_nothing_of_it_is_published(scene: Scene, name: str) -> None:
    change, why = REFUSED[name]
    scene.write(spending(change))
    summary = scene.folder / "summary.md"
    for _ in range(2):
        with pytest.raises(PolicyRefused, match=why):
            scene.publish({"GITHUB_STEP_SUMMARY": str(summary)})
    (entry,) = ledger(scene).cycles
    assert entry.spent_usd == {DAY: Decimal("2.50")}
    plain = PastCycle(ref=entry.ref, repository="acme/shop", forge="local", created_at=entry.created_at,
                      status=CycleStatus.ENDED, spent_usd=entry.spent_usd)
    assert entry == plain, "and that is all"
    assert "has what was spent, and nothing else" in summary.read_text()
    assert not list(scene.forge.rglob("*.md"))

    # Once it is allowed, it is known as any other, and what was paid stays paid.
    scene.write(spending(lambda document: None, "2025-11-06", version=3))
    assert scene.publish() == 0
    (entry,) = ledger(scene).cycles
    assert (entry.issue, entry.names, entry.version) == (1, (records.FINGERPRINT,), 3)
    assert entry.spent_usd == {"2025-11-06": Decimal("2.50"), DAY: Decimal("2.50")}

    # And a later file that is refused takes none of that away.
    scene.write(spending(change))
    with pytest.raises(PolicyRefused, match=why):
        scene.publish()
    assert ledger(scene).cycles == (entry,)


def test_what_a_refused_file_says_it_spent_is_for_this_ledger_alone(refusing: Scene) -> None:
    scene = refusing
    for change, only_reply in (
        (lambda document: None, True), (REFUSED["another forge"][0], False),
        (set_in("past", "repository", "acme/other"), False),
        # Of a run in the year 3000, which would be the newest for ever.
        (set_in("past", "ref", "run", "30001107T081500Z-0a1b2c"), False),
        (set_in("past", "spent_usd", {"3000-01-01": "2.50"}), False),
    ):
        scene.write(spending(change))
        with pytest.raises(PolicyRefused):
            scene.publish(only_reply=only_reply)
    untouched(scene)


def test_what_is_to_be_an_answer_only_brings_nothing_else(refusing: Scene) -> None:
    scene = refusing
    scene.write()
    with pytest.raises(PolicyRefused, match="more than the answer"):
        scene.publish(only_reply=True)
    untouched(scene)


def test_that_an_incident_is_gone_is_not_the_word_of_the_job_that_worked_on_it(scene: Scene) -> None:
    scene.write(set_in("past", "fixed", {"at": "2025-11-07T00:00:00Z", "how": "believe me"}))
    assert scene.publish() == 0
    ledger = (scene.forge / "state" / "ledger.json").read_text()
    assert '"focus": "startup"' in ledger
    assert "believe me" not in ledger


def test_what_is_written_in_it_has_no_power(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "@octocat #1 <img src=x> [x](https://evil.example/)\n/bot cycle\n::set-output name=x::y\n##[group]x"

    def said(document: Any) -> None:
        effect(document, "issue")["title"] = hostile
        for item in document["effects"]:
            if "body" in item["effect"]:
                item["effect"]["body"] = hostile

    scene.write(said)
    summary = scene.folder / "summary.md"
    assert scene.publish({"GITHUB_STEP_SUMMARY": str(summary)}) == 0
    printed = capsys.readouterr()
    assert not commands_in(printed.out + printed.err)
    for whole in (summary.read_text(), (scene.forge / "issues" / "0001.md").read_text()):
        text = re.sub(r"`[^`\n]*`", "", whole)    # code does nothing on GitHub
        assert "@octocat" not in text
        assert "](https://evil" not in text
        assert "\n/bot" not in text


# What is no publication

@pytest.mark.parametrize(("content", "why"), [
    (b"", "Invalid JSON"), (b"{", "Invalid JSON"), (b"[]", "no publication"), (b"\xff\xfe", "no publication"),
    (b"[" * 200_000, "no publication"), (b'{"schema": "whybot/record/5"}', "schema"),
    (b'"::add-mask::' + b"x" * 5_000 + b'"', "no publication"),
])
def test_a_file_that_is_none_is_named(refusing: Scene, content: bytes, why: str) -> None:
    scene = refusing
    scene.file.write_bytes(content)
    with pytest.raises(RecordDamaged, match=why) as raised:
        scene.publish()
    assert len(str(raised.value)) < 700
    assert not commands_in(harmless(str(raised.value)))
    assert scene.file.read_bytes() == content
    untouched(scene)


def test_a_file_that_is_too_large_is_not_read_to_its_end(scene: Scene) -> None:
    with scene.file.open("wb") as stream:
        os.truncate(stream.fileno(), MOST_BYTES * 40)
    with pytest.raises(RecordDamaged, match="more than"):
        scene.publish()


def test_a_file_that_is_not_there(scene: Scene) -> None:
    with pytest.raises(UsageProblem, match="cannot be read"):
        scene.publish()
    scene.file.mkdir()
    with pytest.raises(UsageProblem, match="cannot be read"):
        scene.publish()


def test_keys_of_a_stranger_and_too_much_of_anything(refusing: Scene) -> None:
    scene = refusing

    def many(document: Any) -> None:
        document["effects"] = document["effects"][:1] * 500

    changes: tuple[Change, ...] = (
        many, lambda document: document.update(note="x"), lambda document: document["scope"].update(admin=True),
        lambda document: document["past"].update(spent_usd={"2025-11-07": "-1"}),
        lambda document: document["past"].update(spent_usd={"2025-11-07": "NaN"}),
        lambda document: document["commits"][0].update(when="2025-11-07T08:15:00"),
        lambda document: document["commits"][0]["changes"][0].update(content="not base64!"),
        lambda document: effect(document, "branch").update(branch="main"),
        lambda document: document.update(earlier=[document["scope"]]),
    )
    for change in changes:
        scene.write(change)
        with pytest.raises(RecordDamaged, match="no publication"):
            scene.publish()
    untouched(scene)


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
places = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text(max_size=4), scalars, max_size=2)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_changed_ends_in_words(made: bytes, data: st.DataObject) -> None:
    """Any value in the file may be any other: it is read, or refused in words, and never a bug."""
    document = json.loads(made)
    at: Any = document
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(at[key], dict | list) and at[key] and data.draw(st.booleans()):
            at = at[key]
            continue
        at[key] = data.draw(places)
        break
    with contextlib.suppress(RecordDamaged):
        parse_publication(json.dumps(document).encode(), "it")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return publication_bytes(Scene(tmp_path_factory.mktemp("made")).publication())
