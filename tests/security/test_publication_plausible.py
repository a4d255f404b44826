"""What a publication may not say of itself: else an incident is silenced for ever, or a stranger's issue closed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import PolicyRefused
from bot.domain.past import MOST_CYCLES_KEPT, Ledger
from bot.engine.ledger import MOST_BYTES, ledger_bytes
from bot.engine.plausible import is_powerless
from bot.engine.publication import publication_bytes
from bot.ports import FileChange
from bot.reports.markdown import acts, linked, neutralise, plain
from tests.fakes.instant_clock import InstantClock
from tests.fakes.repositories import git
from tests.security.test_publication_hostile import OTHER, Change, effect, set_in, untouched
from tests.unit import records
from tests.unit.publications import BRANCH, Scene

FUTURE = "30001107T081500Z-0a1b2c"


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene(tmp_path_factory.mktemp("refusing"))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def everywhere(old: str, new: str) -> Change:
    def change(document: Any) -> None:
        document.update(json.loads(json.dumps(document).replace(old, new)))
    return change


def renamed(document: Any) -> None:
    """The cycle's own branch under the name of another cycle's."""
    effect(document, "branch")["branch"] = BRANCH.replace("-01", "-02")


REFUSED: dict[str, tuple[Change, str]] = {
    # The last writer, and the newest of the ledger, for all time.
    "a later run": (everywhere("20251107T081500Z-0a1b2c", FUTURE), "the time of its run is yet to come"),
    "a month that there is not": (everywhere("20251107T081500Z-0a1b2c", "20261307T081500Z-0a1b2c"), "yet to come"),
    "fixed for ever": (set_in("past", "fixed", {"at": "3000-01-01T00:00:00Z", "how": "x"}), "was gone is yet to come"),
    "an end to come": (set_in("past", "ended_at", "3000-01-01T00:00:00Z"), "the end of its cycle is yet to come"),
    "a day to come": (set_in("past", "spent_usd", {"3000-01-01": "1"}), "it spent is yet to come"),
    "other incidents": (set_in("past", "names", [records.FINGERPRINT, OTHER]), f"names {OTHER}, which is not"),
    "other incidents as former names": (
        set_in("@issue", "aliases", [{"repository": "acme/shop", "fingerprint": OTHER}]), "not of an earlier version"),
    "too many former names": (set_in("@issue", "aliases", [
        {"repository": "acme/shop", "fingerprint": f"v0-{number:016x}"} for number in range(21)]), "21 earlier names"),
    "another cycle's branch": (renamed, "is not named after its cycle"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_cycle_says_is_refused(refusing: Scene, name: str) -> None:
    change, why = REFUSED[name]
    refusing.write(change)
    with pytest.raises(PolicyRefused, match=re.escape(why)):
        refusing.publish()
    untouched(refusing)


@pytest.mark.parametrize("message", [
    "Closes #1\n", "Fix\n\nFixes #1\n\nWhybot-Cycle: x\n", "Fix #1\n\nWhybot-Cycle: x\n",
    "Fix\n\nAs the model describes it: @octocat\n\nWhybot-Cycle: x\n",
    "Fix\n\nAs the model describes it: closes https://github.com/acme/shop/issues/1\n\nWhybot-Cycle: x\n",
    "Fix\n\nAs the model describes it: closes GH-1\n\nWhybot-Cycle: x\n", "Fix [skip ci]\n\nWhybot-Cycle: x\n",
    "Fix\n\nWhybot-Cycle: x\nCo-authored-by: A <a@example.com>\n", "Fix\n\n\nskip-checks: true\n",
    "Fix\n\nWhybot-Cycle: #1\n",
    "Fix\n\nAs the model describes it: \u202e\n\nWhybot-Cycle: x\n", "",
])
def test_a_commit_whose_message_acts_is_not_pushed(scene: Scene, message: str) -> None:
    """It is exactly what it is made of; but on the default branch its words would close an issue or call somebody."""
    record = scene.record()
    push = next(item.effect for item in record.effects() if item.effect.effect == "branch")
    hostile = scene.work.commit(
        scene.base, (FileChange(path="shop/app.py", content=b"READY = True\n"),), message, records.START)
    document = json.loads(publication_bytes(scene.publication(record)))
    document["commits"] = [{**document["commits"][1], "id": hostile, "parent": scene.base, "message": message}]
    document.update(json.loads(json.dumps(document).replace(push.head, hostile)))
    effect(document, "branch")["paths"] = ["shop/app.py"]
    scene.file.write_text(json.dumps(document))
    with pytest.raises(PolicyRefused, match=r"the message of its commit|is not what it is made of"):
        scene.publish()
    untouched(scene)
    # It is not even made: in a clone that is kept, somebody could come upon it.
    assert scene.home.resolve(hostile) is None


@given(st.lists(st.sampled_from([*"@#:/[]w.GH-1a \u2060\n", "***NO_CI", "[skip", "http://", "www."])).map("".join))
def test_what_plain_leaves_does_not_act(text: str) -> None:
    made = plain(text)
    assert not acts(made)
    assert is_powerless(f"Fix {made}\n\nAs the model describes it: {made}\n\nWhybot-Cycle: a/b/cycle-01\n")


@pytest.mark.parametrize("before", ["Fixes ", "closes: ", "RESOLVED **", "fix\n", "Close\n> ", "fixed — "])
def test_no_word_closes_what_a_link_leads_to(before: str) -> None:
    """Only the publisher says which issue a pull request closes."""
    text = linked(neutralise(f"{before}[[issue v1-ffffffffffffffff]]"), lambda kind, name: "#7")
    assert "#7" in text
    assert re.search(r"(close|fix|resolve)(s|d|es|ed)?\W*#7", text, re.IGNORECASE) is None


def test_entries_at_their_longest_leave_a_ledger_that_can_be_read(scene: Scene) -> None:
    """One that is too long is not read any more, and then no cycle runs until a person mends it."""
    long = "\U0001f600" * 200
    scene.write(lambda document: document["past"].update(seen={
        "cycle": "x", "entries": 1, "instances": 1, "revisions": [long] * 50, "first_seen": "", "last_seen": ""}))
    assert scene.publish() == 0
    content = (scene.forge / "state" / "ledger.json").read_bytes()
    assert len(content) * MOST_CYCLES_KEPT < MOST_BYTES
    assert len(Ledger.model_validate_json(content).cycles) == 1
    assert len(ledger_bytes(Ledger())) < 100


def test_a_clock_that_is_a_little_behind_refuses_nothing(scene: Scene) -> None:
    scene.write(set_in("past", "ended_at", InstantClock().now().replace(minute=50).isoformat()))
    assert scene.publish() == 0
    assert git(scene.folder / "home", "rev-parse", BRANCH)
