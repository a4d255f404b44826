"""`bot actions gate` against the local GitHub: who may command, what it answers, what it gives to the next job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.actions import NAMES, order_of, variable
from bot.actions_command import run_gate, run_react
from bot.cli import cli
from bot.domain.commands import CommentCommand
from bot.domain.errors import ConfigProblem, ForgeProblem, UsageProblem
from tests.fakes.github import shapes
from tests.fakes.github_api import Fault, GitHub, Person, Token, actions_token
from tests.fakes.instant_clock import InstantClock
from tests.fakes.repositories import git, make_repository
from tests.fakes.webhooks import ACTIONS, Account, comment_event, payload

SECRET = "ghs_0123456789abcdefSECRET"
GATE = actions_token(issues="write", pull_requests="write")
ROLES = ("admin", "maintain", "write", "triage", "read", "none")


@dataclass
class Scene:
    """A repository with an issue and two pull requests, and people with every role."""

    hub: GitHub
    clock: InstantClock
    folder: Path
    issue: int
    pull: int
    fork: int

    def comment(self, body: str, by: str = "ada", number: int | None = None) -> dict[str, Any]:
        """Write a comment; return the event of it."""
        person = self.hub.people[by]
        where = number or self.issue
        kept = self.hub.add_comment(Token(by, person.id), where, body)
        return comment_event(
            body, by=Account(by, person.id), number=where, comment=kept["id"], pull=where in self.hub.pulls,
            created_at=kept["created_at"],
        )

    def gate(self, event: object, most: int = 20, name: str = "issue_comment", **more: str) -> dict[str, str]:
        """Run the gate; return the outputs."""
        output = self.folder / "output"
        output.write_text("")
        path = self.folder / "event.json"
        path.write_bytes(event if isinstance(event, bytes) else payload(event))
        environ = {
            "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(path),
            "GITHUB_OUTPUT": str(output), "GITHUB_REPOSITORY": "acme/shop", "GITHUB_API_URL": self.hub.url,
            "GITHUB_TOKEN": SECRET, **more,
        }
        assert run_gate(most, environ, self.clock) == 0
        return dict(line.split("=", 1) for line in output.read_text().splitlines())

    def reactions(self, event: dict[str, Any]) -> list[str]:
        """What the bot's account put on the comment of an event."""
        kept = self.hub.comments[event["comment"]["id"]]
        return [one["content"] for one in kept["reactions"].values() if one["user"]["login"] == GATE.login]

    def written(self) -> int:
        """How many comments the bot has made."""
        return sum(comment["user"]["login"] == GATE.login for comment in self.hub.comments.values())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHub]:
    folder = tmp_path_factory.mktemp("gate")
    hub = GitHub(folder / "server", private=True)
    make_repository(folder / "clone", {"app.py": b"1\n"})
    git(folder / "clone", "push", "--quiet", str(hub.bare), "main")
    for branch in ("mend", "patch-1"):
        git(folder / "clone", "commit", "--quiet", "--allow-empty", "-m", branch)
        git(folder / "clone", "push", "--quiet", str(hub.bare), f"HEAD:{branch}")
    yield hub
    hub.close()


@pytest.fixture
def scene(server: GitHub, tmp_path: Path) -> Scene:
    clock = InstantClock()
    server._clock = clock
    for kept in (server.issues, server.comments, server.pulls, server.requests, server.faults):
        kept.clear()
    server.tokens = {SECRET: GATE}
    server.people = {role: Person(role, 100 + at, role) for at, role in enumerate(ROLES)}
    server.people["ada"] = Person("ada", 7, "write")
    ada = Token("ada", 7)
    issue = server.add_issue(ada, "Messages are routed to nobody", "It began today.", [])["number"]
    pull = server.add_pull(ada, "Mend it", "", "mend", draft=False)["number"]
    fork = server.add_pull(Token("none", 105), "Mend it, too", "", "patch-1", draft=False)["number"]
    server.pulls[fork]["head"]["repo"] = {**shapes.repository(server), "id": 99}
    return Scene(server, clock, tmp_path, issue, pull, fork)


# Accepted

@pytest.mark.parametrize(("body", "expected"), [
    ("/bot help", {"command": "help", "focus": "", "step": ""}),
    ("/bot status\r\nthanks", {"command": "status"}),
    ("/bot cycle", {"command": "cycle", "focus": ""}),
    ("/bot cycle http-5xx", {"command": "cycle", "focus": "http-5xx"}),
    ("/bot retry five_whys", {"command": "retry", "step": "five_whys"}),
    ("/bot stop", {"command": "stop"}),
])
def test_an_accepted_command(scene: Scene, body: str, expected: dict[str, str]) -> None:
    event = scene.comment(body)
    given = scene.gate(event)
    assert given["run"] == "true"
    assert expected.items() <= given.items()
    assert (given["number"], given["comment"]) == (str(scene.issue), str(event["comment"]["id"]))
    assert (given["is_pull"], given["head"], given["earlier"]) == ("false", "", "0")
    assert set(given) == {"run", *NAMES}
    assert scene.reactions(event) == ["eyes"]
    assert scene.written() == 0


