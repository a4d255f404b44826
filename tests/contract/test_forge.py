from __future__ import annotations

import gc
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from bot.adapters.git_workspace import GitWorkspace
from bot.adapters.github_forge import GitHubForge, git_root
from bot.adapters.local_forge import LocalForge
from bot.domain.errors import BotError, ConfigProblem, ForgeProblem
from bot.ports import FileChange, Forge
from tests.fakes.github_api import Fault, GitHub, Token
from tests.fakes.instant_clock import InstantClock
from tests.fakes.repositories import git, make_repository

WHEN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SECRET = "ghs_0123456789abcdefSECRET"
APP = Token("whybot-for-acme[bot]", 41, app="whybot-for-acme")
PERSON = Token("ada", 7)
STRANGER = Token("mallory", 66)
OTHER_APP = Token("whybot[bot]", 67, app="whybot")
BODY = (
    "First line\n\n```\n---\nnumber: 3\n---\n```\n<!-- whybot:issue acme/shop v1-0123456789abcdef -->\nünïcødé \t ✓\n"
)


@dataclass
class Bench:
    forge: Forge
    workspace: GitWorkspace
    base: str
    commit: str
    again: Callable[[], Forge]


@pytest.fixture
def workspace(tmp_path: Path) -> GitWorkspace:
    make_repository(tmp_path / "clone", {"app.py": b"1\n"})
    return GitWorkspace(tmp_path / "clone")


@pytest.fixture
def github(tmp_path: Path, workspace: GitWorkspace) -> Iterator[GitHub]:
    server = GitHub(tmp_path / "server")
    git(tmp_path / "clone", "push", "--quiet", str(server.bare), "main")
    yield server
    server.close()
    gc.collect()


@pytest.fixture
def clock() -> InstantClock:
    return InstantClock()


@pytest.fixture(params=["folder", "github-app", "github-person"])
def bench(request: pytest.FixtureRequest, tmp_path: Path, workspace: GitWorkspace) -> Bench:
    if request.param == "folder":
        def make() -> Forge:
            return LocalForge(tmp_path / "forge", workspace)
    else:
        github: GitHub = request.getfixturevalue("github")
        github.tokens[SECRET] = APP if request.param == "github-app" else PERSON

        def make() -> Forge:
            return GitHubForge("acme/shop", SECRET, github.url, workspace, InstantClock())
    base = workspace.resolve("HEAD")
    assert base is not None
    commit = workspace.commit(base, (FileChange(path="fix.py", content=b"1"),), "Fix", WHEN)
    return Bench(make(), workspace, base, commit, make)


def hub(github: GitHub, workspace: GitWorkspace, clock: InstantClock, token: Token = APP) -> GitHubForge:
    github.tokens[SECRET] = token
    return GitHubForge("acme/shop", SECRET, github.url, workspace, clock)


# The same for every forge


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


