"""One issue an incident, in company: people, other bots, earlier versions, and whatever a forge does to an issue."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.config import PolicyConfig
from bot.domain.effects import IssueKey, markers_in
from bot.domain.errors import ForgeGone, NotOffered
from bot.ports import ForgeComment, ForgeIssue
from tests.engine.publishing import KEY, LATER, Bench, comment, issue, pull, reply, tracking
from tests.unit.records import FINGERPRINT

OTHER = IssueKey(repository="acme/shop", fingerprint="v1-ffffffffffffffff")
THIRD = IssueKey(repository="acme/shop", fingerprint="v1-eeeeeeeeeeeeeeee")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def said(bench: Bench, number: int) -> list[str]:
    return [one.body for one in bench.forge.comments(number)]


# Earlier versions


def test_an_earlier_rule_versions_issue_is_the_same_issue(bench: Bench) -> None:
    bench.apply(issue())
    newer = bench.later()
    now = OTHER.model_copy(update={"fingerprint": "v2-ffffffffffffffff"})
    newer.scope = newer.scope.model_copy(update={"fingerprint": now.fingerprint})
    assert newer.apply(issue(key=now, aliases=(KEY,), body="New rules.")).did == "updated"
    assert markers_in(bench.issue.body) == {str(now)}


FORMER = (
    "> **Dry run.** Nothing was published.\n\n## What happened\n\n12 entries.\n\n## Five whys\n\n1. It fails.\n\n"
    f"Fingerprint `{FINGERPRINT}`; code at `an unknown commit`.\n\n<!-- whybot:{KEY} -->\n"
)


@pytest.mark.parametrize(("above", "between", "below"), [
    ("", "", ""), ("We look at it.\n\n", "", "\nSee the runbook.\n"), ("", "Ada: a note\n\n", ""),
    ("a", "b\n\n", "c"), ("- [ ] one\n", "\n- [x] two\n\n", "```\nopen"),
])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_body_of_the_former_version_is_taken_over(
    bench: Bench, above: str, between: str, below: str, line_end: str
) -> None:
    head, middle, tail = FORMER.partition(f"\n\n<!-- whybot:{KEY}")
    old = f"{above}\n{head}\n{between}{middle}{tail}{below}" if above else f"{head}\n{between}{middle}{tail}{below}"
    bench.forge.create_issue("t", old.replace("\n", line_end), ())
    assert bench.apply(issue()).did == "updated"
    body = bench.issue.body
    for text in (above, between, below):
        assert text.strip().replace("\n", line_end) in body
    assert "What happened" not in body
    assert "It does." in body
    assert body.count("<!-- whybot:") == 2
    assert bench.apply(issue()).did == "unchanged"


def test_a_body_of_which_nothing_is_known_stays_whole(bench: Bench) -> None:
    bench.forge.create_issue("t", f"Something else.\n\n<!-- whybot:{KEY} -->\nAnd more.\n", ())
    assert bench.apply(issue()).did == "updated"
    assert bench.issue.body.startswith("Something else.\n\n<!-- What follows")
    assert bench.issue.body.endswith("-->\nAnd more.\n")
    assert bench.apply(issue()).did == "unchanged"


# People


def test_a_title_that_a_person_gave_stays(bench: Bench) -> None:
    bench.apply(issue())
    assert bench.later().apply(issue(title="Another", body="More.")).did == "updated"
    assert bench.issue.title == "Startup fails", "a title is given once"
    bench.forge.close_issue(1, "completed")
    third = bench.later("20251109T081500Z-0a1b2c")
    assert third.apply(issue(title="Another")).did == "reopened"
    assert bench.issue.title == "Another", "and at a regression"
    bench.edit(1, title="Ada's")
    bench.forge.close_issue(1, "completed")
    assert bench.later("20251110T081500Z-0a1b2c").apply(issue(title="A fourth")).did == "reopened"
    assert bench.issue.title == "Ada's"


def test_the_text_is_found_again_when_somebody_wrote_the_whole_body_anew(bench: Bench) -> None:
    bench.apply(issue())
    bench.edit(1, "Only this.")
    assert bench.apply(issue()).number == 1
    assert bench.issue.body.startswith("Only this.\n\n<!-- What follows")
    bench.edit(1, "Only this.")
    bench.forge.close_issue(1, "completed")
    receipt = bench.apply(issue())
    assert (receipt.did, "stays closed" in receipt.note) == ("unchanged", True)


def test_a_body_without_room_is_left_alone(bench: Bench) -> None:
    bench.apply(issue())
    full = bench.issue.body.replace("It does.", "") + "x" * 65_000
    bench.edit(1, full)
    receipt = bench.later().apply(issue(body="y" * 3_000, labels=("whybot",)))
    assert (receipt.did, "no room" in receipt.note) == ("unchanged", True)
    assert bench.issue.body == full


def test_a_body_that_is_nearly_full_gets_what_fits(bench: Bench) -> None:
    bench.apply(issue())
    bench.edit(1, bench.issue.body + "x" * 60_000)
    assert bench.later().apply(issue(body="A sentence.\n\n" * 2_000)).did == "updated"
    assert 60_000 < len(bench.issue.body) <= 65_536
    assert "Cut here" in bench.issue.body
    assert bench.issue.body.endswith("x" * 60_000)


# Labels


def labels(bench: Bench) -> set[str]:
    return set(bench.issue.labels)


def test_one_priority_and_the_labels_of_people(bench: Bench) -> None:
    bench.apply(issue(priority="P2"))
    assert labels(bench) == {"whybot", "P2"}
    bench.forge.update_issue(1, "t", bench.issue.body, ("team-a",), reopen=False)
    assert bench.later().apply(issue(priority="P0")).did == "updated"
    assert labels(bench) == {"whybot", "team-a", "P0"}
    assert bench.later().apply(issue(priority="P0")).did == "unchanged"
    assert bench.later(priority_labels=False).apply(issue(priority="P3")).did == "unchanged"
    assert labels(bench) == {"whybot", "team-a", "P0"}


def test_a_priority_that_a_person_gave_stays(bench: Bench) -> None:
    bench.apply(issue(priority="P2"))
    bench.forge.update_issue(1, "t", bench.issue.body, ("p1",), reopen=False)
    bench.later().apply(issue(priority="P3"))
    assert labels(bench) == {"whybot", "p1"}
    bench.later().apply(issue(priority="P2"))
    assert labels(bench) == {"whybot", "p1"}
    bench.forge.unlabel_issue(1, ("p1",))
    bench.later().apply(issue(priority="P2"))
    assert labels(bench) == {"whybot", "P2"}


def test_of_the_former_versions_priorities_one_is_left(bench: Bench) -> None:
    bench.forge.create_issue("t", f"<!-- whybot:{KEY} -->", ("P1", "p3", "bug"))
    bench.apply(issue(priority="P2"))
    assert labels(bench) == {"whybot", "P2", "bug"}


def test_no_priority_where_policy_wants_none(tmp_path: Path) -> None:
    bench = Bench(tmp_path, PolicyConfig(priority_labels=False))
    bench.apply(issue(priority="P2"))
    assert labels(bench) == {"whybot"}


# Related


def test_related_issues_are_linked_by_number(bench: Bench) -> None:
    for number, key in enumerate((THIRD, OTHER, OTHER), start=1):
        bench.forge.create_issue("t", f"<!-- whybot:{key} -->", ())
        assert list(bench.forge.issues())[-1].number == number
    bench.forge.close_issue(2, "completed")
    wanted = issue(body="See #1.", related=(OTHER, KEY, THIRD, OTHER))
    bench.apply(wanted)
    made = list(bench.forge.issues())[-1]
    assert "\n\nRelated: #3, #1\n\n<!--" in made.body
    assert "See #1" not in made.body
    assert bench.apply(wanted).did == "unchanged"
    bench.apply(issue(related=(IssueKey(repository="acme/shop", fingerprint="v1-dddddddddddddddd"),)))
    assert "Related" not in list(bench.forge.issues())[-1].body


# Regressions


def test_a_closed_issue_is_opened_again_by_a_later_cycle(bench: Bench) -> None:
    wanted = issue(news="It came with revision @shop-00009.")
    bench.apply(wanted)
    assert said(bench, 1) == []
    bench.forge.close_issue(1, "completed")
    later = bench.later()
    assert later.apply(wanted).did == "reopened"
    assert bench.issue.open
    (told,) = said(bench, 1)
    assert "It came with revision @\u2060shop-00009." in told
    assert later.apply(wanted).did == "reopened", "that is what it came to, asked again or not"
    assert len(said(bench, 1)) == 1
    bench.forge.close_issue(1, "completed")
    receipt = later.apply(wanted)
    assert (receipt.did, bench.issue.open) == ("unchanged", False), "somebody closed it after the cycle had seen it"
    assert bench.later("20251109T081500Z-0a1b2c").apply(wanted).did == "reopened"
    assert len(said(bench, 1)) == 2


def test_an_older_cycle_does_not_undo_what_a_later_one_wrote(bench: Bench) -> None:
    bench.apply(issue())
    bench.later().apply(issue(body="Newer."))
    assert bench.apply(issue()).did == "unchanged"
    assert "Newer." in bench.issue.body
    bench.forge.close_issue(1, "completed")
    receipt = bench.apply(issue())
    assert (receipt.did, receipt.number, bench.issue.open) == ("unchanged", 1, False)
    assert "later cycle" in receipt.note


def test_news_on_a_locked_issue_are_left_out_and_said(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.apply(issue())
    bench.forge.close_issue(1, "completed")

    def locked(number: int, body: str) -> ForgeComment:
        raise NotOffered("It is locked.", "Unlock it.")

    monkeypatch.setattr(bench.forge, "create_comment", locked)
    receipt = bench.later().apply(issue(news="More."))
    assert (receipt.did, receipt.note) == ("reopened", "It is locked. Unlock it.")
    assert bench.apply(comment("x")).did == "not published"
    assert bench.apply(reply(1)).note == "It is locked. Unlock it."


# Duplicates


def test_of_two_open_ones_the_older_stays(bench: Bench) -> None:
    bench.apply(issue())
    bench.forge.create_issue("A twin", bench.issue.body, ("whybot",))
    receipt = bench.later().apply(issue(body="More."))
    assert (receipt.did, receipt.number) == ("updated", 1)
    first, twin = bench.forge.issues()
    assert (first.open, twin.open) == (True, False)
    (told,) = said(bench, 2)
    assert "\nDuplicate of #1\n" in told
    assert str(KEY) not in markers_in(twin.body)
    assert said(bench, 1) == []
    bench.forge.update_issue(2, "A twin", twin.body, (), reopen=True)
    assert bench.later().apply(issue(body="More.")).did == "unchanged"
    assert list(bench.forge.issues())[1].open, "who opens it again is left alone"


def test_a_closed_duplicate_is_not_opened_again(bench: Bench) -> None:
    """Killed after it was closed and before the key was taken from it; then the other one was deleted."""
    bench.apply(issue())
    body = bench.issue.body
    bench.forge.create_issue("A twin", body, ())
    bench.later().apply(issue())
    bench.edit(2, body)
    (bench.folder / "issues/0001.md").unlink()
    receipt = bench.later("20251109T081500Z-0a1b2c").apply(issue())
    assert (receipt.did, receipt.number) == ("created", 3)
    assert [one.open for one in bench.forge.issues()] == [False, True]


# What a forge does to an issue


def test_a_deleted_issue_is_made_anew_and_said(bench: Bench) -> None:
    bench.apply(issue())
    bench.apply(comment("x"))
    (bench.folder / "issues/0001.md").unlink()
    assert bench.apply(comment("y")).did == "not published"
    receipt = bench.apply(issue())
    assert (receipt.did, receipt.number) == ("created", 2)
    assert "1 " in receipt.note
    assert "new one was made" in receipt.note
    assert bench.apply(comment("y")).did == "created"
    assert len(said(bench, 2)) == 1


def test_an_issue_that_goes_away_in_the_same_moment_is_made_anew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.apply(issue())
    update = bench.forge.update_issue

    def moved(number: int, *given: object, **more: object) -> ForgeIssue:
        if number == 1:
            raise ForgeGone("Issue 1 was moved to https://github.com/acme/attic/issues/9.", "Move it back.")
        return update(number, *given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(bench.forge, "update_issue", moved)
    receipt = bench.later().apply(issue(body="More."))
    assert (receipt.did, receipt.number) == ("created", 2)
    assert receipt.note == "Issue 1 was moved to https://github.com/acme/attic/issues/9. So a new one was made."


def test_issues_that_go_away_all_the_time_are_given_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.apply(issue())
    body = bench.issue.body
    listed = [ForgeIssue(number=number, title="t", body=body, labels=(), open=True, url="") for number in range(1, 9)]

    def gone(number: int, *given: object, **more: object) -> ForgeIssue:
        raise ForgeGone(f"Issue {number} is gone.", "")

    monkeypatch.setattr(bench.forge, "issues", lambda: iter(listed))
    monkeypatch.setattr(bench.forge, "update_issue", gone)
    monkeypatch.setattr(bench.forge, "comments", lambda number: iter(()))
    with pytest.raises(ForgeGone, match=r"Issue 1 is gone\. Issue 2 is gone\. Issue 3 is gone\."):
        bench.later().apply(issue(body="More."))


def test_a_deleted_comment_is_made_anew(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.apply(issue())
    bench.apply(comment("one"))
    update = bench.forge.update_comment

    def gone(number: int, body: str) -> ForgeComment:
        monkeypatch.setattr(bench.forge, "update_comment", update)
        (bench.folder / "issues/0001.comments" / f"{number:04d}.md").unlink()
        raise ForgeGone("Comment 1 is gone.", "")

    monkeypatch.setattr(bench.forge, "update_comment", gone)
    assert bench.apply(comment("two")).did == "created"
    assert len(said(bench, 1)) == 1
    assert "two" in said(bench, 1)[0]


# Tracking issues


def test_a_tracking_issue_is_pinned_once_and_closed_at_the_end(bench: Bench) -> None:
    path = bench.folder / "issues/0001.md"
    assert bench.apply(tracking()).did == "created"
    assert "pinned: true" in path.read_text()
    assert bench.apply(tracking()).did == "unchanged"
    bench.forge.pin_issue(1, False)
    assert bench.apply(tracking(body="| 1 | done |")).did == "updated"
    assert "pinned: true" not in path.read_text(), "a person unpinned it"
    bench.forge.pin_issue(1, True)
    assert bench.apply(tracking(body="| 1 | done |", open=False)).did == "updated"
    assert "pinned: true" not in path.read_text()
    assert not bench.issue.open
    assert bench.apply(tracking(body="| 1 | done |", open=False)).did == "unchanged"
    assert bench.issue.title == "A run"


def test_a_tracking_issue_that_a_person_closed_stays_closed(bench: Bench) -> None:
    bench.apply(tracking())
    bench.forge.close_issue(1, "not planned")
    assert bench.apply(tracking(body="| 1 | done |")).did == "updated"
    assert not bench.issue.open
    assert "done" in bench.issue.body


def test_a_tracking_issue_that_may_not_be_pinned_is_made_all_the_same(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(number: int, pinned: bool) -> None:
        raise NotOffered("3 are pinned already.", "Unpin one.")

    monkeypatch.setattr(bench.forge, "pin_issue", refuse)
    receipt = bench.apply(tracking())
    assert (receipt.did, receipt.note) == ("created", "3 are pinned already. Unpin one.")
    assert bench.apply(tracking()).did == "unchanged"
    assert bench.apply(tracking(open=False)).did == "updated"
    assert not bench.issue.open


def test_an_earlier_cycle_does_not_take_the_table_back(bench: Bench) -> None:
    bench.apply(tracking())
    second = bench.later()
    second.scope = bench.scope.model_copy(update={"cycle": 2})
    second.apply(tracking(body="| 2 | running |"))
    assert bench.apply(tracking(open=False)).did == "unchanged"
    assert bench.issue.open
    assert "| 2 | running |" in bench.issue.body


# Links to the bot's own things


def test_links_are_filled_in_by_who_publishes(bench: Bench) -> None:
    head = bench.commit()
    text = f"[[issue {FINGERPRINT}]], [[issue {OTHER.fingerprint}]], [[pull whybot/x]], [[check {head}]], [[record]]"
    bench.forge.create_issue("t", f"<!-- whybot:{OTHER} -->", ())
    bench.apply(issue())
    bench.apply(comment(text))
    assert "#2, #1, not published, not published, the files of the run" in said(bench, 2)[0]
    bench.apply(bench.branch(head))
    bench.apply(pull())
    assert bench.apply(comment(text)).did == "updated"
    assert "#2, #1, #3, not published" in said(bench, 2)[0]


def test_a_hostile_text_costs_no_more_requests_than_a_run_needs(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(bench.forge, "pulls", lambda branch: asked.append(branch) or iter(()))
    bench.apply(issue(body=" ".join(f"[[pull whybot/{number}]]" for number in range(2_000))))
    assert len(asked) <= 40
    asked.clear()
    bench.apply(issue(body="[[pull main]] [[pull ../x]] [[check 123]] [[issue x]] [[pull whybot/x]](y)"))
    assert asked == []
    assert LATER not in bench.issue.body