@pytest.mark.parametrize("word", ["audit", "prove"])
def test_a_command_on_a_pull_request(scene: Scene, word: str) -> None:
    event = scene.comment(f"/bot {word}", number=scene.pull)
    given = scene.gate(event)
    assert (given["run"], given["command"], given["is_pull"]) == ("true", word, "true")
    assert given["head"] == scene.hub.head("mend")
    assert given["base"] == scene.hub.head("main")
    assert scene.reactions(event) == ["eyes"]


def test_the_work_takes_what_the_gate_gave(scene: Scene) -> None:
    given = scene.gate(scene.comment("/bot cycle http-5xx", number=scene.pull))
    order = order_of({variable(name): value for name, value in given.items()})
    assert order.command == CommentCommand(word="cycle", focus="http-5xx")
    assert (order.number, order.is_pull, order.earlier) == (scene.pull, True, 0)


def test_once_more_is_the_same(scene: Scene) -> None:
    event = scene.comment("/bot status")
    assert scene.gate(event) == scene.gate(event)
    assert scene.reactions(event) == ["eyes"]


# Who may

@pytest.mark.parametrize("role", ROLES)
def test_only_who_may_write_may_command(scene: Scene, role: str) -> None:
    event = scene.comment("/bot cycle", by=role)
    allowed = role in {"admin", "maintain", "write"}
    assert scene.gate(event)["run"] == ("true" if allowed else "false")
    assert scene.reactions(event) == (["eyes"] if allowed else ["-1"])
    assert scene.written() == 0


def test_a_stranger_is_told_nothing_of_how_to_say_it(scene: Scene) -> None:
    event = scene.comment("/bot cylce", by="read")
    assert scene.gate(event) == {"run": "false"}
    assert scene.reactions(event) == ["-1"]


@pytest.mark.parametrize("association", ["OWNER", "MEMBER", "COLLABORATOR"])
def test_the_association_of_the_event_opens_nothing(scene: Scene, association: str) -> None:
    event = scene.comment("/bot cycle", by="read")
    event["comment"]["author_association"] = event["issue"]["author_association"] = association
    assert scene.gate(event) == {"run": "false"}


def test_somebody_whose_permission_was_taken_meanwhile(scene: Scene) -> None:
    event = scene.comment("/bot cycle")
    scene.hub.people["ada"] = Person("ada", 7, "read")
    assert scene.gate(event) == {"run": "false"}
    assert scene.reactions(event) == ["-1"]


def test_the_bots_own_account_where_it_is_a_persons(scene: Scene) -> None:
    scene.hub.tokens[SECRET] = Token("ada", 7)
    event = scene.comment("/bot cycle")
    assert scene.gate(event) == {"run": "false"}
    assert not scene.hub.comments[event["comment"]["id"]]["reactions"]


@pytest.mark.parametrize("change", [
    {"action": "edited"}, {"action": "deleted"}, {"by": ACTIONS}, {"app": "zapier"},
    {"repository": "mallory/shop"}, {"sender": ACTIONS},
])
def test_what_is_ignored_costs_no_request(scene: Scene, change: dict[str, Any]) -> None:
    assert scene.gate(comment_event("/bot cycle", number=scene.issue, **change)) == {"run": "false"}
    assert scene.hub.requests == []


@pytest.mark.parametrize("content", [b"", b"{}", b"[1, 2]", b"\xff", b"[" * 100_000])
def test_a_broken_event_costs_no_request(scene: Scene, content: bytes) -> None:
    assert scene.gate(content) == {"run": "false"}
    assert scene.hub.requests == []


# What it says now

@pytest.mark.parametrize("now", [
    "/bot cycle ", "/bot stop", "/bot cycle\n\nand more", "Never mind", "", "/bot cycle\n<!-- whybot:reply a/b 1 -->",
])
def test_a_comment_that_was_changed_meanwhile(scene: Scene, now: str) -> None:
    event = scene.comment("/bot cycle")
    scene.hub.comments[event["comment"]["id"]]["body"] = now
    assert scene.gate(event) == {"run": "false"}
    assert scene.reactions(event) == ["confused"]


def test_a_comment_that_was_deleted_meanwhile(scene: Scene) -> None:
    event = scene.comment("/bot cycle")
    del scene.hub.comments[event["comment"]["id"]]
    assert scene.gate(event) == {"run": "false"}


def test_other_line_ends_are_no_change(scene: Scene) -> None:
    event = scene.comment("/bot status\n\nthanks")
    event["comment"]["body"] = "/bot status\r\n\r\nthanks"
    assert scene.gate(event)["run"] == "true"


