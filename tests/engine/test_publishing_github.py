"""The publisher over the local GitHub: two bots at the same instant, and what GitHub does to issues."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.adapters.github_forge import GitHubForge
from bot.domain.effects import Receipt, markers_in
from bot.domain.errors import ForgeProblem
from bot.ports import Workspace
from tests.engine.publishing import KEY, Desk, comment, issue, tracking
from tests.fakes.github_api import Fault, GitHub, Token
from tests.fakes.instant_clock import InstantClock

SECRET = "ghs_0123456789abcdefSECRET"
APP = Token("whybot-for-acme[bot]", 41, app="whybot-for-acme")
FIRST, SECOND, THIRD = "20251107T081500Z-0a1b2c", "20251107T081500Z-3d4e5f", "20251108T081500Z-0a1b2c"


class NoWorkspace(Workspace):
    """For effects that need none."""


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHub]:
    server = GitHub(tmp_path / "server")
    server.tokens[SECRET] = APP
    yield server
    server.close()
    gc.collect()


def bot(github: GitHub, run: str = FIRST, clock: InstantClock | None = None) -> Desk:
    """A bot of its own: another process, another connection."""
    forge = GitHubForge("acme/shop", SECRET, github.url, NoWorkspace(), clock or InstantClock())
    return Desk(lambda: forge, None, None, run=run)


def bearers(github: GitHub) -> list[tuple[int, str]]:
    return [(number, kept["state"]) for number, kept in github.issues.items() if str(KEY) in markers_in(kept["body"])]


def said(github: GitHub, number: int) -> list[str]:
    return [kept["body"] for kept in github.comments.values() if kept["issue"] == number]


def check_one(github: GitHub) -> None:
    """One open issue, its twins closed for it and each told so once, and the next cycle finds it so."""
    assert bearers(github) == [(1, "open")]
    for number, kept in github.issues.items():
        if number != 1:
            assert (kept["state"], kept["state_reason"]) == ("closed", "duplicate")
            assert ["\nDuplicate of #1\n" in body for body in said(github, number)] == [True]
    assert said(github, 1) == []


def test_two_bots_at_the_same_instant(github: GitHub) -> None:
    """Each looks before the other has made anything."""
    both, receipts = threading.Barrier(2, timeout=10), []
    github.faults.append(Fault("POST", "/issues$", times=2, how="pass", act=both.wait))

    def run(which: str) -> None:
        receipts.append(bot(github, which).apply(issue(body=f"By {which}.", labels=("whybot",), priority="P1")))

    threads = [threading.Thread(target=run, args=(which,)) for which in (FIRST, SECOND)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert {receipt.number for receipt in receipts} == {1}
    check_one(github)
    assert len(github.issues) == 2
    assert any("duplicate" in receipt.note for receipt in receipts)


@pytest.mark.parametrize(("one", "other"), [(FIRST, SECOND), (SECOND, FIRST)])
def test_another_bot_comes_between_any_two_requests(github: GitHub, one: str, other: str) -> None:
    """Whatever the one is about to ask, the other does all of its work in that moment."""
    first = bot(github, one)
    list(first.publisher._open_forge().issues())
    done: list[Receipt] = []
    for at in range(1, 20):
        github.issues.clear()
        github.comments.clear()
        done.clear()
        github.faults[:] = [Fault(how="pass", at=github.upcoming(at), act=lambda: done.append(
            bot(github, other).apply(issue(body="By the other."))))]
        receipt = first.publisher.apply(issue(body="By the one."), first.scope, (), None)
        github.faults.clear()
        if not done:
            assert at > 3
            return
        assert receipt.number == done[0].number == 1, at
        check_one(github)
        assert bot(github, THIRD).apply(issue(body="By a third.")).number == 1
        check_one(github)
    raise AssertionError("more requests than expected")


def test_a_twin_whose_maker_died_is_closed_by_the_next(github: GitHub) -> None:
    first = bot(github)
    first.apply(issue())
    github.add_issue(APP, "Twin", github.issues[1]["body"], ["whybot"])
    github.add_issue(Token("mallory", 66), "Not a twin", github.issues[1]["body"], [])
    assert bot(github, THIRD).apply(issue(body="More.")).number == 1
    assert github.issues.pop(3)["state"] == "open", "what others wrote bears no key"
    check_one(github)


def test_a_create_that_took_effect_unheard_is_found(github: GitHub) -> None:
    first = bot(github)
    github.faults.append(Fault("POST", "/issues$", 0, after=True))
    with pytest.raises(ForgeProblem, match="did not answer"):
        first.apply(issue())
    assert first.apply(issue()).did == "unchanged"
    check_one(github)


class Killed(BaseException):
    """The process is gone."""


class Mortal(InstantClock):
    """A clock in whose hands a client dies that was cut off and would ask again."""

    dies = False

    def die(self) -> None:
        self.dies = True

    def sleep(self, seconds: float) -> None:
        if self.dies:
            raise Killed
        super().sleep(seconds)


@pytest.mark.parametrize("after", [False, True])
def test_killed_in_any_request_of_a_regression(github: GitHub, after: bool) -> None:
    related = KEY.model_copy(update={"fingerprint": "v1-ffffffffffffffff"})
    back = issue(priority="P0", related=(related,), news="It is back.", body="Again.")

    def seen() -> object:
        issues = [(kept["title"], kept["body"], kept["state"], sorted(one["name"] for one in kept["labels"]))
                  for kept in github.issues.values()]
        return issues, [(kept["issue"], kept["body"]) for kept in github.comments.values()]

    def prepare() -> None:
        github.issues.clear()
        github.comments.clear()
        bot(github).apply(issue(priority="P2"))
        github.issues[1]["state"] = "closed"
        github.add_issue(APP, "Other", f"<!-- whybot:{related} -->", [])

    prepare()
    bot(github, THIRD).apply(back)
    wanted = seen()
    for at in range(1, 30):
        prepare()
        clock = Mortal()
        github.faults[:] = [Fault(how="cut", after=after, at=github.upcoming(at), act=clock.die)]
        try:
            bot(github, THIRD, clock).apply(back)
        except (Killed, ForgeProblem):
            assert clock.dies
        github.faults.clear()
        assert bot(github, THIRD).apply(back).did == "reopened"
        assert seen() == wanted, at
        if not clock.dies:
            assert at > 8
            return
    raise AssertionError("more requests than expected")


def test_a_transferred_issue_is_made_anew_and_said(github: GitHub) -> None:
    first = bot(github)
    first.apply(issue())
    github.transfer_issue(1)
    receipt = first.apply(issue(body="More."))
    assert (receipt.did, receipt.number) == ("created", 2)
    assert f"was moved to {github.url}/acme/other/issues/9" in receipt.note
    assert "More." not in github.elsewhere["/repos/acme/other/issues/9"]["body"]
    assert github.strayed == []


def test_an_issue_that_is_deleted_in_the_same_moment_is_made_anew(github: GitHub) -> None:
    first = bot(github)
    first.apply(issue())
    github.faults.append(Fault("GET", "/issues/1$", how="pass", act=lambda: github.delete_issue(1)))
    receipt = first.apply(issue(body="More."))
    assert (receipt.did, receipt.number) == ("created", 2)
    assert "not there any more" in receipt.note
    assert first.apply(comment("x")).did == "created"
    assert [len(said(github, number)) for number in (1, 2)] == [0, 1]


def test_a_locked_issue_is_brought_up_to_date_without_comments(github: GitHub) -> None:
    first = bot(github)
    first.apply(issue())
    github.issues[1] |= {"locked": True, "state": "closed"}
    receipt = bot(github, THIRD).apply(issue(body="More.", news="It is back."))
    assert (receipt.did, "locked" in receipt.note) == ("reopened", True)
    assert "More." in github.issues[1]["body"]
    refused = first.apply(comment("x"))
    assert (refused.did, "locked" in refused.note) == ("not published", True)
    assert said(github, 1) == []


def test_issues_that_are_switched_off_are_said(github: GitHub) -> None:
    github.has_issues = False
    with pytest.raises(ForgeProblem) as caught:
        bot(github).apply(issue())
    assert "switched off" in caught.value.remedy


def test_the_longest_body_is_taken(github: GitHub) -> None:
    first = bot(github)
    text = "\n\n".join(f"## Part {number}\n\n" + "@all words, " * 200 for number in range(100))
    assert first.apply(issue(body=text)).did == "created"
    assert first.apply(comment(text)).did == "created"
    assert first.apply(issue(body=text)).did == "unchanged"
    assert first.apply(comment(text)).did == "unchanged"
    assert "Cut here" in github.issues[1]["body"]
    # Somebody writes a story of her own above it, in the browser.
    story = "story " * 700 + "\r\n"
    github.issues[1]["body"] = story + github.issues[1]["body"].replace("\n", "\r\n")
    assert bot(github, THIRD).apply(issue(body=text)).did == "updated"
    body = github.issues[1]["body"]
    assert body.startswith(story)
    assert 60_000 < len(body) <= 65_536
    assert body.count("Cut here") == 1
    assert bot(github, THIRD).apply(issue(body=text)).did == "unchanged"


def test_a_tracking_issue_is_pinned_and_three_others_are_no_failure(github: GitHub) -> None:
    first = bot(github)
    assert first.apply(tracking()).note == ""
    assert github.pinned == [1]
    assert first.apply(tracking(open=False)).did == "updated"
    assert (github.pinned, github.issues[1]["state"]) == ([], "closed")
    del github.issues[1]
    github.pinned = [github.add_issue(APP, "Pinned", "", [])["number"] for _ in range(3)]
    receipt = bot(github).apply(tracking())
    assert (receipt.did, "3 are pinned" in receipt.note) == ("created", True)
