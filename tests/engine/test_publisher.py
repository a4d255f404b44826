from __future__ import annotations

from pathlib import Path

import pytest

from bot.adapters.local_documents import CheckHead, read
from bot.domain.config import PolicyConfig
from bot.domain.effects import Annotation, IssueKey, Receipt, RecordedEffect, ReplyKey, RunKey, markers_in
from bot.domain.errors import ForgeProblem, NotOffered, PolicyRefused
from bot.engine.publishing.scope import scope_of
from bot.ports import FileChange, ForgeCheck
from tests.engine.publishing import KEY, RUN, TARGET, Bench, check, comment, cycle_key, issue, pull, reply, tracking
from tests.fakes.repositories import commit_all, git
from tests.unit.records import FINGERPRINT, START, incident, record, retrieved, step

OTHER = IssueKey(repository="acme/shop", fingerprint="v1-ffffffffffffffff")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_scope_is_what_the_record_says(bench: Bench) -> None:
    base = bench.base
    assert scope_of(record(step("retrieve", result=retrieved(incident(), base)))) == bench.scope
    empty = scope_of(record())
    assert (empty.fingerprint, empty.base, empty.target) == (None, None, "")
    assert (empty.run, empty.cycle) == (RUN, 1)


def test_an_issue_is_made_once_and_then_found_by_its_marker(bench: Bench) -> None:
    assert bench.apply(issue()).did == "created"
    assert bench.apply(issue()).did == "unchanged"
    assert bench.apply(issue(body="It does, again.")).did == "updated"
    assert "again" in bench.issue.body


def test_a_marker_in_foreign_text_is_no_marker(bench: Bench) -> None:
    forged = f"<!-- whybot:{OTHER} -->"
    bench.forge.create_issue("Quotes a marker", f"quoted: <!-- whybot:{KEY} -->", ())
    ends = f"<!-- whybot:/{KEY} -->"
    assert bench.apply(issue(body=f"{forged}\n\n```\n{forged}\n{ends}\n```\n<!--  WHYBOT :x -->")).did == "created"
    _, made = bench.forge.issues()
    assert markers_in(made.body) == {str(KEY)}
    assert bench.apply(issue(body="short")).did == "updated"
    _, made = bench.forge.issues()
    assert "WHYBOT" not in made.body, "the end that was quoted is none"


def test_what_is_untrusted_does_not_act_and_no_secret_passes(bench: Bench) -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    bench.apply(issue(title=f"by @octocat {secret}", body=f"@octocat see #1 <img src=x> ![x](y) {secret}\n/bot cycle"))
    only = bench.issue
    for text in (only.title, only.body):
        assert secret not in text
        assert "@octocat" not in text
    assert "#1" not in only.body
    assert "\\<img" in only.body
    assert "\n/bot" not in only.body


def test_a_comment_follows_its_issue(bench: Bench) -> None:
    with pytest.raises(ForgeProblem, match="no number yet"):
        bench.apply(comment("one"))
    bench.apply(issue())
    assert bench.apply(comment("one")).did == "created"
    assert bench.apply(comment("one")).did == "unchanged"
    assert bench.apply(comment("two")).did == "updated"
    assert len(list(bench.forge.comments(1))) == 1


def test_a_branch_its_pull_request_and_its_check(bench: Bench) -> None:
    bench.apply(issue())
    head = bench.commit()
    assert bench.apply(bench.branch(head)).did == "created"
    assert bench.apply(bench.branch(head)).did == "unchanged"
    wanted = pull(body="Fixes #99")
    receipt = bench.apply(wanted)
    assert receipt.did == "created"
    assert bench.apply(wanted) == receipt.model_copy(update={"did": "unchanged"})
    (made,) = bench.forge.pulls("whybot/x")
    assert made.draft
    assert "Fixes #1\n" in made.body
    assert "Fixes #99" not in made.body
    assert bench.apply(check(head)).did == "created"
    assert bench.apply(check(head)).did == "unchanged"
    assert bench.apply(check(head, conclusion="failure")).did == "updated"
    assert len(list(bench.forge.checks(head))) == 1


def test_policy_is_asked_without_a_forge(bench: Bench) -> None:
    bench.publisher._open_forge = lambda: pytest.fail("opened")
    bench.publisher.check(issue(), bench.scope, (), TARGET)
    bench.publisher.check(bench.branch(bench.commit()), bench.scope, (), TARGET)
    with pytest.raises(PolicyRefused):
        bench.publisher.check(bench.branch(bench.base, "README.md"), bench.scope, (), TARGET)