def test_reopen(bench: Bench, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    made = bench.forge.create_issue("t", "b", ())
    if isinstance(bench.forge, LocalForge):
        path = tmp_path / "forge/issues/0001.md"
        path.write_text(path.read_text().replace("open: true", "open: false"))
    else:
        request.getfixturevalue("github").issues[1]["state"] = "closed"
    assert [issue.open for issue in bench.forge.issues()] == [False]
    assert bench.forge.update_issue(made.number, "t", "b", (), reopen=False).open is False
    assert bench.forge.update_issue(made.number, "t", "b", (), reopen=True).open is True
    assert [issue.open for issue in bench.again().issues()] == [True]


def test_listings_are_complete(bench: Bench) -> None:
    for number in range(1, 231):
        assert bench.forge.create_issue(f"t{number}", f"b{number}", ()).number == number
    issues = list(bench.again().issues())
    assert [issue.number for issue in issues] == list(range(1, 231))
    assert issues[-1].body == "b230"
    ids = [bench.forge.create_comment(230, f"c{count}").id for count in range(105)]
    bench.forge.create_comment(1, "elsewhere")
    assert [comment.body for comment in bench.again().comments(230)] == [f"c{count}" for count in range(105)]
    assert len(set(ids)) == 105


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
    with pytest.raises(ForgeProblem):
        bench.forge.create_pull("Again", "", "whybot/fix", draft=True)
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


def test_checks(bench: Bench, request: pytest.FixtureRequest) -> None:
    bench.forge.push("whybot/fix", bench.commit)
    if "github-person" in request.node.name:
        with pytest.raises(ForgeProblem, match="App"):
            bench.forge.create_check(bench.commit, "check a", "whybot", "failure", "2 of 4", BODY)
        return
    assert list(bench.forge.checks(bench.commit)) == []
    made = [
        bench.forge.create_check(bench.commit, f"check {key}", "whybot", "failure", "2 of 4", BODY) for key in "ab"
    ]
    elsewhere = bench.forge.create_check(bench.base, "check c", "whybot", "neutral", "t", "s")
    assert len({check.id for check in (*made, elsewhere)}) == 3
    assert [(check.external_id, check.conclusion) for check in made] == [("check a", "failure"), ("check b", "failure")]
    changed = bench.forge.update_check(made[0].id, "success", "4 of 4", "s")
    assert (changed.id, changed.external_id, changed.conclusion) == (made[0].id, "check a", "success")
    assert list(bench.again().checks(bench.commit)) == [changed, made[1]]
    assert list(bench.again().checks(bench.base)) == [elsewhere]


def test_what_is_not_there(bench: Bench) -> None:
    attempts: tuple[Callable[[], object], ...] = (
        lambda: bench.forge.update_issue(99, "t", "b", (), reopen=True),
        lambda: bench.forge.create_comment(99, "b"),
        lambda: list(bench.forge.comments(99)),
        lambda: bench.forge.update_comment(99, "b"),
        lambda: bench.forge.update_pull(99, "t", "b"),
        lambda: bench.forge.update_check(99, "success", "t", "s"),
    )
    for attempt in attempts:
        with pytest.raises(ForgeProblem) as caught:
            attempt()
        assert caught.value.remedy
    assert list(bench.forge.issues()) == []


def test_a_name_for_people(bench: Bench) -> None:
    assert "folder" in bench.forge.name or bench.forge.name == "GitHub acme/shop"
    assert SECRET not in bench.forge.name


# The folder


def local(tmp_path: Path, workspace: GitWorkspace) -> LocalForge:
    return LocalForge(tmp_path / "forge", workspace)


def test_files_are_for_people(tmp_path: Path, workspace: GitWorkspace) -> None:
    forge = local(tmp_path, workspace)
    issue = forge.create_issue("Startup: lost messages", "Body.\n", ("whybot",))
    forge.create_comment(1, "Done.")
    base = workspace.resolve("HEAD")
    assert base is not None
    forge.push("whybot/fix", base)
    forge.create_pull("Fix", "Fixes #1", "whybot/fix", draft=True)
    forge.create_check(base, "check x", "whybot", "success", "All", "s")
    found = sorted(str(path.relative_to(tmp_path / "forge")) for path in (tmp_path / "forge").rglob("*.md"))
    assert found == [f"checks/{base}/0001.md", "issues/0001.comments/0001.md", "issues/0001.md", "pulls/0002.md"]
    assert (tmp_path / "forge/issues/0001.md").read_text() == (
        '---\nnumber: 1\ntitle: "Startup: lost messages"\nopen: true\nlabels: ["whybot"]\n---\n\nBody.\n\n'
    )
    assert unquote(urlsplit(issue.url).path) == str(tmp_path / "forge/issues/0001.md")


def test_a_damaged_file_is_named(tmp_path: Path, workspace: GitWorkspace) -> None:
    forge = local(tmp_path, workspace)
    forge.create_issue("one", "b", ())
    forge.create_comment(1, "c")
    for name, spoil, attempt in (
        ("issues/0001.md", "title: x", lambda: list(forge.issues())),
        ("issues/0001.md", "number: 2", lambda: forge.update_issue(1, "t", "b", (), reopen=True)),
        ("issues/0001.comments/0001.md", "", lambda: list(forge.comments(1))),
    ):
        path = tmp_path / "forge" / name
        content = path.read_text()
        path.write_text(re.sub(r"^number.*$|^title.*$", spoil, content, count=1, flags=re.MULTILINE) if spoil else "")
        with pytest.raises(ForgeProblem, match=re.escape(str(path))):
            attempt()
        path.write_text(content)
    assert [issue.title for issue in forge.issues()] == ["one"]


def test_what_is_no_document_is_no_matter(tmp_path: Path, workspace: GitWorkspace) -> None:
    forge = local(tmp_path, workspace)
    forge.create_issue("one", "b", ())
    issues = tmp_path / "forge/issues"
    (issues / "0002.md.writing").write_text("---\nnumb")
    (issues / "README.md").write_text("Notes\n")
    (issues / "0001.md~").write_text("x")
    (issues / "0009.comments").mkdir()
    assert [issue.number for issue in forge.issues()] == [1]
    assert forge.create_issue("two", "b", ()).number == 10, "the conversation of a deleted issue is not inherited"
    assert not (issues / "0002.md.writing").exists()
    assert (issues / "README.md").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path, workspace: GitWorkspace) -> None:
    (tmp_path / "forge").write_text("a file")
    with pytest.raises(ForgeProblem, match="cannot be written"):
        local(tmp_path, workspace).create_issue("t", "b", ())
    with pytest.raises(ForgeProblem, match="Unicode"):
        LocalForge(tmp_path / "other", workspace).create_issue("t", "\ud800", ())


