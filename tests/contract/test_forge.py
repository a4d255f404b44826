"""What every forge promises: the folder, and GitHub as each kind of account sees it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

import pytest

from bot.domain.effects import Annotation
from bot.domain.errors import ForgeConflict, ForgeGone, ForgeProblem, NotOffered
from bot.ports import FileChange
from tests.contract.forge_setting import BODY, SECRET, STRANGER, TOKENS, WHEN, Bench


def test_an_issue(bench: Bench) -> None:
    made = bench.forge.create_issue("It's 5 o'clock: \"quotes\" #1", BODY, ("whybot", "bug", "whybot"))
    assert (made.number, made.title, made.body, made.open) == (1, "It's 5 o'clock: \"quotes\" #1", BODY, True)
    assert made.url
    assert set(made.labels) == {"whybot", "bug"}
    assert list(bench.forge.issues()) == [made]
    assert list(bench.again().issues()) == [made]


def test_an_empty_body(bench: Bench) -> None:
    made = bench.forge.create_issue("t", "", ())
    assert (made.body, made.labels) == ("", ())
    assert list(bench.again().issues()) == [made]


def test_update_keeps_labels_and_state(bench: Bench) -> None:
    bench.forge.create_issue("other", "other", ())
    made = bench.forge.create_issue("old", "old", ("a",))
    changed = bench.forge.update_issue(made.number, "new", "new body\n", ("b", "a"), reopen=False)
    assert (changed.number, changed.title, changed.body, changed.open) == (2, "new", "new body\n", True)
    assert set(changed.labels) == {"a", "b"}
    assert changed.url == made.url
    assert [issue.title for issue in bench.again().issues()] == ["other", "new"]
    assert list(bench.again().issues())[1] == changed


def test_reopen(bench: Bench) -> None:
    made = bench.forge.create_issue("t", "b", ())
    bench.close_by_hand(made.number)
    assert [issue.open for issue in bench.forge.issues()] == [False]
    assert bench.forge.update_issue(made.number, "t", "b", (), reopen=False).open is False
    assert bench.forge.update_issue(made.number, "t", "b", (), reopen=True).open is True
    assert [issue.open for issue in bench.again().issues()] == [True]


def test_listings_are_complete(bench: Bench) -> None:
    issues, comments = (230, 105) if bench.github is not None else (12, 12)
    for number in range(1, issues + 1):
        if bench.github is not None:
            bench.github.add_issue(TOKENS[bench.kind], f"t{number}", f"b{number}", [])
        else:
            bench.forge.create_issue(f"t{number}", f"b{number}", ())
    listed = list(bench.again().issues())
    assert [issue.number for issue in listed] == list(range(1, issues + 1))
    assert listed[-1].body == f"b{issues}"
    bench.forge.create_comment(1, "elsewhere")
    for count in range(comments):
        if bench.github is not None:
            bench.github.add_comment(TOKENS[bench.kind], issues, f"c{count}")
        else:
            bench.forge.create_comment(issues, f"c{count}")
    said = list(bench.again().comments(issues))
    assert [comment.body for comment in said] == [f"c{count}" for count in range(comments)]
    assert len({comment.id for comment in said}) == comments


def test_comments(bench: Bench) -> None:
    for title in ("one", "two"):
        bench.forge.create_issue(title, "", ())
    first = bench.forge.create_comment(1, BODY)
    second = bench.forge.create_comment(2, "x")
    third = bench.forge.create_comment(1, "y")
    assert len({first.id, second.id, third.id}) == 3
    assert first.body == BODY
    assert first.url
    changed = bench.forge.update_comment(first.id, "changed\n")
    assert (changed.id, changed.body, changed.url) == (first.id, "changed\n", first.url)
    assert list(bench.again().comments(1)) == [changed, third]
    assert list(bench.again().comments(2)) == [second]


def test_push_and_branch_head(bench: Bench) -> None:
    branch = "whybot/startup/20260304t050607z-0a1b2c-1"
    assert bench.forge.branch_head(branch) is None
    assert bench.forge.push(branch, bench.commit).endswith(branch)
    assert bench.forge.branch_head(branch) == bench.commit
    assert bench.again().branch_head(branch) == bench.commit
    bench.forge.push(branch, bench.commit)
    other = bench.workspace.commit(bench.base, (FileChange(path="fix.py", content=b"2"),), "Fix", WHEN)
    bench.forge.push(branch, other)
    assert bench.forge.branch_head(branch) == other
    assert bench.forge.branch_head("whybot/startup") is None
    with pytest.raises(ForgeProblem, match="bot's own"):
        bench.forge.push("main", other)
    with pytest.raises(ForgeProblem):
        bench.forge.push(branch, "0" * 40)
    assert bench.forge.branch_head(branch) == other


def test_pull_requests(bench: Bench) -> None:
    issue = bench.forge.create_issue("issue", "", ())
    with pytest.raises(ForgeProblem):
        bench.forge.create_pull("t", "b", "whybot/fix", draft=True)
    for branch in ("whybot/fix", "whybot/fix-2"):
        bench.forge.push(branch, bench.commit)
    made = bench.forge.create_pull("Fix it", BODY, "whybot/fix", draft=True)
    assert (made.number, made.title, made.body) == (issue.number + 1, "Fix it", BODY)
    assert (made.head_branch, made.draft, made.open) == ("whybot/fix", True, True)
    other = bench.forge.create_pull("Other", "", "whybot/fix-2", draft=False)
    assert (other.number, other.draft) == (3, False)
    assert bench.forge.create_pull("Again", "", "whybot/fix", draft=True) == made, "the one that is open is returned"
    changed = bench.forge.update_pull(made.number, "Fixed", "new\n")
    assert (changed.title, changed.body, changed.url, changed.draft) == ("Fixed", "new\n", made.url, True)
    assert list(bench.again().pulls("whybot/fix")) == [changed]
    assert list(bench.again().pulls("whybot/fix-2")) == [other]
    assert list(bench.again().pulls("whybot/none")) == []
    assert [item.number for item in bench.again().issues()] == [issue.number], "a pull request is no issue"
    comment = bench.forge.create_comment(made.number, "on a pull request")
    assert list(bench.again().comments(made.number)) == [comment]
    assert list(bench.again().comments(issue.number)) == []
    assert bench.forge.create_issue("after", "", ()).number == 4
    with pytest.raises(ForgeProblem):
        bench.forge.update_issue(made.number, "t", "b", (), reopen=False)


def test_checks(bench: Bench) -> None:
    bench.forge.push("whybot/fix", bench.commit)
    if bench.kind == "person":
        with pytest.raises(NotOffered, match="App"):
            bench.forge.create_check(bench.commit, "check a", "whybot", "failure", "2 of 4", BODY)
        return
    assert list(bench.forge.checks(bench.commit)) == []
    assert list(bench.forge.checks("0" * 40)) == [], "a commit that is not there has none"
    made = [
        bench.forge.create_check(bench.commit, f"check {key}", "whybot", "failure", "2 of 4", BODY) for key in "ab"
    ]
    elsewhere = bench.forge.create_check(bench.base, "check c", "whybot", "neutral", "t", "s")
    assert len({check.id for check in (*made, elsewhere)}) == 3
    assert [(check.external_id, check.conclusion) for check in made] == [("check a", "failure"), ("check b", "failure")]
    assert {(check.title, check.summary, check.annotations) for check in made} == {("2 of 4", BODY, 0)}
    changed = bench.forge.update_check(made[0].id, "success", "4 of 4", "s")
    assert (changed.id, changed.external_id, changed.conclusion) == (made[0].id, "check a", "success")
    assert (changed.title, changed.summary) == ("4 of 4", "s")
    assert list(bench.again().checks(bench.commit)) == [changed, made[1]]
    assert list(bench.again().checks(bench.base)) == [elsewhere]


def test_what_is_not_there(bench: Bench) -> None:
    attempts: tuple[Callable[[], object], ...] = (
        lambda: bench.forge.update_issue(99, "t", "b", (), reopen=True),
        lambda: bench.forge.unlabel_issue(99, ("x",)),
        lambda: bench.forge.close_issue(99, "completed"),
        lambda: bench.forge.pin_issue(99, True),
        lambda: bench.forge.create_comment(99, "b"),
        lambda: list(bench.forge.comments(99)),
        lambda: bench.forge.update_comment(99, "b"),
        lambda: bench.forge.react(99, "eyes"),
        lambda: bench.forge.update_pull(99, "t", "b"),
    )
    for attempt in attempts:
        with pytest.raises(ForgeGone) as caught:
            attempt()
        assert caught.value.remedy
    with pytest.raises(ForgeProblem):
        bench.forge.update_check(99, "success", "t", "s")
    assert bench.forge.comment_text(99) is None
    assert list(bench.forge.issues()) == []


def test_a_name_for_people(bench: Bench) -> None:
    assert "folder" in bench.forge.name or bench.forge.name == "GitHub acme/shop"
    assert SECRET not in bench.forge.name




def test_whose_account_it_is(bench: Bench) -> None:
    account = bench.forge.account
    assert account.kind == bench.kind
    assert account.starts_ci is (bench.kind in {"app", "person"})
    assert account.login == (TOKENS[bench.kind].login if bench.kind in TOKENS else "folder")


def test_labels_are_taken_away(bench: Bench) -> None:
    made = bench.forge.create_issue("t", "b", ("whybot", "P1", "a/b c", "theirs"))
    bench.forge.unlabel_issue(made.number, ("p1", "a/b c", "not there"))
    (issue,) = bench.again().issues()
    assert set(issue.labels) == {"whybot", "theirs"}
    assert (issue.title, issue.body, issue.open) == ("t", "b", True)
    bench.forge.unlabel_issue(made.number, ("P1",))
    assert list(bench.again().issues()) == [issue]


@pytest.mark.parametrize("reason", ["completed", "not planned", "duplicate"])
def test_closing(bench: Bench, reason: Literal["completed", "not planned", "duplicate"]) -> None:
    made = bench.forge.create_issue("t", "b", ("whybot",))
    closed = bench.forge.close_issue(made.number, reason)
    assert closed == made.model_copy(update={"open": False})
    assert list(bench.again().issues()) == [closed]
    assert bench.forge.close_issue(made.number, "completed") == closed
    if bench.github is not None:
        assert bench.github.issues[1]["state_reason"] == reason.replace(" ", "_"), "a person's reason stays, too"
    reopened = bench.forge.update_issue(made.number, "t", "b", (), reopen=True)
    assert reopened == made


def test_pins(bench: Bench) -> None:
    first, second = (bench.forge.create_issue(title, "b", ()) for title in ("one", "two"))
    for _ in range(2):
        bench.forge.pin_issue(first.number, True)
        bench.forge.pin_issue(second.number, False)
        if bench.github is None:
            assert "pinned: true" in (bench.folder / "issues/0001.md").read_text()
            assert "pinned" not in (bench.folder / "issues/0002.md").read_text()
        else:
            assert list(bench.github.pinned) == [first.number]
    bench.forge.pin_issue(first.number, False)
    if bench.github is None:
        assert "pinned" not in (bench.folder / "issues/0001.md").read_text()
    else:
        assert list(bench.github.pinned) == []
    assert list(bench.again().issues()) == [first, second]


def test_reactions(bench: Bench) -> None:
    bench.forge.create_issue("t", "b", ())
    comment = bench.forge.create_comment(1, "/bot status")
    if bench.github is not None:
        comment = comment.model_copy(update={"id": bench.github.add_comment(STRANGER, 1, "/bot status")["id"]})
    for reaction in ("eyes", "rocket", "eyes", "eyes"):
        bench.again().react(comment.id, reaction)
    assert bench.reactions(comment.id) == ["eyes", "rocket"]
    assert bench.forge.comment_text(comment.id) == "/bot status"


def test_what_a_comment_says_now(bench: Bench) -> None:
    bench.forge.create_issue("t", "b", ())
    comment = bench.forge.create_comment(1, BODY)
    assert bench.forge.comment_text(comment.id) == BODY
    bench.forge.update_comment(comment.id, "changed")
    assert bench.again().comment_text(comment.id) == "changed"
    bench.delete_comment(comment.id)
    assert bench.again().comment_text(comment.id) is None
    with pytest.raises(ForgeGone):
        bench.forge.update_comment(comment.id, "again")
    with pytest.raises(ForgeGone):
        bench.forge.react(comment.id, "eyes")


def test_the_state(bench: Bench) -> None:
    forge, other = bench.forge, bench.again()
    assert forge.state("ledger.json") is None
    with pytest.raises(ForgeConflict):
        forge.put_state("ledger.json", b"x", "0" * 40)
    content = b'{"cycles": []}\n\xff\x00' + bytes(range(256))
    first = forge.put_state("ledger.json", content, None)
    for reader in (forge, other, bench.again()):
        found = reader.state("ledger.json")
        assert found is not None
        assert (found.content, found.version) == (content, first)
    assert forge.put_state("ledger.json", content, None) == first, "an answer that was lost: it is there already"
    with pytest.raises(ForgeConflict) as caught:
        other.put_state("ledger.json", b"mine", None)
    assert "another run" in str(caught.value)
    second = other.put_state("ledger.json", b"", first)
    assert second != first
    with pytest.raises(ForgeConflict):
        forge.put_state("ledger.json", b"lost", first)
    assert forge.put_state("other.json", b"2", None) != second
    assert [found.content for name in ("ledger.json", "other.json") if (found := forge.state(name))] == [b"", b"2"]
    assert forge.state("none.json") is None
    for name in ("", "../x", "a/b", ".git", "Ünï", "x" * 99):
        with pytest.raises(ForgeProblem, match="no name"):
            forge.state(name)
        with pytest.raises(ForgeProblem, match="no name"):
            forge.put_state(name, b"", None)


def test_any_number_of_annotations(bench: Bench) -> None:
    if bench.kind == "person":
        return  # It can make no checks; test_checks has its refusal.
    remarks = tuple(annotation(number) for number in range(1, 121))
    made = bench.forge.create_check(bench.base, "k", "whybot", "failure", "HOLD", "Summary.", remarks)
    assert titles(bench, made.id) == [f"rule {number}" for number in range(1, 121)]
    bench.again().update_check(made.id, "success", "GO", "Now.", remarks)
    assert titles(bench, made.id) == [f"rule {number}" for number in range(1, 121)], "none is there twice"
    bench.again().update_check(made.id, "success", "GO", "Now.")
    assert len(titles(bench, made.id)) == 120
    (check,) = bench.again().checks(bench.base)
    assert check.conclusion == "success"
    assert (check.title, check.summary, check.annotations, made.annotations) == ("GO", "Now.", 120, 120)
    few = bench.forge.create_check(bench.base, "few", "whybot", "neutral", "t", "s", remarks[:2])
    bench.again().update_check(few.id, "neutral", "t", "s", remarks)
    assert titles(bench, few.id) == [f"rule {number}" for number in range(1, 121)], "those that were missing"


def annotation(number: int) -> Annotation:
    return Annotation(
        path="tests/test_a.py", start_line=number, end_line=number + 1, level="warning", title=f"rule {number}",
        message="It asserts nothing.",
    )


def titles(bench: Bench, check: int) -> list[str]:
    if bench.github is not None:
        kept = bench.github.checks[check]["annotations"]
        assert {(one["path"], one["annotation_level"]) for one in kept} == {("tests/test_a.py", "warning")}
        assert [one["end_line"] - one["start_line"] for one in kept] == [1] * len(kept)
        return [one["title"] for one in kept]
    text = (bench.folder / f"checks/{bench.base}/{check:04d}.md").read_text()
    return re.findall(r"^- `tests/test_a.py:\d+` warning: (rule \d+) It asserts nothing.$", text, re.MULTILINE)