def test_a_comment_that_is_deleted_before_the_reaction(scene: Scene) -> None:
    event = scene.comment("/bot status")
    scene.hub.faults.append(Fault("POST", "/reactions", 404, '{"message": "Not Found"}'))
    assert scene.gate(event) == {"run": "false"}


# Where

@pytest.mark.parametrize("word", ["audit", "prove"])
def test_not_on_an_issue(scene: Scene, word: str) -> None:
    event = scene.comment(f"/bot {word}")
    assert scene.gate(event) == {"run": "false"}
    assert scene.reactions(event) == ["confused"]


def test_code_of_a_fork_is_not_run(scene: Scene) -> None:
    event = scene.comment("/bot prove", number=scene.fork)
    assert scene.gate(event) == {"run": "false"}
    assert scene.reactions(event) == ["-1"]


def test_code_of_a_fork_may_be_read(scene: Scene) -> None:
    given = scene.gate(scene.comment("/bot audit", number=scene.fork))
    assert (given["run"], given["head"]) == ("true", scene.hub.head("patch-1"))


def test_a_fork_that_was_deleted(scene: Scene) -> None:
    scene.hub.pulls[scene.fork]["head"]["repo"] = None
    event = scene.comment("/bot prove", number=scene.fork)
    assert scene.gate(event) == {"run": "false"}
    assert scene.reactions(event) == ["-1"]
    # GitHub gives null there, which its description does not say.
    scene.hub.violations = [one for one in scene.hub.violations if "head/repo: null" not in one]


@pytest.mark.parametrize("word", ["status", "cycle", "stop", "help"])
def test_what_is_not_about_the_pull_request_may_be_asked_in_that_of_a_fork(scene: Scene, word: str) -> None:
    given = scene.gate(scene.comment(f"/bot {word}", number=scene.fork))
    assert (given["run"], given["head"], given["base"]) == ("true", "", "")


def test_a_closed_conversation_is_as_an_open_one(scene: Scene) -> None:
    event = scene.comment("/bot status")
    event["issue"]["state"] = "closed"
    assert scene.gate(event)["run"] == "true"


def test_a_locked_conversation(scene: Scene) -> None:
    event = scene.comment("/bot status")
    event["issue"]["locked"] = True
    scene.hub.issues[scene.issue]["locked"] = True
    assert scene.gate(event) == {"run": "false"}
    assert scene.reactions(event) == []


def test_not_understood(scene: Scene) -> None:
    event = scene.comment("/bot cylce")
    assert scene.gate(event) == {"run": "false"}
    assert scene.reactions(event) == ["confused"]
    assert scene.written() == 0


# How many

def test_the_cap_counts_what_was_accepted_within_the_hour(scene: Scene) -> None:
    for count in range(3):
        given = scene.gate(scene.comment("/bot status"), most=3)
        assert (given["run"], given["earlier"]) == ("true", str(count))
    event = scene.comment("/bot help", by="admin", number=scene.pull)
    assert scene.gate(event, most=3) == {"run": "false"}
    assert scene.reactions(event) == ["-1"]
    scene.clock.sleep(timedelta(minutes=61).total_seconds())
    event = scene.comment("/bot help")
    assert scene.gate(event, most=3)["earlier"] == "0"


def test_the_cap_does_not_count_refusals_nor_what_others_mark(scene: Scene) -> None:
    for by, body in (("read", "/bot cycle"), ("ada", "/bot cylce"), ("ada", "Good morning")):
        event = scene.comment(body, by=by)
        kept = scene.hub.comments[event["comment"]["id"]]
        for at in range(3):
            who = {"login": f"mallory{at}", "id": 600 + at, "type": "User"}
            kept["reactions"][at] = {"id": at, "user": who, "content": "eyes", "created_at": kept["created_at"]}
        scene.gate(event)
    assert scene.gate(scene.comment("/bot status"))["earlier"] == "0"


def test_an_edit_does_not_take_a_command_out_of_the_count(scene: Scene) -> None:
    event = scene.comment("/bot status")
    scene.gate(event)
    scene.hub.comments[event["comment"]["id"]]["body"] = "Never mind"
    assert scene.gate(scene.comment("/bot status"), most=1) == {"run": "false"}


def test_an_old_command_that_was_edited_within_the_hour_is_old(scene: Scene) -> None:
    event = scene.comment("/bot status")
    scene.gate(event)
    scene.clock.sleep(timedelta(minutes=61).total_seconds())
    scene.hub.comments[event["comment"]["id"]]["updated_at"] = scene.hub.stamp()
    assert scene.gate(scene.comment("/bot status"))["earlier"] == "0"


