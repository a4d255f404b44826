"""What leaves in a notice: no secret of a log, no power in Slack, and never the address that it goes to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.webhook_notifier import WebhookNotifier
from bot.config import load_config
from bot.domain.config import NotifyConfig
from bot.domain.effects import NoticeSend
from bot.domain.errors import ConfigProblem, UsageProblem
from bot.domain.notices import EVENTS, Notice, NoticeLink, NoticeLinks
from bot.domain.record import CycleRecord, CycleStatus
from bot.engine.noticing import notices
from bot.notify_command import run_notify
from bot.reports.notice_slack import escaped, notice_slack
from bot.reports.notices import notice_json, trial
from bot.setting_up import run_doctor
from tests.fakes.instant_clock import InstantClock
from tests.fakes.webhook_receiver import SECRET, Receiver, receiving, status
from tests.security.test_no_secret_survives import SECRETS, TELLING
from tests.unit import whole_records as made
from tests.unit.recheck_records import WORKFLOW

LINKS = NoticeLinks(
    issue=NoticeLink(number=12, url="https://github.com/acme/shop/issues/12"),
    pull_request=NoticeLink(number=13, url="https://github.com/acme/shop/pull/13?a=b&c=d"),
    record="https://github.com/acme/shop/actions/runs/7",
)
HOSTILE = (
    "<!channel> <!here> <!subteam^S1|ops> <@U024BE7LH> <#C024BE7LR> @channel @here @everyone",
    "<https://evil.example|the issue> https://evil.example/x www.evil.example mailto:a@b.example",
    "` ``` `<!channel>` ```js` *bold* _it_ ~no~ > quote\n>>> more\n• list",
    "&lt;!channel&gt; &amp;lt; &#60;!here&#62; &",
    '"}],"blocks":[{"type":"image","image_url":"https://evil.example/x.png","alt_text":"',
    "\u202egnp.exe \u200b\u2060\ufeff\x00\x1b[2J\x07\u2028\u2029\r\n::error::x\n##[add-mask]x",
    "&" * 5_000, "<" * 5_000, "`" * 5_000, "\u202e" * 5_000, "word " * 2_000, "x" * 10_000, "\U0001f600" * 4_000,
)


def told(record: CycleRecord) -> Iterator[Notice]:
    """Every notice of a record that has come to its end, and of one that is paused."""
    paused = record.model_copy(update={
        "status": CycleStatus.PAUSED, "end": None, "paused_because": record.steps[0].said,
        "remedy": record.steps[0].said,
    })
    for one in (record, paused):
        for event in EVENTS:
            (sent,) = notices(one, (event,), {"team": NotifyConfig(events=tuple(EVENTS))}, WORKFLOW)
            yield notice_of(sent)


def notice_of(sent: NoticeSend) -> Notice:
    return Notice(id=sent.key.message, links=LINKS, **dict(sent.notice))


# Secrets

@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_leaves_wherever_it_stands(name: str) -> None:
    record = made.whole(lambda place: f"{place} {SECRETS[name]} , and more")
    for notice in told(record):
        for body in (notice_json(notice), notice_slack(notice)):
            assert TELLING[name] not in body.decode(), notice.event


def test_no_secret_leaves_where_a_text_is_cut() -> None:
    token = SECRETS["github"]
    for length in range(60, 600, 11):
        record = made.whole(lambda place, length=length: f"{place} {'y' * length} {token}")
        sent = next(iter(told(record)))
        assert not any(token[:cut] in notice_json(sent).decode() for cut in range(12, len(token)))


# Slack

def texts(value: Any) -> Iterator[dict[str, Any]]:
    """Every text object of a message."""
    if isinstance(value, dict):
        if value.get("type") in {"mrkdwn", "plain_text"}:
            yield value
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


OURS = re.compile(r"<https://github\.com/acme/shop/[A-Za-z0-9/?=&;]+\|(?:issue 12|pull request 13|the record)>")


def check_power(text: str) -> None:
    """Nothing of it is a link, a mention or an entity but those of the bot's own, and nothing is unseen."""
    bare = OURS.sub("", text)
    assert not re.search(r"[<>]", bare), bare[:200]
    assert not re.search(r"&(?!(?:amp|lt|gt);)", bare), bare[:200]
    assert not re.search(r"@(?!\u2060)|://|(?i:\bwww\.|\bmailto:)", bare), bare[:200]
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e\u200b\ufeff\u2028\u2029]", text)


def check_message(body: bytes) -> None:
    """What Slack documents for messages, blocks and text objects."""
    message = json.loads(body)
    assert set(message) == {"text", "mrkdwn", "blocks"}
    assert message["mrkdwn"] is False
    assert 1 <= len(message["text"]) <= 3_000
    assert "\n" not in message["text"]
    check_power(message["text"])
    assert 1 <= len(message["blocks"]) <= 50
    for block in message["blocks"]:
        assert block["type"] in {"header", "section", "context"}
        assert len(block.get("fields", [])) <= 10
        assert all(1 <= len(one["text"]) <= 2_000 for one in block.get("fields", []))
        if block["type"] == "header":
            assert block["text"]["type"] == "plain_text"
            assert len(block["text"]["text"]) <= 150
    found = list(texts(message))
    assert found
    for one in found:
        assert 1 <= len(one["text"]) <= 3_000
        check_power(one["text"])
        if one["type"] == "mrkdwn":
            # With this Slack makes nothing of plain text by itself; what others wrote stands in code spans.
            assert one["verbatim"] is True
            outside = re.sub(r"`[^`\n]+`", "", one["text"])
            assert "`" not in outside
            assert not re.search(r"evil|bold|channel|everyone", outside)
        else:
            assert one["emoji"] is False
            assert "\n" not in one["text"]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_in_a_record_has_power_in_slack(text: str) -> None:
    for notice in told(made.whole(lambda place: text)):
        check_message(notice_slack(notice))
        assert len(notice_json(notice)) < 20_000, "the specification's recommendation"


