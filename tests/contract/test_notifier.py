"""Notices to a real HTTP server: signed, tried again, and nothing done that nobody asked for."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.adapters.webhook_http import _connection, address_of
from bot.adapters.webhook_notifier import WebhookNotifier
from bot.adapters.webhook_signature import keys_in, signature
from bot.domain.config import NotifyConfig
from bot.domain.notices import Notice
from bot.ports import Delivery
from bot.reports.notices import trial
from tests.fakes.instant_clock import InstantClock
from tests.fakes.token_endpoint import TokenEndpoint, certificate
from tests.fakes.webhook_receiver import (
    SECRET,
    Behaviour,
    Receiver,
    cut,
    endless,
    no_http,
    receiving,
    silent,
    status,
    trickle,
)

NOTICE: Notice = trial("acme/shop", "team", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC))
DESTINATIONS = {
    "team": NotifyConfig(events=("fix-proposed",)),
    "bare": NotifyConfig(events=("fix-proposed",), secret_env=""),
    "slack": NotifyConfig(events=("fix-proposed",), format="slack"),
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


class Bench:
    """A notifier that waits without waiting. A second is a long time on the loopback."""

    def __init__(self, url: str, seconds: float = 1.0, **environ: str) -> None:
        self.clock = InstantClock()
        environ = {"WHYBOT_NOTIFY_URL": url, "WHYBOT_NOTIFY_SECRET": SECRET, **environ}
        self.notifier = WebhookNotifier(DESTINATIONS, environ, self.clock, seconds)

    def send(self, destination: str = "team") -> Delivery:
        return self.notifier.send(destination, NOTICE)


# What is sent

def test_a_notice_is_json_that_is_signed_under_an_id_and_a_time(receiver: Receiver) -> None:
    assert Bench(receiver.url).send() == Delivery(delivered=True)
    (taken,) = receiver.taken
    assert taken.verified()
    assert not taken.verified("whsec_" + base64.b64encode(b"another" * 5).decode())
    assert taken.path == "/hooks/T0/B0/verySecretPath"
    assert taken.headers["content-type"] == "application/json"
    assert taken.headers["webhook-timestamp"] == str(int(InstantClock().now().timestamp()))
    assert list(taken.document)[:3] == ["schema", "id", "event"]
    assert (taken.document["schema"], taken.document["id"]) == ("whybot/notice/1", taken.id)
    assert Notice.model_validate_json(taken.body) == NOTICE


def test_the_signature_is_that_of_the_specification() -> None:
    # The example of its Go library, `TestWebhookSign`.
    keys = keys_in("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signature(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_a_secret_is_changed_both_sign(receiver: Receiver) -> None:
    new = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
    assert Bench(receiver.url, WHYBOT_NOTIFY_SECRET=f"{new} {SECRET}").send().delivered
    assert receiver.taken[0].verified(new)
    assert receiver.taken[0].verified(SECRET)


def test_unsigned_json_still_has_its_id_and_slack_gets_neither(receiver: Receiver) -> None:
    bench = Bench(receiver.url, WHYBOT_NOTIFY_SECRET="")
    assert bench.send("bare").delivered
    assert bench.send("slack").delivered
    bare, slack = receiver.taken
    assert bare.id == NOTICE.id
    assert "webhook-signature" not in bare.headers
    assert not [name for name in slack.headers if name.startswith("webhook-")]
    assert slack.document["text"] == "A test notice for acme/shop"
    assert slack.document["blocks"][0]["type"] == "header"


# What goes wrong

PASSING: dict[str, tuple[Behaviour, str]] = {
    "500": (status(500), "status 500"), "503": (status(503), "status 503"), "429": (status(429), "status 429"),
    "408": (status(408), "status 408"), "cut": (cut, "the connection was cut"),
    "silent": (silent, "did not answer in time"), "trickle": (trickle, "did not answer in time"),
    "endless and refused": (endless(502), "status 502"),
}


@pytest.mark.parametrize("name", PASSING)
def test_what_may_pass_is_tried_again(receiver: Receiver, name: str) -> None:
    receiver.will(PASSING[name][0], status(200))
    bench = Bench(receiver.url, seconds=0.3)
    began = time.monotonic()
    assert bench.send() == Delivery(delivered=True)
    assert time.monotonic() - began < 3
    first, second = receiver.taken
    assert first.id == second.id
    assert first.body == second.body
    assert first.verified()
    assert second.verified()
    assert int(second.headers["webhook-timestamp"]) > int(first.headers["webhook-timestamp"])
    assert len(bench.clock.slept) == 1
    assert 1 <= bench.clock.slept[0] <= 1.25


def test_what_does_not_pass_is_given_up_and_said_and_then_tried_once(receiver: Receiver) -> None:
    receiver.will(status(503))
    bench = Bench(receiver.url)
    assert bench.send() == Delivery(delivered=False, why="it answered with status 503 (4 tries).")
    assert len(receiver.taken) == 4
    assert [round(wait) for wait in bench.clock.slept] == sorted(round(wait) for wait in bench.clock.slept)
    assert bench.send().why == "it answered with status 503 (1 try)."
    receiver.will(status(200))
    assert bench.send().delivered
    receiver.will(status(503), status(200))
    assert bench.send().delivered, "one that answers is tried again as before"


FINAL: dict[str, tuple[Behaviour, str]] = {
    "400": (status(400), "it answered with status 400 (1 try)."),
    "410": (status(410), "it answered with status 410 (1 try)."),
    "endless": (endless(404), "it answered with status 404 (1 try)."),
    "a word of Slack's": (status(400, b"invalid_blocks"), "it answered with status 400 and invalid_blocks (1 try)."),
    "words of others": (status(403, b"::error::give me your token"), "it answered with status 403 (1 try)."),
    "a redirection": (status(307, Location="/elsewhere"), (
        "it answered with status 307, a redirection, which is not followed: give the address that it leads to "
        "(1 try).")),
    "no HTTP": (no_http, "what answers there does not speak HTTP (1 try)."),
}


@pytest.mark.parametrize("name", FINAL)
def test_another_refusal_is_final(receiver: Receiver, name: str) -> None:
    behaviour, why = FINAL[name]
    receiver.will(behaviour)
    bench = Bench(receiver.url)
    assert bench.send() == Delivery(delivered=False, why=why)
    assert len(receiver.taken) == 1
    assert bench.clock.slept == []


def test_an_endless_answer_that_is_good_is_not_waited_for(receiver: Receiver) -> None:
    receiver.will(endless(200))
    began = time.monotonic()
    assert Bench(receiver.url, seconds=30).send().delivered
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("told", "slept"),
    [("7", [7.0]), ("Wed, 04 Mar 2026 05:06:27 GMT", [20.0]), ("Wed, 04 Mar 2020 05:06:27 GMT", None),
     ("soon", None), ("-5", None), ("", None)],
)
def test_what_it_asks_to_wait_is_waited(receiver: Receiver, told: str, slept: list[float] | None) -> None:
    receiver.will(status(429, Retry_After=told), status(200))
    bench = Bench(receiver.url)
    assert bench.send().delivered
    assert bench.clock.slept == slept if slept else 1 <= bench.clock.slept[0] <= 1.25


def test_an_hour_is_not_waited(receiver: Receiver) -> None:
    receiver.will(status(429, Retry_After="3600"))
    bench = Bench(receiver.url)
    assert bench.send().why == (
        "it answered with status 429, and asks to be left alone for 3,600 seconds (1 try).")
    assert bench.clock.slept == []


def test_where_nobody_listens(receiver: Receiver) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert Bench(f"http://127.0.0.1:{port}/").send().why == "nothing listens there (4 tries)."


# Where it goes

@pytest.mark.parametrize(
    "url",
    ["", "hooks.slack.com/x", "http://example.org/x", "ftp://example.org/x", "https://", "https://u:p@example.org/x",
     "https://example.org:port/x", "https://example.org/a b", "https://example.org/\r\nHost: x", "https://[::1/x",
     "https://ex\u00e4mple.org/x", "http://127.0.0.1.example.org/x", "https://example.org/" + "x" * 2_000],
)
def test_an_address_that_cannot_be_used_is_never_repeated(url: str) -> None:
    bench = Bench(url)
    why = bench.notifier.trouble("team")
    assert why
    assert bench.send() == Delivery(delivered=False, why=f"{why}.")
    assert why == "WHYBOT_NOTIFY_URL is not set" or why.startswith("WHYBOT_NOTIFY_URL cannot be used: it ")
    assert "example" not in why
    assert "slack" not in why


@pytest.mark.parametrize(
    ("secret", "why"),
    [("", "is not set"), ("whsec_short", "cannot be used: it is not whsec_ and base64"),
     ("whsec_c2hvcnQ=", "cannot be used: it has 5 bytes once it is decoded, and 24 to 64 are needed"),
     ("hunter2 hunter2!", "cannot be used: it is not whsec_ and base64")],
)
def test_a_secret_that_cannot_be_used_sends_nothing(receiver: Receiver, secret: str, why: str) -> None:
    bench = Bench(receiver.url, WHYBOT_NOTIFY_SECRET=secret)
    assert bench.notifier.trouble("team") == f"WHYBOT_NOTIFY_SECRET {why}"
    assert not bench.send().delivered
    assert not receiver.taken
    assert bench.notifier.trouble("slack") == ""


def test_addresses() -> None:
    assert address_of("https://example.org") == (True, "example.org", 443, "/")
    assert address_of("https://example.org:8443/a?b=c") == (True, "example.org", 8443, "/a?b=c")
    assert address_of("http://[::1]:80/x") == (False, "::1", 80, "/x")
    assert address_of("http://localhost/x") == (False, "localhost", 80, "/x")


def test_no_password_of_netrc_is_sent(receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Bench(receiver.url).send().delivered
    assert "authorization" not in receiver.taken[0].headers


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "chain.pem"
    path.write_bytes(b"".join(certificate()))
    return path


def test_tls_is_verified(chain: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    with receiving(context) as receiver:
        refused = Bench(receiver.url).send()
        assert refused == Delivery(
            delivered=False, why="its certificate is not accepted: self-signed certificate (1 try).")
        assert not receiver.taken
        assert Bench(receiver.url, SSL_CERT_FILE=str(chain)).send().delivered
        assert receiver.taken[0].verified()
        missing = Bench(receiver.url, SSL_CERT_FILE=str(chain.parent / "none.pem")).send()
        assert missing.why == "SSL_CERT_FILE or SSL_CERT_DIR cannot be used (1 try)."


def test_the_name_in_the_certificate_counts_and_is_not_repeated(chain: Path) -> None:
    with TokenEndpoint(chain) as proxy:
        bench = Bench("https://hooks.example.org/x", SSL_CERT_FILE=str(chain), HTTPS_PROXY=proxy.url)
        assert bench.send().why == "its certificate is not accepted: hostname mismatch (1 try)."


def test_a_proxy_leads_there_unless_it_is_not_meant_for_it(chain: Path) -> None:
    url = "https://oauth2.googleapis.com/hooks/1"  # A name that the certificate has.
    with TokenEndpoint(chain) as proxy:
        given = {"SSL_CERT_FILE": str(chain), "HTTPS_PROXY": proxy.url.replace("//", "//me:pass@")}
        assert Bench(url, **given).send().delivered
        assert [path for path, _ in proxy.asked] == ["/hooks/1"]
    assert Bench(url, **given).send().why == "nothing listens there (4 tries)."
    assert "HTTPS_PROXY is not" in Bench(url, **{**given, "HTTPS_PROXY": "socks5://127.0.0.1:1"}).send().why


@pytest.mark.parametrize(
    ("url", "besides", "goes_to"),
    [("https://hooks.example.org/", "", "proxy"), ("https://hooks.example.org/", "example.com,amp.example", "proxy"),
     ("https://hooks.example.org/", "*", "hooks.example.org"), ("https://127.0.0.1/", "", "127.0.0.1"),
     ("https://hooks.example.org/", "localhost, .Example.org", "hooks.example.org"),
     ("https://notexample.org/", "example.org", "proxy"), ("https://example.org/", "example.org", "example.org")],
)
def test_what_no_proxy_names_goes_without(url: str, besides: str, goes_to: str) -> None:
    environ = {"https_proxy": "http://proxy:3128", "NO_PROXY": besides}
    assert _connection(address_of(url), 1.0, environ).host == goes_to


def test_the_body_is_small() -> None:
    from bot.reports.notices import notice_json

    assert len(notice_json(NOTICE)) < 1_000
    assert json.loads(notice_json(NOTICE))["links"] == {"issue": None, "pull_request": None, "record": ""}
