"""Which comments are commands: events in the shape that GitHub gives them, and what must come of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.actions import Asked, Ignored, asked
from bot.domain.commands import COMMANDS, CommentCommand, NotUnderstood, read_command
from bot.domain.record import STEPS
from tests.fakes.github.description import component
from tests.fakes.github.openapi import FULL
from tests.fakes.webhooks import ACTIONS, ADA, MALLORY, Account, comment_event, payload


def read(event: object, name: str = "issue_comment", repository: str = "acme/shop") -> Asked | Ignored:
    return asked(name, event if isinstance(event, bytes) else payload(event), repository)


def given(word: str, **rest: str) -> dict[str, Any]:
    return {"word": word, "focus": None, "step": None, **rest}


# Comments by somebody who may be anybody: what the words say. Who may give a command, the gate asks GitHub.

COMMANDS_GIVEN: list[tuple[str, dict[str, Any]]] = [
    ("/bot cycle", given("cycle")),
    ("/bot cycle errors", given("cycle", focus="errors")),
    ("/bot cycle http-5xx", given("cycle", focus="http-5xx")),
    ("/bot cycle a-focus-of-their-own", given("cycle", focus="a-focus-of-their-own")),
    ("/bot status", given("status")),
    ("/bot audit", given("audit")),
    ("/bot prove", given("prove")),
    *((f"/bot retry {step}", given("retry", step=step)) for step in STEPS),
    ("/bot stop", given("stop")),
    ("/bot help", given("help")),
    ("/bot help ", given("help")),
    ("/bot   cycle   errors  ", given("cycle", focus="errors")),
    ("/bot status\r\n\r\nWhat is it doing?\r\n", given("status")),
    ("/bot stop\n> /bot cycle\n", given("stop")),
    ("/bot stop\n/bot cycle\n/bot cycle errors", given("stop")),
    ("/bot audit\n\n```\n/bot prove\n```\n", given("audit")),
    ("/bot audit\n<!-- /bot prove -->", given("audit")),
    ("/bot help\n" + "x" * 65_000, given("help")),
    ("/bot help\n\x00\u202e\u200b 日本語", given("help")),
]

NOT_UNDERSTOOD = [
    "/bot", "/bot ", "/bot\n", "/bot cylce", "/bot Cycle", "/bot CYCLE", "/bot cycle errors now", "/bot cycle Errors",
    "/bot cycle ../secrets", "/bot cycle errors;id", "/bot cycle $(id)", "/bot cycle -x", "/bot cycle --new",
    "/bot cycle " + "x" * 62, "/bot cycle " + "x" * 200, "/bot cycle_errors", "/bot cycle\terrors",
    "/bot cycle\u00a0errors", "/bot cycle\u200b", "/bot cycle\u2028/bot stop", "/bot cycle\rerrors", "/bot cycle\x00",
    "/bot \u202eelcyc", "/bot cyclé", "/bot ｃｙｃｌｅ", "/bot retry", "/bot retry everything",
    "/bot retry commit commit", "/bot retry Commit", "/bot stop please", "/bot help me", "/bot audit tests/",
    "/bot prove HEAD", "/bot status errors", "/bot is great", "/bot /bot help", "/bot `cycle`",
    "/bot cycle errors::set-output name=run::true", "/bot help \x1b[31m",
    "/bot cycle errors # for Ada", "/bot help <!-- whybot -->",
]

NOT_FOR_THE_BOT = [
    "", " ", "\n", "\r\n", "\n/bot cycle", "\r\n/bot cycle", "Please /bot cycle", "cc @ada /bot cycle", " /bot cycle",
    "   /bot cycle", "    /bot cycle", "\t/bot cycle", "> /bot cycle", ">/bot cycle", ">> /bot cycle",
    "```\n/bot cycle\n```", "~~~\n/bot cycle\n~~~", "`/bot cycle`", "``/bot cycle``", "<!-- /bot cycle -->",
    "<!--\n/bot cycle\n-->", "<details>\n\n/bot cycle\n\n</details>", "<p>/bot cycle</p>", "- /bot cycle",
    "* /bot cycle", "1. /bot cycle", "- [ ] /bot cycle", "# /bot cycle", "| /bot cycle |", "**/bot cycle**",
    "[/bot cycle](x)",
    "\\/bot cycle", "//bot cycle", "/ bot cycle", "/botcycle", "/bots cycle", "/bot-cycle", "/bot/cycle", "/bot:cycle",
    "/bot.", "/bot, cycle", "/bot\tcycle", "/bot\u00a0cycle", "/bot\u3000cycle", "/bot\u200bcycle", "/bot\u2028cycle",
    "/bot\x00cycle", "/bot\rcycle", "/bot\x0bcycle", "/bot\x85cycle", "/bot\u2060 cycle", "/Bot cycle", "/BOT cycle",
    "bot cycle", "@bot cycle", "\uff0fbot cycle", "\u2044bot cycle", "\u2215bot cycle", "\u29f8bot cycle",
    "/\u200bbot cycle", "\u200b/bot cycle", "\u200e/bot cycle", "\u202a/bot cycle", "\u202e/bot cycle",
    "\u2060/bot cycle",
    "\ufeff/bot cycle", "\u00ad/bot cycle", "\x00/bot cycle", "\x1b[0m/bot cycle", "&#47;bot cycle", "%2Fbot cycle",
    "/ｂｏｔ cycle", "/b\u043et cycle", "/bo\u0442 cycle", "elcyc tob/", "x" * 65_536, "/" * 65_536,
    "### `/bot cycle`\n\nDone.\n", "**`/bot status`**",
]


@pytest.mark.parametrize(("body", "command"), COMMANDS_GIVEN)
def test_a_command(body: str, command: dict[str, Any]) -> None:
    found = read(comment_event(body))
    assert isinstance(found, Asked)
    assert found.command == CommentCommand(**command)
    assert (found.author, found.number, found.comment, found.is_pull) == ("ada", 12, 492700400, False)
    assert found.text == body


@pytest.mark.parametrize("body", NOT_UNDERSTOOD)
def test_addressed_but_not_understood(body: str) -> None:
    found = read(comment_event(body))
    assert isinstance(found, Asked)
    assert isinstance(found.command, NotUnderstood)
    assert found.command.why in {
        "its first line is more than a command", "there is no such command", "there is no such step",
        "it names no step", "a focus cannot have that name", "there is more on its line than the command",
    }


@pytest.mark.parametrize("body", NOT_FOR_THE_BOT)
def test_not_for_the_bot(body: str) -> None:
    assert read(comment_event(body)) == Ignored(why="it is not for the bot")


# Events of machines, events that are not new, and events that are no events.

CYCLE = "/bot cycle"
EVENTS: list[tuple[str, dict[str, Any], str]] = [
    ("edited", {"action": "edited", "before": "Hello"}, "the comment is not new"),
    ("edited from the same", {"action": "edited"}, "the comment is not new"),
    ("deleted", {"action": "deleted"}, "the comment is not new"),
    ("pinned, which is a new action of GitHub's", {"action": "pinned"}, "the comment is not new"),
    ("created, in capitals", {"action": "Created"}, "the comment is not new"),
    ("no action", {"action": ""}, "the comment is not new"),
    ("the workflow's own account", {"by": ACTIONS}, "no person wrote it"),
    ("an App", {"by": Account("renovate[bot]", 2_740_337, "Bot")}, "no person wrote it"),
    ("a bot without the suffix", {"by": Account("dependabot", 49_699_333, "Bot")}, "no person wrote it"),
    ("the suffix without the type", {"by": Account("whybot[bot]", 41, "User")}, "no person wrote it"),
    ("an organisation", {"by": Account("acme", 38_302_899, "Organization")}, "no person wrote it"),
    ("a mannequin", {"by": Account("ada-imported", 99, "Mannequin")}, "no person wrote it"),
    ("an App in the name of a person", {"app": "zapier"}, "an App wrote it"),
    ("sent by a bot", {"sender": ACTIONS}, "somebody else than its author sent it"),
    ("sent by somebody else", {"by": ADA, "sender": MALLORY}, "somebody else than its author sent it"),
    ("a bot with a person's number", {"sender": Account("ada", 7, "Bot")}, "no person wrote it"),
    ("of another repository", {"repository": "mallory/shop"}, "the event is of another repository"),
]


@pytest.mark.parametrize(("what", "options", "why"), EVENTS, ids=[event[0] for event in EVENTS])
def test_an_event_that_runs_nothing(what: str, options: dict[str, Any], why: str) -> None:
    assert read(comment_event(CYCLE, **options)) == Ignored(why=why), what


@pytest.mark.parametrize("name", [
    "issues", "pull_request", "pull_request_target", "pull_request_review_comment", "discussion_comment",
    "commit_comment", "workflow_dispatch", "issue_comment ", "Issue_Comment", "",
])
def test_another_event(name: str) -> None:
    assert read(comment_event(CYCLE), name) == Ignored(why="it is no event of a comment")


@pytest.mark.parametrize("association", ["OWNER", "MEMBER", "NONE", "FIRST_TIMER", "CONTRIBUTOR"])
def test_what_the_event_says_of_its_author_decides_nothing(association: str) -> None:
    found = read(comment_event(CYCLE, association=association))
    assert isinstance(found, Asked)
    assert "association" not in str(found).lower()


@pytest.mark.parametrize(("options", "expected"), [
    ({"pull": True}, (True, False)), ({"pull": True, "locked": True}, (True, True)), ({"locked": True}, (False, True)),
    ({"state": "closed"}, (False, False)), ({"pull": True, "state": "closed"}, (True, False)),
])
def test_where_it_was_given(options: dict[str, Any], expected: tuple[bool, bool]) -> None:
    found = read(comment_event("/bot audit", **options))
    assert isinstance(found, Asked)
    assert (found.is_pull, found.locked) == expected


def test_the_repository_in_another_spelling() -> None:
    assert isinstance(read(comment_event(CYCLE, repository="Acme/Shop")), Asked)


def test_a_text_of_the_bots_own_is_never_a_command() -> None:
    body = "/bot cycle\n\n<!-- whybot:reply acme/shop 492700400 -->\n"
    assert read(comment_event(body)) == Ignored(why="it is not for the bot")


# What is in the wrong form

WRONG: list[tuple[str, Callable[[Any], Any]]] = [
    *((f"without {path}", lambda event, path=path: _without(event, path)) for path in (
        "action", "comment", "issue", "repository", "sender", "comment.id", "comment.body", "comment.user",
        "comment.created_at", "comment.user.login", "comment.user.id", "comment.user.type", "issue.number",
        "issue.locked", "repository.full_name", "sender.id", "sender.type", "sender.login",
    )),
    *((f"{path} is {value!r:.30}", lambda event, path=path, value=value: _with(event, path, value)) for path, value in (
        ("action", 1), ("action", None), ("action", ["created"]), ("comment", []), ("comment", "x"), ("comment", None),
        ("comment.id", "492700400"), ("comment.id", 4.5), ("comment.id", True), ("comment.id", 0), ("comment.id", -1),
        ("comment.id", 10**30), ("comment.id", None), ("comment.body", None), ("comment.body", 1),
        ("comment.body", ["/bot cycle"]), ("comment.body", {"text": "/bot cycle"}), ("comment.user", None),
        ("comment.user", "ada"), ("comment.user.login", 7), ("comment.user.login", ""),
        ("comment.user.login", "a/../b"),
        ("comment.user.login", "ada\nrun=true"), ("comment.user.login", "ada?x=1"), ("comment.user.login", "x" * 500),
        ("comment.user.id", "7"), ("comment.user.id", True), ("comment.user.type", None), ("comment.user.type", 1),
        ("comment.created_at", "yesterday"), ("comment.created_at", None),
        ("comment.created_at", "2026-03-04T05:06:07"),
        ("issue", None), ("issue.number", "12"), ("issue.number", 0), ("issue.number", -3), ("issue.number", 1.5),
        ("issue.number", None), ("issue.locked", "false"), ("issue.locked", None), ("issue.locked", 0),
        ("issue.pull_request", "yes"), ("issue.pull_request", True), ("issue.pull_request", []),
        ("repository", None), ("repository.full_name", None), ("repository.full_name", 1), ("sender", None),
        ("sender.id", None), ("sender.type", None),
    )),
]


def _with(event: Any, path: str, value: object) -> Any:
    *above, last = path.split(".")
    place = event
    for name in above:
        place = place[name]
    place[last] = value
    return event


def _without(event: Any, path: str) -> Any:
    *above, last = path.split(".")
    place = event
    for name in above:
        place = place[name]
    del place[last]
    return event


@pytest.mark.parametrize(("what", "spoil"), WRONG, ids=[what for what, _ in WRONG])
def test_a_payload_in_the_wrong_form(what: str, spoil: Callable[[Any], Any]) -> None:
    assert read(spoil(comment_event(CYCLE))) == Ignored(why="the event is not in the form that GitHub gives it"), what


@pytest.mark.parametrize("content", [
    b"", b"null", b"[]", b"{}", b"1", b'"created"', b"{", b"\xff\xfe", b"\x00", b"[" * 100_000, b"{\"a\":" * 100_000,
    payload(comment_event(CYCLE))[:-10], payload([comment_event(CYCLE)]), b"x" * 1_000_000,
    payload(comment_event(CYCLE)).replace(b"/bot cycle", rb"/bot cycle\ud800"),
    payload(comment_event(CYCLE)).replace(b"/bot cycle", b"/bot cycle\n"),
    payload(comment_event(CYCLE)).decode().encode("utf-16"),
], ids=lambda content: repr(content[:20]))
def test_a_file_that_is_no_payload(content: bytes) -> None:
    assert isinstance(read(content), Ignored)


def test_what_github_adds_one_day_does_no_harm() -> None:
    event = comment_event(CYCLE)
    event["comment"]["pin"] = {"pinned_at": "2026-03-04T05:06:07Z"}
    event["something"] = [{"new": True}]
    assert isinstance(read(event), Asked)


def test_the_commands_that_are_listed_are_those_that_are_read() -> None:
    for word, usage in COMMANDS.items():
        form = usage.form.replace("[FOCUS]", "errors").replace("STEP", "prove")
        found = read_command(form)
        assert isinstance(found, CommentCommand)
        assert (found.word, str(found)) == (word, form)


def test_enough_events() -> None:
    assert len(COMMANDS_GIVEN) + len(NOT_UNDERSTOOD) + len(NOT_FOR_THE_BOT) + len(EVENTS) + len(WRONG) > 200


# The payloads are GitHub's

@pytest.mark.openapi
def test_the_payloads_are_in_the_shape_that_github_publishes() -> None:
    import jsonschema_rs

    github = jsonschema_rs.Draft202012Validator(component(FULL, "webhook-issue-comment-created"))
    for event in (
        comment_event("/bot help"), comment_event("/bot audit", pull=True, state="closed", locked=True),
        comment_event("/bot help", by=ACTIONS, app="whybot"),
    ):
        assert [error.message for error in github.iter_errors(event)] == []
    assert not github.is_valid(_without(comment_event("/bot help"), "comment.reactions"))