KILLER = """
import os, pathlib, random, signal, sys, time
from bot.adapters.local_forge import LocalForge

def write(forge, said):
    while True:
        issue = forge.create_issue("t", "body " * 40_000, ("whybot",))
        forge.create_comment(issue.number, "comment " * 500)
        forge.update_issue(issue.number, "changed", "changed " * 40_000, ("more",), reopen=False)
        os.write(said, f"{issue.number} ".encode())

chance = random.Random(20260304)
said = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for _ in range(20):
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            write(LocalForge(pathlib.Path(sys.argv[1]), None), said)
        children.append(child)
    for child in children:
        time.sleep(chance.uniform(0.0, 0.15))
        os.kill(child, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
"""


def test_two_processes_killed_at_any_moment(tmp_path: Path, workspace: GitWorkspace) -> None:
    folder, said = tmp_path / "forge", tmp_path / "said"
    subprocess.run([sys.executable, "-c", KILLER, str(folder), str(said)], check=True, timeout=60)
    done = [int(number) for number in said.read_text().split()]
    forge = LocalForge(folder, workspace)
    numbers = [issue.number for issue in forge.issues()]
    assert len(done) > 20
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(done) == len(set(done)), "no number was given twice"
    assert set(done) <= set(numbers), "nothing that was reported is lost"
    assert all(issue.title == "changed" for issue in forge.issues() if issue.number in done)
    comments = [comment for number in numbers for comment in forge.comments(number)]
    assert len({comment.id for comment in comments}) == len(comments) >= len(done)
    assert forge.create_issue("after", "", ()).number == len(numbers) + 1
    assert not list(folder.rglob("*.writing"))


# GitHub