def test_the_cap_may_be_nothing(scene: Scene) -> None:
    event = scene.comment("/bot help")
    assert scene.gate(event, most=0) == {"run": "false"}
    assert scene.reactions(event) == ["-1"]


def test_a_flood_of_marked_comments_lets_nothing_through(scene: Scene) -> None:
    mallory = {"login": "mallory", "id": 66, "type": "User"}
    for _ in range(201):
        kept = scene.hub.add_comment(Token("mallory", 66), scene.issue, "hm")
        kept["reactions"][1] = {"id": 1, "user": mallory, "content": "eyes", "created_at": kept["created_at"]}
    scene.hub.requests.clear()
    assert scene.gate(scene.comment("/bot status")) == {"run": "false"}
    assert len(scene.hub.requests) < 20


# Where it cannot be done

@pytest.mark.parametrize("missing", [
    "GITHUB_EVENT_NAME", "GITHUB_EVENT_PATH", "GITHUB_OUTPUT", "GITHUB_REPOSITORY", "GITHUB_TOKEN",
])
def test_outside_of_a_job(scene: Scene, missing: str) -> None:
    with pytest.raises(ConfigProblem, match=f"^{missing} is not set"):
        scene.gate(scene.comment("/bot help"), **{missing: ""})


def test_all_that_is_missing_is_named_at_once(scene: Scene) -> None:
    missing = dict.fromkeys(("GITHUB_EVENT_NAME", "GITHUB_OUTPUT", "GITHUB_TOKEN"), "")
    with pytest.raises(ConfigProblem, match=r"^GITHUB_EVENT_NAME, GITHUB_OUTPUT and GITHUB_TOKEN are") as raised:
        scene.gate(scene.comment("/bot help"), **missing)
    assert "the workflow" in raised.value.remedy


@pytest.mark.parametrize("name", ["acme shop", "acme/shop/x", "acme/shop\nrun=true", "x" * 500])
def test_a_repository_that_is_none(scene: Scene, name: str) -> None:
    with pytest.raises(ConfigProblem, match="GITHUB_REPOSITORY"):
        scene.gate(scene.comment("/bot help"), GITHUB_REPOSITORY=name)


def test_an_event_file_that_is_not_there(scene: Scene) -> None:
    with pytest.raises(ConfigProblem, match="cannot be read"):
        scene.gate(scene.comment("/bot help"), GITHUB_EVENT_PATH=str(scene.folder / "nothing"))


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/permission", 403), ("GET", "/issues/comments/", 403), ("GET", "/issues/comments\\?", 403),
    ("POST", "/reactions", 403), ("POST", "/graphql", 401),
])
def test_github_refuses(scene: Scene, method: str, path: str, status: int) -> None:
    event = scene.comment("/bot help")
    scene.hub.faults.append(Fault(method, path, status, times=9))
    with pytest.raises(ForgeProblem):
        scene.gate(event)
    assert "run=true" not in (scene.folder / "output").read_text()


def test_a_refusal_that_cannot_be_shown_stays_a_refusal(scene: Scene) -> None:
    event = scene.comment("/bot cycle", by="read")
    scene.hub.faults.append(Fault("POST", "/reactions", 403, times=9))
    assert scene.gate(event) == {"run": "false"}


@pytest.mark.parametrize("arguments", [
    ("gate",), ("gate", "--most-an-hour=7"), ("locate",), ("react",), ("work", "--publish-to=x"),
    ("stop", "--workflow=cycle.yml", "--publish-to=x"),
])
def test_the_command_line(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_EVENT_NAME", "WHYBOT_COMMAND", "WHYBOT_COMMENT"):
        monkeypatch.delenv(name, raising=False)
    done = CliRunner().invoke(cli, ["actions", *arguments])
    assert isinstance(done.exception, ConfigProblem if arguments[0] == "gate" else UsageProblem)


# Reactions of later jobs

def test_a_reaction_of_a_later_job(scene: Scene) -> None:
    event = scene.comment("/bot cycle nothing")
    ident = str(event["comment"]["id"])
    environ = {"GITHUB_REPOSITORY": "acme/shop", "GITHUB_API_URL": scene.hub.url, "GITHUB_TOKEN": SECRET}
    for _ in range(2):
        assert run_react(environ | {"WHYBOT_COMMENT": ident, "WHYBOT_REACTION": "confused"}, scene.clock) == 0
    assert scene.reactions(event) == ["confused"]
    for comment, reaction in (("", "confused"), (ident, ""), (ident, "heart"), ("1 2", "-1"), (ident, "run=true")):
        with pytest.raises(UsageProblem):
            run_react(environ | {"WHYBOT_COMMENT": comment, "WHYBOT_REACTION": reaction}, scene.clock)
    assert run_react(environ | {"WHYBOT_COMMENT": "999", "WHYBOT_REACTION": "-1"}, scene.clock) == 0
