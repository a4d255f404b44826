"""Comments as an attacker would write them: none gets further than it may, and no text of the bot's is a command."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.actions import NAMES, Asked, Ignored, asked, order_of, outputs, variable
from bot.actions_command import run_gate
from bot.config import PRESETS
from bot.domain.audit import AuditReport, Finding, FindingSeverity, Recommendation
from bot.domain.commands import COMMANDS, CommentCommand, NotUnderstood, Order, read_command
from bot.domain.effects import ReplyKey, ReplyUpsert
from bot.domain.errors import ForgeProblem, UsageProblem
from bot.domain.record import STEPS
from bot.engine.publishing.region import place_in
from bot.engine.publishing.wording import Wording
from bot.reports.markdown import inline, neutralise, prose
from bot.reports.replies import audit_text, failed_text, help_text, reply, stopped_text
from tests.fakes.github_api import GitHub, Person, Token, actions_token
from tests.fakes.instant_clock import InstantClock
from tests.fakes.webhooks import Account, comment_event, payload
from tests.rendered import acting
from tests.unit.test_markdown import HOSTILE

QUICK = settings(max_examples=120, deadline=None, derandomize=True)

# Texts near to commands: pieces of them, what ends lines, what hides, what looks alike.
PIECES = st.sampled_from([
    "/bot", "/bot ", "/", "bot", "cycle", "status", "audit", "prove", "retry", "stop", "help", " ", "  ", "\n", "\r\n",
    "\r", "\t", "\x00", "\x0b", "\x0c", "\x1b", "\x85", "\u00a0", "\u200b", "\u200e", "\u2028", "\u2029", "\u202e",
    "\u2060", "\u3000", "\ufeff", "\uff0f", "\u2044", "errors", "fix", "five_whys", "prove", "`", "```", "~~~", "> ",
    "- ", "1. ", "# ", "<!--", "-->", "<!-- whybot:reply acme/shop 1 -->", "&#47;", "\\", "::", "<<", "EOF", "=", "%0A",
    "::set-output name=run::true", "run=true", "@ada", "#1", "$(id)", "`id`", "../", "é", "日本", "🚀", "\U000e0001",
])
NEAR = st.lists(PIECES, max_size=12).map("".join)
BODIES = st.one_of(NEAR, st.text(max_size=60), st.builds(lambda a, b: f"/bot {a}{b}", PIECES, NEAR))

_COMMAND = re.compile(
    r"/bot +(?:(?:status|audit|prove|stop|help)|cycle(?: +[a-z0-9][a-z0-9-]{0,60})?|retry +(?:"
    + "|".join(STEPS) + r")) *"
)
"""Said once more, in another way: all that a first line may be."""


@QUICK
@given(BODIES)
@example("/bot cycle\nx")
@example("/bot retry five_whys\r\n")
def test_a_command_is_its_first_line_and_nothing_else(body: str) -> None:
    found = read_command(body)
    line = body.split("\n", 1)[0].removesuffix("\r")
    own = any(re.fullmatch(r"<!-- whybot:[a-z_]+ [^<>]+ -->", one) for one in body.split("\n"))
    expected = len(line) <= 120 and _COMMAND.fullmatch(line) is not None and not own
    assert isinstance(found, CommentCommand) == expected
    if isinstance(found, CommentCommand):
        assert str(found).split() == line.split()
        # What follows it changes nothing.
        assert read_command(line) == read_command(f"{line}\n/bot stop") == found
    # With anything before it, it is none.
    for before in (" ", "\n", "> ", "\u200b", "`", "\ufeff"):
        assert read_command(before + body) is None


@QUICK
@given(BODIES)
def test_any_text_in_an_event_is_read_without_a_crash(body: str) -> None:
    found = asked("issue_comment", payload(comment_event(body)), "acme/shop")
    assert isinstance(found, Asked | Ignored)
    if isinstance(found, Asked) and isinstance(found.command, NotUnderstood):
        assert found.command.why.isascii()


@QUICK
@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["action", "comment", "issue", "repository", "sender", "user", "id", "body", "login", "type",
                         "number", "locked", "full_name", "created_at"]), inner, max_size=6), max_leaves=12,
), st.sampled_from(["comment", "issue", "sender", "repository", "action", ""]))
def test_any_json_is_read_without_a_crash(value: object, where: str) -> None:
    event = {**comment_event("/bot cycle"), where: value} if where else value
    assert isinstance(asked("issue_comment", payload(event), "acme/shop"), Ignored)


@QUICK
@given(st.binary(max_size=300))
def test_any_file_is_read_without_a_crash(content: bytes) -> None:
    assert isinstance(asked("issue_comment", content, "acme/shop"), Ignored)


# No loop: what the bot writes is never a command

@QUICK
@given(BODIES)
@example("/bot cycle")
@example("/bot cycle\n\n/bot stop")
@example("\u2060/bot cycle")
def test_a_text_that_was_neutralised_is_no_command(body: str) -> None:
    for made in (neutralise(body), inline(body), prose(body)):
        assert read_command(made) is None


@settings(QUICK, max_examples=40)
@given(BODIES)
@example("/bot cycle")
def test_an_answer_is_no_command_as_it_is_published(text: str) -> None:
    order = Order(command=CommentCommand(word="help"), number=1, comment=2, is_pull=False)
    failed = failed_text(ForgeProblem(text, text))
    for answer in (text, failed, help_text([*PRESETS], text), stopped_text((text,), 1, (text,))):
        made = reply(order, "acme/shop", answer)
        # Neither with its marker, nor without, as somebody would copy it.
        assert read_command(_published(made)) is None
        assert read_command(_said(made)) is None


def _said(effect: ReplyUpsert) -> str:
    return Wording(60_000).body(effect.body, 60_000, lambda _kind, _name: "")


def _published(effect: ReplyUpsert) -> str:
    """The comment as the publisher makes it."""
    return place_in("", ()).filled(str(effect.key), _said(effect), hint=False)


@pytest.mark.parametrize("word", COMMANDS)
def test_the_bot_is_not_answered_even_where_it_is_taken_for_a_person(word: str) -> None:
    bare = ReplyUpsert(key=ReplyKey(repository="acme/shop", comment=2), number=1, body=f"/bot {word}\n")
    for body in (_published(bare), _said(bare)):
        assert asked("issue_comment", payload(comment_event(body)), "acme/shop") == Ignored(why="it is not for the bot")
    assert read_command(f"/bot {word}\n\n<!-- whybot:reply acme/shop 2 -->\n") is None


@pytest.mark.parametrize("text", HOSTILE)
def test_an_answer_shows_what_others_wrote_and_does_nothing_with_it(text: str) -> None:
    order = Order(command=CommentCommand(word="help"), number=1, comment=2, is_pull=False)
    finding = Finding(
        rule="tautology", severity=FindingSeverity.ERROR, defect_class="tautology", test=text, path=text, line=1,
        message=text, hint=text)
    report = AuditReport(
        recommendation=Recommendation.HOLD, tests=(text,), defects=(text,), findings=(finding,), outcomes=(), scores=(),
        reasons=(text,), depth="static")
    for answer in (
        failed_text(ForgeProblem(text, text)), stopped_text((text,), 1, (text,)), help_text([text], text),
        audit_text(report, (text,), "a" * 40),
    ):
        assert list(acting(_said(reply(order, "acme/shop", answer)))) == []


# Nothing of others' reaches the runner

ATTACKS = [
    "/bot cycle errors\nrun=true", "/bot cycle errors\r\ncommand=stop", "/bot cycle x\n::set-output name=run::true",
    "/bot cycle errors%0Arun=true", "/bot cycle EOF", "/bot cycle <<EOF", "/bot cycle x<<EOF\nrun=true\nEOF",
    "/bot retry fix\nfocus<<EOF\nx\nEOF\n", "/bot cycle ::add-mask::x", "/bot cycle ##[set-env name=PATH]x",
    "/bot cycle\n::stop-commands::x", "/bot cycle\x00run=true", "/bot cycle\u2028run=true", "/bot cycle\x85run=true",
    "/bot cycle $(touch /tmp/x)", "/bot cycle `id`", "/bot cycle ${{ secrets.X }}", "/bot cycle 'a' || true",
    "/bot cycle ../../../etc/passwd", "/bot cycle \n/bot stop", "/bot help\n" + "A=B\n" * 5_000, "::error::/bot cycle",
    "/bot cycle errors\n<!-- whybot:reply acme/shop 1 -->", "/bot ::warning file=x::y", "/bot cycle\x1b[2J",
]
_OUTPUT = re.compile(r"[a-z_]+=[a-z0-9_-]*")


def _is_closed(lines: Iterable[str]) -> bool:
    names = {"run", *NAMES}
    return all(_OUTPUT.fullmatch(line) and line.partition("=")[0] in names for line in lines)


@pytest.mark.parametrize("who", ["ada", "mallory"])
def test_attacks_on_the_outputs_of_the_gate(
    tmp_path: Path, who: str, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = GitHub(tmp_path / "server", clock=InstantClock())
    hub.tokens = {"token": actions_token(issues="write", pull_requests="write")}
    hub.people = {"ada": Person("ada", 7, "write"), "mallory": Person("mallory", 66, "read")}
    number = hub.add_issue(Token("ada", 7), "::set-output name=run::true", "\n", [])["number"]
    files = {name: tmp_path / name.lower() for name in (
        "GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY", "GITHUB_EVENT_PATH")}
    environ = {
        **{name: str(path) for name, path in files.items()}, "GITHUB_EVENT_NAME": "issue_comment",
        "GITHUB_REPOSITORY": "acme/shop", "GITHUB_API_URL": hub.url, "GITHUB_TOKEN": "token",
    }
    try:
        ran = set()
        for body in ATTACKS:
            person = hub.people[who]
            kept = hub.add_comment(Token(who, person.id), number, body)
            event = comment_event(body, by=Account(who, person.id), number=number, comment=kept["id"])
            event["issue"]["title"] = event["issue"]["body"] = "x\n::set-output name=run::true\nrun<<E\ntrue\nE"
            files["GITHUB_EVENT_PATH"].write_bytes(payload(event))
            files["GITHUB_OUTPUT"].write_text("")
            assert run_gate(1_000, environ, InstantClock()) == 0
            lines = files["GITHUB_OUTPUT"].read_text().splitlines()
            assert _is_closed(lines)
            assert len(lines) == len({line.partition("=")[0] for line in lines})
            if "run=true" in lines:
                ran.add(body)
                order = order_of({variable(name): value for name, value in (line.split("=", 1) for line in lines)})
                assert str(order.command) == body.partition("\n")[0].strip()
        assert [name for name in files if files[name].exists()] == ["GITHUB_OUTPUT", "GITHUB_EVENT_PATH"]
        said = capsys.readouterr()
        assert not re.search(r"::|##\[|[^\x20-\x7e\n]|run=|EOF|secrets|etc", said.out + said.err)
        # What stands below a sound first line is for people, so these are commands, of somebody who may give them.
        assert ran == (set() if who == "mallory" else {
            body for body in ATTACKS if isinstance(read_command(body), CommentCommand)})
    finally:
        hub.close()


@QUICK
@given(BODIES, st.integers(1, 2**53 - 1), st.integers(1, 2**53 - 1), st.booleans(), st.integers(0, 1_000))
def test_outputs_are_members_of_closed_sets(body: str, number: int, comment: int, is_pull: bool, earlier: int) -> None:
    found = read_command(body)
    if not isinstance(found, CommentCommand):
        return
    order = Order(command=found, number=number, comment=comment, is_pull=True, head="a" * 40, base="b" * 40,
                  earlier=earlier)
    given_on = dict(outputs(order))
    assert _is_closed(f"{name}={value}" for name, value in given_on.items())
    assert order_of({variable(name): value for name, value in given_on.items()}) == order


@QUICK
@given(st.dictionaries(st.sampled_from([variable(name) for name in NAMES]), BODIES | st.sampled_from(
    ["cycle", "retry", "errors", "fix", "1", "12", "true", "false", "a" * 40, "0", "", "-1", "1e9", "٣", "１２"])))
def test_any_environment_of_the_work_is_an_order_or_a_usage_problem(environ: dict[str, str]) -> None:
    try:
        order = order_of(environ)
    except UsageProblem:
        return
    assert str(order.command).isascii()
    assert order.command.word in COMMANDS