def test_a_check_that_the_account_may_not_make_is_left_out(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: object) -> ForgeCheck:
        raise NotOffered("No.", "Use an App.")

    head = bench.commit()
    bench.apply(bench.branch(head))
    monkeypatch.setattr(bench.forge, "create_check", refuse)
    assert bench.apply(check(head)) == Receipt(did="not published", note="No. Use an App.")


def test_remarks_of_a_check_are_plain_text_on_our_own_files(bench: Bench) -> None:
    head = bench.commit()
    bench.apply(bench.branch(head))

    def remark(path: str, **changes: object) -> Annotation:
        given = {"path": path, "start_line": 7, "end_line": 3, "level": "warning", "title": "t", "message": "m"}
        return Annotation.model_validate({**given, **changes})

    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    receipt = bench.apply(check(head, annotations=(
        remark("shop/app.py", title=f"x {secret}", message="a\u202eb\x1b[2J\u200bc @all <img>"),
        remark("tests/test_app.py", message="\u200b" * 3_000), remark("README.md"), remark("shop/other.py"),
    )))
    assert "2 remarks" in receipt.note
    (path,) = (bench.folder / "checks" / head).glob("*.md")
    first, second = read(path, CheckHead).head.annotations
    assert (first.path, first.start_line, first.end_line) == ("shop/app.py", 7, 7)
    assert first.message == "a\\u{202e}b\\u{1b}[2J\\u{200b}c @all <img>", "nothing is escaped in plain text"
    assert secret not in first.title
    assert (second.path, len(second.message)) == ("tests/test_app.py", 4_000)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"key": IssueKey(repository="acme/other", fingerprint=FINGERPRINT)}, "it is for acme/other"),
        ({"key": OTHER}, "another incident"),
        ({"labels": ("bug",)}, "its labels bug"),
        ({"aliases": (OTHER.model_copy(update={"repository": "acme/other"}),)}, "it is for acme/other"),
        ({"related": (OTHER.model_copy(update={"repository": "acme/other"}),)}, "it is for acme/other"),
        ({"related": (OTHER,) * 21}, "related to 21"),
    ],
)
def test_an_issue_that_policy_forbids(bench: Bench, change: dict[str, object], why: str) -> None:
    with pytest.raises(PolicyRefused, match=why):
        bench.apply(issue(**change))
    assert list(bench.forge.issues()) == []


def test_a_pull_request_that_is_no_draft_and_one_of_another_cycle(bench: Bench) -> None:
    with pytest.raises(PolicyRefused, match="no draft"):
        bench.apply(pull(draft=False))
    for part in ("key", "branch"):
        other = cycle_key("pull_request" if part == "key" else "branch").model_copy(update={"cycle": 2})
        with pytest.raises(PolicyRefused, match="another cycle"):
            bench.apply(pull(**{part: other}))
    with pytest.raises(PolicyRefused, match="another incident"):
        bench.apply(pull(fixes=OTHER))


def test_what_belongs_elsewhere_is_not_published(bench: Bench) -> None:
    bench.apply(issue())
    with pytest.raises(PolicyRefused, match="another run"):
        bench.apply(tracking(key=RunKey(repository="acme/shop", run="20251107T081501Z-0a1b2c")))
    with pytest.raises(PolicyRefused, match="it is for acme/other"):
        bench.apply(reply(1).model_copy(update={"key": ReplyKey(repository="acme/other", comment=1)}))
    with pytest.raises(PolicyRefused, match="another incident"):
        bench.apply(comment("x").model_copy(update={"on": OTHER}))
    with pytest.raises(PolicyRefused, match="no commit that the cycle pushed"):
        bench.apply(check(bench.base))
    head = bench.commit()
    bench.apply(bench.branch(head))
    with pytest.raises(PolicyRefused, match="its names begin with whybot"):
        bench.apply(check(head, name="build"))
    bench.scope = bench.scope.model_copy(update={"run": None, "cycle": None})
    with pytest.raises(PolicyRefused, match="there is none"):
        bench.apply(issue())


def test_one_of_each_in_a_cycle(bench: Bench) -> None:
    bench.apply(issue())
    bench.apply(reply(1))
    other = reply(1).model_copy(update={"key": ReplyKey(repository="acme/shop", comment=78)})
    with pytest.raises(PolicyRefused, match="one answer"):
        bench.apply(other)
    for name in "abcd":
        bench.apply(comment("x", name))
    with pytest.raises(PolicyRefused, match="4 comments"):
        bench.apply(comment("x", "e"))
    bench.known += (RecordedEffect(effect=issue(key=OTHER)),)
    with pytest.raises(PolicyRefused, match="one issue and one pull request"):
        bench.apply(issue())


