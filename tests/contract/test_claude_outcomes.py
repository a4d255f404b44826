"""Claude by each provider: every way in which a call can end has its own name, and what was billed is counted."""

from __future__ import annotations

import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from bot.adapters.claude_model import MOST_SENDS
from bot.adapters.system_clock import SystemClock
from bot.domain.asking import StopReason
from bot.domain.errors import (
    ConfigProblem,
    ModelProblem,
    Overloaded,
    ProviderFailed,
    RateLimited,
    RequestRefused,
    StreamBroken,
    Unreachable,
)
from tests.contract.claude_setting import HandClock, Serve, at, clean, opened, request, serving
from tests.fakes.messages_api import KEY, Planned, broken, error, message, tool_use

USED = {"input_tokens": 12_345, "output_tokens": 678, "cache_read_input_tokens": 1_000,
        "cache_creation_input_tokens": 500}
INPUT_USD = Decimal("0.049380") + Decimal("0.0002") + Decimal("0.0025")
"""Opus 5.5: 4 in, 20 out, 0.20 cache read, 5 cache write, each for a million tokens."""
NEGATIVE = (b'event: message_start\ndata: {"type": "message_start", "message": {"model": "m", "usage": '
            b'{"input_tokens": -5}}}\n\n')
LONG = "The broker is marked as connected before it is. " * 20


def test_costs_to_the_last_digit(serve: Serve) -> None:
    model, _, _ = serve(message("{}", used=USED))
    usage = model.ask(request()).usage
    assert (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens) == (
        12_345, 678, 1_000, 500)
    assert usage.cost_usd == INPUT_USD + Decimal("0.013560")


@pytest.mark.parametrize(("stop", "reason"), [
    ("end_turn", StopReason.END), ("stop_sequence", StopReason.END), ("max_tokens", StopReason.LENGTH),
    ("model_context_window_exceeded", StopReason.LENGTH), ("refusal", StopReason.REFUSAL),
    ("tool_use", StopReason.OTHER), ("pause_turn", StopReason.OTHER), ("something_new", StopReason.OTHER),
])
def test_stop_reasons(serve: Serve, stop: str, reason: StopReason) -> None:
    model, _, _ = serve(message("{}", stop=stop))
    reply = model.ask(request())
    assert (reply.stop, reply.text) == (reason, "{}")


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503, 529])
def test_passing_trouble_is_waited_out(api: Serve, status: int) -> None:
    model, server, clock = api(error(status, "x", "y", retry_after="7"), error(status, "x", "y"), message("{}"))
    assert model.ask(request()).text == "{}"
    assert len(server.seen) == 3
    assert clock.slept == [7.0, 2.0]


@pytest.mark.parametrize(("status", "kind", "words"), [
    (429, RateLimited, "rate limit"), (529, Overloaded, "overloaded"), (500, ProviderFailed, "status 500"),
])
def test_lasting_trouble_is_named(serve: Serve, status: int, kind: type[ModelProblem], words: str) -> None:
    model, server, clock = serve(error(status, "x", "y"))
    with pytest.raises(kind, match=words) as caught:
        model.ask(request())
    assert len(server.seen) == MOST_SENDS
    assert clock.slept == [1.0, 2.0, 4.0]
    assert "resume" in caught.value.remedy
    assert caught.value.usage is None
    assert caught.value.name


@pytest.mark.parametrize("after", ["3600", "1e300", "inf", "999999999999"])
def test_a_long_retry_after_ends_at_the_deadline_without_waiting(serve: Serve, after: str) -> None:
    model, server, clock = serve(error(429, "rate_limit_error", "slow down", retry_after=after))
    with pytest.raises(RateLimited, match="rate limit") as caught:
        model.ask(request())
    assert len(server.seen) == 1
    assert clock.slept == []
    assert "resume" in caught.value.remedy


