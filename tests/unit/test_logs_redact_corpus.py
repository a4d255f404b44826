"""Every secret of the corpus in every surrounding, and what only looks like one."""

from __future__ import annotations

import json
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.config import load_config
from bot.domain.config import RedactionConfig
from bot.logs.entries import entry_from_json
from bot.logs.fingerprint import fingerprint
from bot.logs.masking import mask
from bot.logs.redact import PLACEHOLDER, Redactor, may_hold_secret, redact, redact_json
from bot.logs.snapshot import parse_snapshot, snapshot_lines
from tests.unit.redaction_corpus import LOOK_ALIKES, SECRETS, SURROUNDINGS, Secret, plain

SHORTEST_LEAK = 8
"""So many characters of a secret in a row, or a whole shorter one, are a leak."""
BY_NAME = {secret.name: secret for secret in SECRETS}
IPS = tuple(secret for secret in SECRETS if "ipv" in secret.name)
EMAILS = tuple(secret for secret in SECRETS if secret.name in {"email", "service account"})


def leaks(secret: Secret, clean: str) -> list[str]:
    """The pieces of a secret that are left, as they are, as JSON writes them or percent-encoded."""
    found = []
    for part in secret.gone:
        for form in (part, quote(part, safe=""), json.dumps(part)[1:-1]):
            length = min(SHORTEST_LEAK, len(form))
            found += [piece for start in range(len(form) - length + 1)
                      if (piece := form[start : start + length]) in clean]
    return found


def entry(number: int, **fields: object) -> bytes:
    return json.dumps({
        "insertId": f"68c8b2370000d311b008900{number}", "timestamp": "2026-03-01T12:00:00.000000001Z",
        "logName": "projects/harbour-dev/logs/x", "severity": "ERROR",
        "resource": {"type": "cloud_run_revision", "labels": {"service_name": "ferry", "project_id": "harbour-dev"}},
        **fields,
    }).encode()


def test_the_corpus_is_as_large_as_it_says() -> None:
    assert len({secret.value for secret in SECRETS}) == len(SECRETS) == len(BY_NAME) >= 60
    assert len(set(LOOK_ALIKES)) == len(LOOK_ALIKES) >= 60


@pytest.mark.parametrize("around", SURROUNDINGS)
@pytest.mark.parametrize("name", BY_NAME)
def test_nothing_of_a_secret_is_left(name: str, around: str) -> None:
    text = SURROUNDINGS[around](BY_NAME[name])
    assert leaks(BY_NAME[name], text)
    clean = redact(text)
    assert not leaks(BY_NAME[name], clean), clean
    assert PLACEHOLDER.search(clean)
    assert may_hold_secret(text)
    assert redact(clean) == clean


@pytest.mark.parametrize("name", BY_NAME)
def test_nothing_of_a_secret_is_left_in_a_json_value(name: str) -> None:
    secret = BY_NAME[name]
    value = {"message": "call failed", "args": [{secret.key or "note": secret.value}], plain(secret): 1}
    clean = redact_json(value)  # type: ignore[arg-type]
    assert not leaks(secret, json.dumps(clean))
    assert redact_json(clean) == clean


@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_what_only_looks_like_a_secret_stays_wherever_it_stands(text: str) -> None:
    for around in ("{}", "failed at {} again", "\n  {}\n", "[{}]", '"{}"'):
        assert redact(around.replace("{}", text)) == around.replace("{}", text)
    document = {"what": text, "and": [text]}
    assert redact_json(document) == document  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [one.name for one in SECRETS if not one.is_phrase and not one.key])
def test_one_secret_has_one_stand_in_wherever_it_stands(name: str) -> None:
    found = {tuple(PLACEHOLDER.findall(redact(around(BY_NAME[name])))) for around in SURROUNDINGS.values()}
    assert len(found) == 1, found


def test_different_secrets_have_different_stand_ins() -> None:
    found = [PLACEHOLDER.findall(redact(plain(secret)))[0] for secret in SECRETS if not secret.is_phrase]
    # Four hexadecimal digits may meet, hardly more than once among so few.
    assert len(set(found)) >= len(found) - 1


@pytest.mark.parametrize("redactor", [Redactor(), Redactor(keep_ips=True), Redactor(keep_ips=True, keep_emails=True)])
@pytest.mark.parametrize("around", SURROUNDINGS)
def test_fingerprints_do_not_depend_on_redaction(around: str, redactor: Redactor) -> None:
    different = []
    for secret in SECRETS:
        text = SURROUNDINGS[around](secret)
        for fields in ({"textPayload": text}, {"jsonPayload": {"message": text, "logger": "ferry.dock"}}):
            before = entry_from_json(entry(1, **fields))
            (after,) = parse_snapshot(snapshot_lines([before], redactor))
            if fingerprint(before) != fingerprint(after):
                different.append((secret.name, mask(before.text), mask(after.text)))
    assert not different


def test_a_secret_in_the_query_of_a_request_changes_no_fingerprint() -> None:
    for secret in SECRETS:
        target = f"https://api.example.com/v1/items?{quote(secret.key) or 'q'}={quote(secret.value, safe='')}"
        before = entry_from_json(entry(
            1, httpRequest={"requestMethod": "GET", "requestUrl": target, "status": 500, "remoteIp": IPS[0].value}
        ))
        content = snapshot_lines([before])
        (after,) = parse_snapshot(content)
        assert fingerprint(before) == fingerprint(after), secret.name
        assert after.request is not None
        assert not leaks(secret, after.request.url)
        assert IPS[0].value not in content.decode()


