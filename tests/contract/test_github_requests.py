"""Requests to GitHub: refusals, limits, retries, redirections, answers that are none."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from bot.adapters.git_workspace import GitWorkspace
from bot.adapters.github_forge import GitHubForge, git_root
from bot.adapters.github_tokens import check_url
from bot.domain.errors import BotError, ConfigProblem, ForgeProblem
from tests.contract.forge_setting import APP, PERSON, SECRET, hub
from tests.fakes.github_api import Fault, GitHub
from tests.fakes.instant_clock import InstantClock


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
    forge = hub(github, workspace, clock, PERSON)
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
    for status, location in ((301, "http://example.org/x"), (302, "//example.org/x"), (307, f"{github.url}.org/x"),
                             (308, ""), (301, f"{github.url}/repositories/12/issues"), (303, "/login")):
        github.faults[:] = [Fault("GET", "/issues", status, headers={"Location": location}, times=9)]
        with pytest.raises(ForgeProblem):
            list(forge.issues())
        assert github.faults[0].times == 8, "it was not followed"


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
    assert sum(clock.slept) < 190


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
    monkeypatch.setattr("bot.adapters.github_api._ATTEMPTS", 2)
    forge = hub(github, workspace, clock)
    github.faults.append(Fault("GET", "/user", 200, delay=1.5, times=9))
    with pytest.raises(ForgeProblem, match="did not answer") as caught:
        list(forge.issues())
    assert "network" in caught.value.remedy
    dead = GitHubForge("acme/shop", SECRET, "http://127.0.0.1:9", workspace, clock)
    with pytest.raises(ForgeProblem, match="did not answer"):
        dead.create_issue("t", "b", ())


@pytest.mark.parametrize(("repository", "token", "url"), [
    ("shop", "t", "https://api.github.com"), ("acme/shop", "", "https://api.github.com"),
    ("acme/shop", f"{SECRET}\n", "https://api.github.com"), ("acme/shop", "t", "api.github.com"),
    ("acme/shop", "t", "https://user:pw@host/"), ("acme/shop", "t", ""), ("acme/shop", "t", "ftp://host"),
    ("acme/shop", "t", "http://api.github.com"), ("acme/shop", "t", "http://10.0.0.1/api/v3"),
    ("acme/shop", "t", "http://localhost.example.org"), ("acme/shop", "t", "http://127.0.0.1.example.org"),
    ("acme/shop", "t", "http://[::1"), ("acme/shop", "t", "http://0.0.0.0:80"),
])
def test_what_cannot_be_right(
    workspace: GitWorkspace, clock: InstantClock, repository: str, token: str, url: str
) -> None:
    with pytest.raises(ConfigProblem) as caught:
        GitHubForge(repository, token, url, workspace, clock)
    assert SECRET not in str(caught.value)
    assert isinstance(caught.value, BotError)


@pytest.mark.parametrize("url", ["http://127.0.0.1:81", "http://localhost/api/v3", "http://[::1]:8080", "https://x.org"])
def test_where_a_token_may_go(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(("api", "root"), [
    ("https://api.github.com", "https://github.com"), ("https://api.github.com/", "https://github.com"),
    ("https://api.acme.ghe.com", "https://acme.ghe.com"), ("https://git.acme.org/api/v3", "https://git.acme.org"),
    ("http://127.0.0.1:81", "http://127.0.0.1:81"),
])
def test_where_git_is(api: str, root: str) -> None:
    assert git_root(api) == root


def test_the_sdk_is_imported_late() -> None:
    script = (
        "import sys, bot.adapters.github_forge; "
        "print([name for name in ('github', 'jwt', 'requests', 'urllib3') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
def test_listing_is_lazy(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock)
    for number in range(350):
        github.add_issue(APP, f"t{number}", "", [])
    github.requests.clear()
    assert len(list(islice(forge.issues(), 150))) == 150
    assert len([request for request in github.requests if "/issues" in request]) == 2


def test_a_secondary_limit_is_waited_for_longer_each_time(
    github: GitHub, workspace: GitWorkspace, clock: InstantClock
) -> None:
    forge = hub(github, workspace, clock)
    said = json.dumps({"message": "You have exceeded a secondary rate limit. Please wait a few minutes."})
    github.faults.append(Fault("POST", "/issues$", 403, body=said, times=2))
    assert forge.create_issue("t", "b", ()).number == 1
    assert clock.slept == [60.0, 120.0]
    github.faults[:] = [Fault("POST", "/issues$", 429, body=said, times=9)]
    clock.slept.clear()
    with pytest.raises(ForgeProblem, match="secondary"):
        forge.create_issue("t", "b", ())
    assert [pause for pause in clock.slept if pause > 1] == [60.0, 120.0]


def test_what_a_refusal_leaves_open_is_not_taken_for_a_limit(
    github: GitHub, workspace: GitWorkspace, clock: InstantClock
) -> None:
    forge = hub(github, workspace, clock)
    github.faults.append(Fault("POST", "/issues$", 403, headers={"X-RateLimit-Remaining": "17"}, times=9))
    with pytest.raises(ForgeProblem) as caught:
        forge.create_issue("t", "b", ())
    assert "write access" in caught.value.remedy
    assert (clock.slept, github.faults[0].times) == ([], 8)


def test_a_bot_keeps_below_the_limit_for_content(tmp_path: Path, workspace: GitWorkspace, clock: InstantClock) -> None:
    github = GitHub(tmp_path / "busy", clock=clock)
    try:
        github.limits.writes_a_minute = 80
        forge = hub(github, workspace, clock)
        for number in range(90):
            forge.create_issue(f"t{number}", "b", ())
        assert len(github.issues) == 90
        assert set(clock.slept) == {1.0}, "it was never told to wait"
    finally:
        github.close()


def test_a_primary_limit_that_ends_soon(tmp_path: Path, workspace: GitWorkspace, clock: InstantClock) -> None:
    github = GitHub(tmp_path / "spent", clock=clock)
    try:
        forge = hub(github, workspace, clock)
        forge.create_issue("t", "b", ())
        github.limits.run_out(reset_in=90)
        assert [issue.number for issue in forge.issues()] == [1]
        assert 90 <= sum(clock.slept) <= 92
        github.limits.run_out(reset_in=1800)
        with pytest.raises(ForgeProblem, match="rate limit"):
            list(forge.issues())
    finally:
        github.close()


@pytest.mark.parametrize("after", [False, True])
def test_a_conflict_on_a_write_is_tried_again(
    github: GitHub, workspace: GitWorkspace, clock: InstantClock, after: bool
) -> None:
    forge = hub(github, workspace, clock)
    forge.create_issue("t", "b", ())
    clock.sleep(1)
    clock.slept.clear()
    github.faults.append(Fault("PATCH", "/issues/1", 409, body='{"message": "Conflict"}', times=2, after=after))
    assert forge.update_issue(1, "new", "b", (), reopen=False).title == "new"
    assert clock.slept == [1.0, 2.0]
    github.faults[:] = [Fault("POST", "/issues$", 409, times=1)]
    assert forge.create_issue("two", "b", ()).number == 2, "a conflict says that nothing was made"
    github.faults[:] = [Fault("POST", "/issues$", 409, times=9)]
    with pytest.raises(ForgeProblem, match="409"):
        forge.create_issue("three", "b", ())
    assert github.faults[0].times == 5
    github.faults[:] = [Fault("POST", "/issues$", 409, body='{"message": "Git Repository is empty."}', times=9)]
    with pytest.raises(ForgeProblem) as caught:
        forge.create_issue("four", "b", ())
    assert github.faults[0].times == 8
    assert "no commit yet" in caught.value.remedy


def test_the_query_survives_a_redirection(tmp_path: Path, workspace: GitWorkspace, clock: InstantClock) -> None:
    github = GitHub(tmp_path / "moved")
    try:
        forge = hub(github, workspace, clock, PERSON)
        github.add_issue(PERSON, "closed", "", [])["state"] = "closed"
        assert [issue.open for issue in forge.issues()] == [False]
        github.rename("acme/renamed")
        assert [issue.open for issue in forge.issues()] == [False]
        assert forge.create_issue("t", "b", ()).number == 2, "a write follows within the repository"
        assert any("state=all" in line for line in github.requests if "/repositories/1/issues" in line)
    finally:
        github.close()


def test_a_redirection_without_end(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock)
    list(forge.issues())
    away = f"{github.url}/repositories/1/issues?state=all"
    github.faults.append(Fault("GET", "", 301, headers={"Location": away}, times=99))
    with pytest.raises(ForgeProblem, match="redirected"):
        list(forge.issues())
    assert github.faults[0].times > 90


def test_nobodys_settings_matter(
    github: GitHub, workspace: GitWorkspace, clock: InstantClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A .netrc for the host must not take the token's place."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password wrong\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert hub(github, workspace, clock).create_issue("t", "b", ()).number == 1


def test_a_connection_that_was_idle_is_not_used_again(
    github: GitHub, workspace: GitWorkspace, clock: InstantClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from github.Requester import Requester

    closed: list[Requester] = []
    close = Requester.close

    def noting(requester: Requester) -> None:
        closed.append(requester)
        close(requester)

    monkeypatch.setattr(Requester, "close", noting)
    forge = hub(github, workspace, clock)
    forge.create_issue("one", "b", ())
    clock.sleep(20)
    forge.create_issue("two", "b", ())
    assert closed == []
    clock.sleep(600)
    assert forge.create_issue("three", "b", ()).number == 3
    assert len(closed) == 1