def test_an_ordinary_notice_can_be_read() -> None:
    notice = next(one for one in told(made.whole()) if one.event == "fix-proposed")
    check_message(notice_slack(notice))
    message = json.loads(notice_slack(notice))
    shown = "\n".join(one["text"] for one in texts(message))
    for part in (
        "P1: Fix proposed: the type: the message", "`the message`", "in `the location:80 in add`",
        "*Priority*\nP1: Errors on 2 instances", "*Entries*\n12, 9 of them errors", "Cause: the root cause",
        "The model's words. The proof holds: tests fail without the fix and pass with it.",
        "*Proof*\nproven: 3 of 4 runs hold", "State: ended: fix proposed", "Next: a person reviews",
        "<https://github.com/acme/shop/pull/13?a=b&amp;c=d|pull request 13>", "a scripted model",
    ):
        assert part in shown, part
    assert message["text"] == "P1: Fix proposed: the type: the message"


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300), st.integers(min_value=1, max_value=400))
def test_whatever_is_escaped_is_bounded_and_has_no_power(text: str, most: int) -> None:
    shown = escaped(text, most)
    assert len(shown) <= most
    assert "`" not in shown
    check_power(shown)
    whole = escaped(text, 10_000)
    assert shown == whole if len(whole) <= most else shown.endswith("…")


# The address

def configured(folder: Path, url: str, **environ: str) -> tuple[Path, dict[str, str]]:
    path = folder / "bot.toml"
    path.write_text('[notify.team]\nevents = ["fix-proposed"]\n[notify.chat]\nformat = "slack"\nurl_env = "CHAT"\n'
                    'events = ["fix-proposed"]\n[notify.bare]\nsecret_env = ""\nevents = ["fix-proposed"]\n')
    return path, {"WHYBOT_NOTIFY_URL": url, "WHYBOT_NOTIFY_SECRET": SECRET, "CHAT": url, **environ}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.mark.parametrize("json_asked", [True, False])
def test_the_address_and_the_secret_are_never_shown(
    tmp_path: Path, receiver: Receiver, capsys: pytest.CaptureFixture[str], json_asked: bool
) -> None:
    config, environ = configured(tmp_path, receiver.url)
    receiver.will(status(400, b"no_service"), status(200))
    given: dict[str, Any] = {"json": json_asked, "environ": environ, "clock": InstantClock()}
    assert run_notify(None, tmp_path / ".bot", config, **given) == 0
    assert run_notify("chat", tmp_path / ".bot", config, **given) == 1
    assert run_notify("team", tmp_path / ".bot", config, **given) == 0
    broken = {**environ, "WHYBOT_NOTIFY_URL": "https://hooks.example/verySecretPath here", "CHAT": "x/verySecretPath"}
    assert run_notify(None, tmp_path / ".bot", config, **{**given, "environ": broken}) == 1
    assert run_notify("team", tmp_path / ".bot", config, **{**given, "environ": broken}) == 1
    shown = capsys.readouterr()
    for secret in ("verySecretPath", "hooks", SECRET, "127.0.0.1"):
        assert secret not in shown.out + shown.err
    assert "no_service" in shown.out
    assert "it is no URL" in shown.out


def test_the_doctor_sends_nothing_and_shows_no_address(
    tmp_path: Path, receiver: Receiver, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, environ = configured(tmp_path, receiver.url, CHAT="")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    run_doctor(demo=False, state=tmp_path / ".bot", config=config, json=True)
    shown = capsys.readouterr().out
    found = {one["what"]: one for one in json.loads(shown)["findings"] if one["what"].startswith("notify ")}
    assert {what: one["state"] for what, one in found.items()} == {
        "notify team": "ok", "notify chat": "note", "notify bare": "note"}
    assert found["notify chat"]["said"] == "CHAT is not set, so from here nothing can be sent there"
    assert not receiver.taken
    assert "verySecretPath" not in shown
    assert SECRET not in shown


@pytest.mark.parametrize(
    "text",
    ['url_env = "https://hooks.example/verySecretPath"', 'secret_env = "whsec_verySecretPath"',
     'url = "https://hooks.example/verySecretPath"'],
)
def test_a_secret_that_stands_in_the_file_is_not_repeated(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bot.toml"
    path.write_text(f'[notify.team]\nevents = ["fix-proposed"]\n{text}\n')
    with pytest.raises(ConfigProblem) as raised:
        load_config(path)
    assert "verySecretPath" not in str(raised.value)
    assert "notify.team" in str(raised.value)


def test_a_destination_that_there_is_not(tmp_path: Path) -> None:
    config, environ = configured(tmp_path, "https://hooks.example/x")
    with pytest.raises(UsageProblem, match=r"no \[notify.pager\]") as raised:
        run_notify("pager", tmp_path / ".bot", config, json=False, environ=environ)
    assert "team, chat, bare" in raised.value.remedy


def test_a_test_notice_is_another_each_time(receiver: Receiver) -> None:
    clock = InstantClock()
    notifier = WebhookNotifier({"team": NotifyConfig(events=("fix-proposed",))},
                               {"WHYBOT_NOTIFY_URL": receiver.url, "WHYBOT_NOTIFY_SECRET": SECRET}, clock)
    for _ in range(2):
        assert notifier.send("team", trial("acme/shop", "team", clock.now())).delivered
        clock.sleep(1)
    assert len({one.id for one in receiver.taken}) == 2
    check_message(notice_slack(trial("acme/shop", "team", clock.now())))