def test_addresses_are_kept_where_that_is_asked_for_and_nothing_else() -> None:
    ips = Redactor.of(RedactionConfig(keep_ips=True))
    emails = Redactor.of(RedactionConfig(keep_emails=True))
    assert Redactor.of(RedactionConfig()) == Redactor()
    for around in SURROUNDINGS.values():
        for secret in SECRETS:
            text = around(secret)
            assert (ips.text(text) == text) == (secret in IPS), secret.name
            assert (emails.text(text) == text) == (secret in EMAILS), secret.name
            assert redact(ips.text(text)) == redact(text)
            assert redact(emails.text(text)) == redact(text)
    value = {"remoteIp": IPS[0].value, "user": EMAILS[0].value, "password": "x"}
    assert ips.object(value)["remoteIp"] == IPS[0].value
    assert emails.object(value)["user"] == EMAILS[0].value
    assert "x" not in {ips.object(value)["password"], emails.object(value)["password"]}


def test_a_number_of_a_card_goes_from_json_and_an_id_stays() -> None:
    number = int(BY_NAME["visa"].value)
    clean = redact_json({"card": number, "order_id": number, "at_ns": 1772366400123456789, "at": 1772366400123})
    assert isinstance(clean, dict)
    assert str(clean["card"]).startswith("<card:")
    assert clean["order_id"] == number
    assert (clean["at_ns"], clean["at"]) == (1772366400123456789, 1772366400123)


def test_a_version_in_json_is_no_address() -> None:
    assert redact_json({"appVersion": "10.20.30.40"}) == {"appVersion": "10.20.30.40"}
    assert redact_json({"peer": "10.20.30.40"}) != {"peer": "10.20.30.40"}


def test_a_long_value_goes_to_its_end() -> None:
    for sign in ("token=", "password: '", '"secret": "', "Authorization: Bearer ", "Cookie: sid="):
        value = "aB3-" * 2_000
        clean = redact(f"{sign}{value}")
        assert "aB3-" not in clean, sign


@pytest.mark.parametrize("name", ["email", "github p", "jwt", "anthropic", "slack bot"])
def test_an_escaped_line_end_is_no_part_of_a_secret(name: str) -> None:
    value = BY_NAME[name].value
    (stand_in,) = PLACEHOLDER.findall(redact(value))
    assert redact(f"first\\n{value}\\nlast") == f"first\\n{stand_in}\\nlast"


def test_bot_toml_says_what_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "bot.toml"
    path.write_text("[redaction]\nkeep_ips = true\n")
    assert Redactor.of(load_config(path).redaction) == Redactor(keep_ips=True)
    assert Redactor.of(load_config(None).redaction) == Redactor()


def test_a_key_whose_lines_are_entries_of_their_own_goes_line_by_line() -> None:
    for line in BY_NAME["rsa key"].gone:
        if len(line) == 64:
            assert redact(line).startswith("<private-key:")


FRAGMENTS = st.sampled_from([
    *(secret.value for secret in SECRETS), *(plain(secret) for secret in SECRETS), *LOOK_ALIKES, "<ip:3f2a>",
    "<card:3f2a>", "%40", "%3A", "%2F%2F", "%", "%25", "://", "@", ":", "=", " ", "\n", '"', "'", "\\", "\\n", ".", "-",
    "--", "203.0.113.9", "::", "2001:db8", "4111", " 1111", "is ", ">", "<password>", "SecretStr(", "', '", "é",
    "\udc80",
])


@settings(max_examples=200, deadline=None)
@given(st.lists(FRAGMENTS, max_size=8).map("".join))
def test_redacting_any_mixture_twice_changes_nothing_more(text: str) -> None:
    for redactor in (Redactor(), Redactor(keep_ips=True), Redactor(keep_emails=True, keep_cards=True)):
        clean = redactor.text(text)
        assert redactor.text(clean) == clean
        assert redactor.may_change(text) or clean == text


@pytest.mark.parametrize("piece", [
    "%", "%4", "%40", "%25", "a%40b.co", "%3A%2F%2Fa%3A", "1.", "1.1.", "255.255.255.255", "1.1.1.1.", "::", "2001:",
    "fe80::", "2001:db8::", "4111 ", "4111-", "4", "41", "4111111111111111", "--password ", "--token", "password is ",
    "<password>", "password: str = ", "token: a.b[", "('token', ", "SecretStr(", "x" * 13 + " ", "x" * 14 + " ",
    "eyJ" * 5 + " ", "MTE" + "a1" * 12 + ".", "hooks.slack.com/services/", "sid=", "sess", "sig", "BEGIN PRIVATE KEY",
    "-----END PRIVATE KEY-----", "-----BEGIN A A A PRIVATE KEY-----\n", "AccountKey=", "postgres://a:b", "basic basic ",
    "key-", "<ip:", "<ip:3f2a>", "<a",
    "aaaaaaaaaaaaaaaa.atlasv1.", "cookie=", "cookies: a=", "=\"", "pass\\\"", "password[", "12345678:AA",
])
def test_hostile_text_takes_linear_time(piece: str) -> None:
    def seconds(size: int) -> float:
        text = (piece * (size // len(piece) + 1))[:size]
        began = time.process_time()
        redact(text)
        return time.process_time() - began

    small = min(seconds(25_000) for _ in range(2))
    assert seconds(200_000) < max(small, 0.02) * 8 * 4