def test_only_the_bots_own_is_listed(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    for token in (APP, PERSON):
        forge = hub(github, workspace, clock, token)
        github.issues.clear()
        base = workspace.resolve("HEAD")
        assert base is not None
        forge.push("whybot/fix", base)
        for author in (STRANGER, OTHER_APP):
            github.add_issue(author, "theirs", BODY, ["whybot"])
        mine = forge.create_issue("mine", BODY, ())
        github.add_pull(STRANGER, "theirs", BODY, "whybot/fix", draft=True)
        github.add_comment(STRANGER, mine.number, BODY)
        comment = forge.create_comment(mine.number, BODY)
        github.issues[1]["user"] = None
        assert list(forge.issues()) == [mine]
        assert list(forge.comments(mine.number)) == [comment]
        assert list(forge.pulls("whybot/fix")) == []
        github.pulls.clear()
    forge = hub(github, workspace, clock)
    check = forge.create_check(base, "mine", "whybot", "success", "t", "s")
    github.checks[check.id] |= {"app": {"slug": "another"}}
    assert list(forge.checks(base)) == []


def test_an_app_is_asked_who_it_is(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    list(hub(github, workspace, clock).issues())
    assert github.requests[:2] == ["GET /user", "POST /graphql"]
    assert all("creator" not in request for request in github.requests)
    github.requests.clear()
    list(hub(github, workspace, clock, PERSON).issues())
    assert any("creator=ada" in request for request in github.requests)


def test_listing_is_lazy(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock)
    for number in range(350):
        github.add_issue(APP, f"t{number}", "", [])
    github.requests.clear()
    assert len(list(islice(forge.issues(), 150))) == 150
    assert len([request for request in github.requests if "/issues" in request]) == 2


def test_checks_need_an_app(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    base = workspace.resolve("HEAD")
    assert base is not None
    for token in (PERSON, Token("x[bot]", 5, app="x", checks=False)):
        forge = hub(github, workspace, clock, token)
        with pytest.raises(ForgeProblem) as caught:
            forge.create_check(base, "x", "whybot", "success", "t", "s")
        assert "checks: write" in caught.value.remedy
        assert list(forge.checks(base)) == []


def test_a_repository_that_was_renamed(tmp_path: Path, workspace: GitWorkspace, clock: InstantClock) -> None:
    github = GitHub(tmp_path / "moved", moved_from="acme/old")
    try:
        github.tokens[SECRET] = PERSON
        forge = GitHubForge("acme/old", SECRET, github.url, workspace, clock)
        forge.create_issue("t", "b", ())
        github.issues[1]["state"] = "closed"
        assert [issue.open for issue in forge.issues()] == [False]
        assert "state=all" in github.requests[-1]
    finally:
        github.close()


def test_an_issue_that_was_moved_is_not_changed(
    github: GitHub, workspace: GitWorkspace, clock: InstantClock
) -> None:
    forge = hub(github, workspace, clock)
    forge.create_issue("t", "b", ())
    github.issues[1]["html_url"] = f"{github.url}/acme/other/issues/9"
    with pytest.raises(ForgeProblem, match="acme/other/issues/9"):
        forge.update_issue(1, "new", "new", ("x",), reopen=False)
    assert (github.issues[1]["title"], github.issues[1]["labels"]) == ("t", [])


@pytest.mark.parametrize(("status", "message", "remedy"), [
    (401, "Bad credentials", "make a new one"),
    (403, "Resource not accessible by integration", "write access"),
    (404, "Not Found", "lacks access"),
    (409, "Conflict", "bot resume"),
    (410, "Issues has been disabled in this repository.", "switched off"),
    (422, "Validation Failed", "invalid"),
    (451, "Unavailable", "bot doctor"),
    (500, "Server Error", "githubstatus.com"),
    (502, "Bad Gateway", "githubstatus.com"),
])
def test_refusals_say_what_to_do(
    github: GitHub, workspace: GitWorkspace, clock: InstantClock, status: int, message: str, remedy: str
) -> None:
    forge = hub(github, workspace, clock)
    body = f'{{"message": "{message}", "errors": ["x", {{"message": "{SECRET}"}}]}}'
    github.faults.append(Fault("GET", "/issues", status, body=body, times=9))
    with pytest.raises(ForgeProblem) as caught:
        list(forge.issues())
    assert remedy in caught.value.remedy
    assert str(status) in caught.value.what
    assert message in caught.value.what
    assert "***" in caught.value.what
    assert SECRET not in str(caught.value)
    assert github.faults[0].times == (5 if status >= 500 else 8)


def test_answers_that_are_none(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock)
    for status, body in ((200, "<html>"), (200, '{"half": '), (200, '{"a": 1}'), (200, '[{"number": 1}]'), (200, ""),
                         (307, '{"message": "Moved"}'), (0, "")):
        github.faults[:] = [Fault("GET", "/issues", status, body=body, times=9)]
        with pytest.raises(ForgeProblem):
            list(forge.issues())
    github.faults[:] = [Fault("GET", "/issues", 301, headers={"Location": "http://example.org/x"}, times=9)]
    with pytest.raises(ForgeProblem):
        list(forge.issues())


def test_reads_survive_a_short_fault(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock)
    for number in range(150):
        github.add_issue(APP, f"t{number}", "", [])
    github.faults += [Fault("GET", "/issues.*page=2", 502, times=2), Fault("GET", "/issues", 0, times=1)]
    assert len(list(forge.issues())) == 150
    assert clock.slept == [1.0, 1.0, 2.0]


@pytest.mark.parametrize(("fault", "waits"), [
    (Fault("POST", "/issues$", 429, headers={"Retry-After": "7"}), [7.0]),
    (Fault("POST", "/issues$", 403, headers={"Retry-After": "7"}), [7.0]),
    (Fault("POST", "/issues$", 403, body='{"message": "You have exceeded a secondary rate limit."}'), [60.0]),
    (Fault("POST", "/issues$", 403, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1772600777"}), [11.0]),
])
def test_a_limit_is_waited_for(
    github: GitHub, workspace: GitWorkspace, clock: InstantClock, fault: Fault, waits: list[float]
) -> None:
    forge = hub(github, workspace, clock)
    github.faults.append(fault)
    assert clock.now().timestamp() == 1772600767
    fault.times = 1
    assert forge.create_issue("t", "b", ()).number == 1
    assert clock.slept == waits


def test_a_long_limit_is_not_waited_for(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock)
    github.faults.append(Fault("POST", "/issues$", 429, headers={"Retry-After": "3600"}, times=9))
    with pytest.raises(ForgeProblem) as caught:
        forge.create_issue("t", "b", ())
    assert "rate limit" in caught.value.remedy
    assert clock.slept == []
    github.faults[:] = [Fault("POST", "/issues$", 429, headers={"Retry-After": "50"}, times=9)]
    with pytest.raises(ForgeProblem):
        forge.create_issue("t", "b", ())
    assert sum(clock.slept) < 130


@pytest.mark.parametrize("status", [500, 502, 0])
def test_a_create_that_may_have_happened_is_not_repeated(
    github: GitHub, workspace: GitWorkspace, clock: InstantClock, status: int
) -> None:
    forge = hub(github, workspace, clock)
    github.faults.append(Fault("POST", "/issues$", status, after=True))
    with pytest.raises(ForgeProblem) as caught:
        forge.create_issue("t", "b", ())
    assert "nothing twice" in caught.value.remedy
    assert [issue.title for issue in forge.issues()] == ["t"]


def test_a_change_is_repeated(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock)
    forge.create_issue("t", "b", ())
    github.faults += [Fault("PATCH", "/issues/1", 502, after=True), Fault("POST", "/labels", 0, after=True)]
    changed = forge.update_issue(1, "new", "b", ("x",), reopen=False)
    assert (changed.title, changed.labels) == ("new", ("x",))


def test_writes_are_paced(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock)
    for _ in range(4):
        forge.create_issue("t", "b", ())
    list(forge.issues())
    assert clock.slept == [1.0, 1.0, 1.0]


def test_a_server_that_does_not_answer(
    github: GitHub, workspace: GitWorkspace, clock: InstantClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.adapters.github_api._TIMEOUT_SECONDS", 1)
    forge = hub(github, workspace, clock)
    github.faults.append(Fault("GET", "/user", 200, delay=1.5, times=9))
    with pytest.raises(ForgeProblem, match="did not answer") as caught:
        list(forge.issues())
    assert "network" in caught.value.remedy
    dead = GitHubForge("acme/shop", SECRET, "http://127.0.0.1:9", workspace, clock)
    with pytest.raises(ForgeProblem, match="did not answer"):
        dead.create_issue("t", "b", ())


def test_no_right_to_write(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock, Token("reader", 3, write=False))
    base = workspace.resolve("HEAD")
    assert base is not None
    for attempt in (
        lambda: forge.push("whybot/fix", base),
        lambda: forge.create_pull("t", "b", "whybot/fix", draft=True),
    ):
        with pytest.raises(ForgeProblem) as caught:
            attempt()
        assert "write access" in caught.value.remedy
        assert SECRET not in str(caught.value)


def test_drafts_that_the_plan_does_not_allow(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock)
    github.faults.append(Fault(
        "POST", "/pulls", 422, body='{"message": "Draft pull requests are not supported in this repository."}'
    ))
    with pytest.raises(ForgeProblem, match="Draft") as caught:
        forge.create_pull("t", "b", "whybot/fix", draft=True)
    assert "paid plan" in caught.value.remedy


def test_an_empty_repository_has_no_branch(tmp_path: Path, workspace: GitWorkspace, clock: InstantClock) -> None:
    github = GitHub(tmp_path / "empty")
    try:
        assert hub(github, workspace, clock).branch_head("whybot/fix") is None
    finally:
        github.close()


@pytest.mark.parametrize(("repository", "token", "url"), [
    ("shop", "t", "https://api.github.com"), ("acme/shop", "", "https://api.github.com"),
    ("acme/shop", f"{SECRET}\n", "https://api.github.com"), ("acme/shop", "t", "api.github.com"),
    ("acme/shop", "t", "https://user:pw@host/"), ("acme/shop", "t", ""), ("acme/shop", "t", "ftp://host"),
])
def test_what_cannot_be_right(
    workspace: GitWorkspace, clock: InstantClock, repository: str, token: str, url: str
) -> None:
    with pytest.raises(ConfigProblem) as caught:
        GitHubForge(repository, token, url, workspace, clock)
    assert SECRET not in str(caught.value)
    assert isinstance(caught.value, BotError)


@pytest.mark.parametrize(("api", "root"), [
    ("https://api.github.com", "https://github.com"), ("https://api.github.com/", "https://github.com"),
    ("https://api.acme.ghe.com", "https://acme.ghe.com"), ("https://git.acme.org/api/v3", "https://git.acme.org"),
    ("http://127.0.0.1:81", "http://127.0.0.1:81"),
])
def test_where_git_is(api: str, root: str) -> None:
    assert git_root(api) == root


def test_the_sdk_is_imported_late() -> None:
    script = "import sys, bot.adapters.github_forge; print([m for m in ('github', 'requests') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