@pytest.mark.parametrize(
    "path", ["README.md", ".github/workflows/ci.yml", "shop/conftest.py", "tests/conftest.py", "bot.toml",
             "uv.lock", "tests/.gitattributes", "shop/sitecustomize.py"],
)
def test_a_branch_that_touches_what_it_may_not(bench: Bench, path: str) -> None:
    head = bench.commit(path)
    with pytest.raises(PolicyRefused, match=f"it changes {path}"):
        bench.apply(bench.branch(head, path))
    assert bench.forge.branch_head("whybot/x") is None


def test_a_branch_that_changes_more_than_it_says(bench: Bench) -> None:
    head = bench.workspace.commit(
        bench.base, (FileChange(path="shop/app.py", content=b"1\n"), FileChange(path="shop/b.py", content=b"2\n")),
        "Fix", START,
    )
    with pytest.raises(PolicyRefused, match=r"it changes shop/app.py, shop/b.py, but says"):
        bench.apply(bench.branch(head, "shop/app.py"))


def test_a_branch_that_people_pushed_to_is_left_to_them(bench: Bench) -> None:
    head = bench.commit()
    first = bench.branch(head)
    bench.apply(first)
    clone = bench.clone
    git(clone, "checkout", "--quiet", "whybot/x")
    (clone / "shop/app.py").write_text("READY = None\n")
    theirs = commit_all(clone, "Better")
    git(clone, "checkout", "--quiet", "main")
    again = bench.apply(first)
    assert (again.did, "moved since" in again.note) == ("unchanged", True)
    another = bench.commit(content=b"READY = 1\n")
    with pytest.raises(ForgeProblem, match="not the bot's"):
        bench.apply(bench.branch(another))
    # The bot's own commit on top of it makes it no more the bot's to throw away.
    change = FileChange(path="shop/app.py", content=b"READY = 2\n")
    git(clone, "update-ref", "refs/heads/whybot/x", bench.workspace.commit(theirs, (change,), "Fix", START))
    with pytest.raises(ForgeProblem, match="not the bot's"):
        bench.apply(bench.branch(another))


def test_a_pull_request_that_people_ended_stays_so(bench: Bench) -> None:
    bench.apply(issue())
    bench.apply(bench.branch(bench.commit()))
    bench.apply(pull())
    path = bench.folder / "pulls/0002.md"
    path.write_text(path.read_text().replace("open: true", "open: false"))
    receipt = bench.apply(pull(body="More."))
    assert (receipt.did, receipt.number) == ("unchanged", 2)
    assert "closed or merged" in receipt.note
    assert "More" not in path.read_text()


def test_what_people_write_in_a_pull_request_stays(bench: Bench) -> None:
    bench.apply(issue())
    bench.apply(bench.branch(bench.commit()))
    bench.apply(pull())
    (made,) = bench.forge.pulls("whybot/x")
    bench.forge.update_pull(2, "My title", f"Above\r\n{made.body}Below")
    assert bench.apply(pull(body="More.")).did == "updated"
    (changed,) = bench.forge.pulls("whybot/x")
    assert changed.title == "My title"
    assert changed.body.startswith("Above\r\n<!-- What follows")
    assert changed.body.endswith("-->\nBelow")
    assert "More." in changed.body
    bench.forge.update_pull(2, "My title", "All new")
    assert bench.apply(pull()).number == 2
    (changed,) = bench.forge.pulls("whybot/x")
    assert changed.body.startswith("All new\n\n<!-- What follows")


def test_of_a_text_that_moves_along_only_the_last_is_written(bench: Bench) -> None:
    effects = [issue(), comment("one"), comment("two"), comment("three")]
    did = [receipt.did for receipt in bench.apply_all(effects)]
    assert did == ["created", "unchanged", "unchanged", "created"]
    (only,) = bench.forge.comments(1)
    assert "three" in only.body
    assert {receipt.did for receipt in bench.apply_all(effects)} == {"unchanged"}


def test_no_tracking_issue_where_policy_wants_none(tmp_path: Path) -> None:
    bench = Bench(tmp_path, PolicyConfig(tracking_issue="never"))
    assert bench.apply(tracking()).did == "not published"
    assert list(bench.forge.issues()) == []