@pytest.mark.parametrize("after", ["soon", "-5", "nan", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_retry_after_that_is_no_number_counts_as_none(api: Serve, after: str) -> None:
    model, _, clock = api(error(429, "rate_limit_error", "slow down", retry_after=after), message("{}"))
    assert model.ask(request()).text == "{}"
    assert clock.slept == [1.0]


def test_a_storm_that_ends_is_no_outcome(serve: Serve) -> None:
    storm = error(529, "overloaded_error", "Overloaded")
    model, server, clock = serve(storm, storm, storm, message("{}"))
    assert model.ask(request()).text == "{}"
    assert (len(server.seen), clock.slept) == (4, [1.0, 2.0, 4.0])


@pytest.mark.parametrize(("status", "kind", "words"), [
    (401, ConfigProblem, "did not accept the key"), (403, ConfigProblem, "did not accept the key"),
    (404, ConfigProblem, "does not know the model"), (400, RequestRefused, "refused the request"),
    (402, RequestRefused, "payment"), (413, RequestRefused, "too large"), (422, RequestRefused, "refused the request"),
])
def test_what_no_retry_cures(serve: Serve, status: int, kind: type[Exception], words: str) -> None:
    model, server, clock = serve(error(status, "x", "the reason\nin two lines"))
    with pytest.raises(kind, match=words) as caught:
        model.ask(request())
    assert "the reason in two lines" in str(caught.value)
    assert len(server.seen) == 1
    assert clock.slept == []


def test_the_form_of_amazons_and_googles_errors_is_read(api: Serve) -> None:
    for body in (b'{"message": "the reason"}', b'{"error": {"code": 400, "message": "the reason", "status": "X"}}'):
        model, _, _ = api(Planned(status=400, body=body))
        with pytest.raises(RequestRefused, match="the reason"):
            model.ask(request())


@pytest.mark.parametrize("body", [
    b"", b"<html>", b"[]", b"null", b'{"type": "message", "content": []}', b"event: ping\ndata: {}\n\n",
    b"event: message_start\ndata: {\n\n", b"event: message_start\ndata: []\n\n", b"event: message_start\ndata: 3\n\n",
    b"event: message_start\ndata: \xff\n\n", b'event: message_start\ndata: {"type": "message_start"}\n\n',
    NEGATIVE, b"event: x\ndata: " + b"[" * 100_000 + b"\n\n",
])
def test_a_body_that_is_no_answer_is_named(api: Serve, body: bytes) -> None:
    model, _, _ = api(Planned(body=body))
    with pytest.raises(ProviderFailed, match="no message") as caught:
        model.ask(request())
    assert "ANTHROPIC_BASE_URL" in caught.value.remedy


def test_an_answer_without_end_is_no_answer(api: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.adapters.claude_http.MOST_BODY_BYTES", 100_000)
    model, _, _ = api(Planned(body=b": nothing\n" * 20_000))
    with pytest.raises(ProviderFailed, match="more than 100000 bytes"):
        model.ask(request())


def test_an_answer_that_grows_too_long_is_charged_for(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.adapters.claude_http.MOST_BODY_BYTES", 20_000)
    model, _, _ = serve(message("x" * 100_000, used=USED))
    with pytest.raises(StreamBroken, match="longer than any answer") as caught:
        model.ask(request())
    assert caught.value.usage is not None
    assert caught.value.usage.input_tokens == USED["input_tokens"]


class TestBrokenStreams:
    @pytest.mark.parametrize(("how", "words"), [
        ("cut", "the connection was cut"), ("end", "it stopped before its end"),
        ("error", r"the provider said \w+: Overloaded"),
    ])
    def test_is_named_and_what_was_billed_is_counted(self, serve: Serve, how: str, words: str) -> None:
        model, server, clock = serve(broken(message(LONG, used=USED), how, after=12))  # type: ignore[arg-type]
        with pytest.raises(StreamBroken, match=words) as caught:
            model.ask(request())
        usage = caught.value.usage
        assert usage is not None
        assert (usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens) == (12_345, 1_000, 500)
        # Nine deltas of 24 characters came: 216, three to a token.
        assert usage.output_tokens == 72
        assert usage.cost_usd == INPUT_USD + Decimal(72 * 20) / 1_000_000
        assert (len(server.seen), clock.slept) == (1, [])
        assert "resume" in caught.value.remedy

    def test_the_providers_count_of_output_is_taken_once_it_is_there(self, serve: Serve) -> None:
        whole = message("{}", used=USED)
        model, _, _ = serve(broken(whole, "cut", after=6))
        with pytest.raises(StreamBroken) as caught:
            model.ask(request())
        assert caught.value.usage is not None
        assert caught.value.usage.output_tokens == 678

    def test_thinking_that_is_not_shown_counts_by_its_signature(self, api: Serve) -> None:
        thinking = {"type": "thinking", "thinking": "", "signature": "s" * 3_000}
        model, _, _ = api(broken(message("{}", before=(thinking,), used=USED), "cut", after=5))
        with pytest.raises(StreamBroken) as caught:
            model.ask(request())
        assert caught.value.usage is not None
        assert caught.value.usage.output_tokens == 1_000

    def test_before_anything_was_billed_it_is_asked_again(self, serve: Serve) -> None:
        whole = message('{"a": 1}')
        model, server, clock = serve(broken(whole, "cut", after=0), whole)
        assert model.ask(request()).text == '{"a": 1}'
        assert (len(server.seen), clock.slept) == (2, [1.0])

    def test_that_always_breaks_before_its_start_is_named(self, api: Serve) -> None:
        model, server, _ = api(broken(message("{}"), "cut", after=0))
        with pytest.raises(Unreachable, match="not reachable"):
            model.ask(request())
        assert len(server.seen) == MOST_SENDS

    @pytest.mark.parametrize(("cause", "kind"), [
        ("overloaded_error", Overloaded), ("rate_limit_error", RateLimited), ("api_error", ProviderFailed),
        ("something_new", ProviderFailed), ("invalid_request_error", RequestRefused),
        ("authentication_error", ConfigProblem), ("throttlingException", RateLimited),
    ])
    def test_an_error_event_ahead_of_all_counts_as_its_status(self, api: Serve, cause: str,
                                                              kind: type[Exception]) -> None:
        model, _, _ = api(broken(message("{}"), "error", after=0, cause=(cause, "The reason")))
        with pytest.raises(kind):
            model.ask(request())

    @pytest.mark.parametrize(("cause", "kind"), [
        ("rate_limit_error", RateLimited), ("api_error", ProviderFailed), ("invalid_request_error", RequestRefused),
    ])
    def test_amazons_names_are_known(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cause: str,
                                     kind: type[Exception]) -> None:
        with serving("bedrock", monkeypatch, tmp_path) as bedrock:
            model, _, _ = bedrock(broken(message("{}"), "error", after=0, cause=(cause, "The reason")))
            with pytest.raises(kind, match=r"reason|rate limit|status 500"):
                model.ask(request())

    @pytest.mark.parametrize("event", [
        b"event: message_delta\ndata: {\n\n", b"event: content_block_delta\ndata: []\n\n",
        b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 7, "delta": {}}\n\n',
        b'event: message_delta\ndata: {"type": "message_delta", "delta": {}, "usage": {"output_tokens": "x"}}\n\n',
        b'event: message_delta\ndata: {"type": "message_delta", "delta": {"stop_reason": 3}}\n\n',
    ])
    def test_nonsense_in_its_middle_is_named(self, api: Serve, event: bytes) -> None:
        start = (b'event: message_start\ndata: {"type": "message_start", "message": {"model": "m", "usage": '
                 b'{"input_tokens": 9, "output_tokens": 1}}}\n\n')
        model, _, _ = api(Planned(body=start + event))
        with pytest.raises(StreamBroken, match="no answer") as caught:
            model.ask(request())
        assert caught.value.usage is not None
        assert caught.value.usage.input_tokens == 9

    @pytest.mark.parametrize("given", ["{", "[1]", "3", '{"text": NaN}', '{"a": ' + "[" * 50_000])
    def test_a_call_that_is_no_object_is_named_and_charged(self, api: Serve, given: str) -> None:
        model, _, _ = api(tool_use(("search_code", given), used=USED))  # type: ignore[arg-type]
        with pytest.raises(ProviderFailed, match="cannot be read") as caught:
            model.ask(request())
        assert caught.value.usage is not None
        assert caught.value.usage.output_tokens == 678

    def test_unknown_events_and_blocks_are_passed_over(self, api: Serve) -> None:
        extra = {"type": "something_new", "text": "x"}
        model, _, _ = api(message('{"a": 1}', before=(extra,)))
        assert model.ask(request()).text == '{"a": 1}'


class TestTime:
    def test_a_silent_server_ends_at_the_deadline(self, serve: Serve) -> None:
        model, server, _ = serve(replace(message("{}"), delay_s=30), clock=SystemClock(), timeout_seconds=0.5)
        began = time.monotonic()
        with pytest.raises(Unreachable, match="in time"):
            model.ask(request())
        assert time.monotonic() - began < 5
        assert len(server.seen) == 1

    def test_an_answer_that_falls_silent_is_broken(self, serve: Serve) -> None:
        silent = broken(message(LONG, used=USED), "silence", after=6)
        model, _, _ = serve(silent, clock=SystemClock(), timeout_seconds=0.5)
        began = time.monotonic()
        with pytest.raises(StreamBroken, match="in time") as caught:
            model.ask(request())
        assert time.monotonic() - began < 5
        assert caught.value.usage is not None
        assert caught.value.usage.input_tokens == 12_345

    def test_a_trickle_ends_at_the_deadline(self, serve: Serve) -> None:
        model, _, _ = serve(replace(message("x" * 5000, used=USED), drip_s=0.0005), clock=SystemClock(),
                            timeout_seconds=0.9)
        began = time.monotonic()
        with pytest.raises(StreamBroken, match="in time"):
            model.ask(request())
        assert time.monotonic() - began < 5

    def test_a_trickle_of_nothing_ends_at_the_deadline(self, api: Serve) -> None:
        model, _, _ = api(replace(message("x" * 5000), drip_s=0.05), clock=SystemClock(), timeout_seconds=0.6)
        began = time.monotonic()
        with pytest.raises(Unreachable, match="in time"):
            model.ask(request())
        assert time.monotonic() - began < 5

    def test_nobody_listens(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        clean(monkeypatch, tmp_path)
        at("http://127.0.0.1:9", monkeypatch)
        for kind in ("claude", "bedrock"):
            clock = HandClock()
            model = opened(kind, "claude-opus-5-5" if kind == "claude" else "global.anthropic.claude-opus-5-5", clock)
            with pytest.raises(Unreachable, match="not reachable"):
                model.ask(request())
            assert len(clock.slept) == MOST_SENDS - 1


class TestKeys:
    def test_a_wrong_key_names_the_variable(self, api: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ANTHROPIC_API_KEY", f"{KEY}-wrong")
        model, _, _ = api(message("{}"))
        with pytest.raises(ConfigProblem, match="ANTHROPIC_API_KEY"):
            model.ask(request())

    def test_without_a_key_it_does_not_start(self, api: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("ANTHROPIC_API_KEY")
        with pytest.raises(ConfigProblem, match="ANTHROPIC_API_KEY"):
            opened("claude", "claude-opus-5-5")

    def test_without_a_price_it_does_not_start(self, api: Serve) -> None:
        with pytest.raises(ConfigProblem, match=r'\[model\.prices\."claude-next"\]'):
            opened("claude", "claude-next")
