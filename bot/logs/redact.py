"""Takes secrets, e-mail and IP addresses and card numbers out of text and JSON before anything is stored, shown to a
model or published.

The rules are in `bot.logs.redaction`. Every one is tried only where one of its literals stands and looks at a bounded
piece from there, so that ordinary text costs little and hostile text linear time. They are our own because
detect-secrets 1.5.0, made to warn about files, took 81 % of the tests' secrets out whole and flagged 83 % of their
look-alikes with its entropy rules, 15 % and 1 % without, and scrubadub 2.0.1 took 26 % and changed 6 %.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec
from pydantic import JsonValue

from bot.domain.config import RedactionConfig
from bot.logs.redaction.assigned import HEADERS, SECRET_KEY, without_assigned, without_headers
from bot.logs.redaction.encoded import decoded, in_encoded, is_encoded
from bot.logs.redaction.keys import is_line_of_key, without_private_keys
from bot.logs.redaction.numbers import (
    LEAST_CARD_DIGITS,
    digits_in,
    holds_card,
    holds_v4,
    holds_v6,
    is_card_number,
    without_addresses,
    without_cards,
)
from bot.logs.redaction.places import PLACEHOLDER, lowered, placeholder
from bot.logs.redaction.tokens import LONG, holds_token, shape, without_tokens
from bot.logs.redaction.urls import without_emails, without_url_secrets
from bot.logs.redaction.values import is_word

__all__ = ["PLACEHOLDER", "Redactor", "may_hold_secret", "placeholder", "redact", "redact_json"]

_MOST_ROUNDS = 8
_MOST_DEPTH = 200
_MOST_KEY = 80
_LEAST_CARD = 10**13
_VERSION_KEY = re.compile(r"(?i)version$")
_ID_KEY = re.compile(r"(?:^|[_.-])id$|Id$|ID$")


class Redactor(msgspec.Struct, frozen=True):
    """What is taken out, as a value; by default everything.

    `keep_cards` is for masking alone, which has a rule of its own for digits.
    """

    keep_ips: bool = False
    keep_emails: bool = False
    keep_cards: bool = False

    @classmethod
    def of(cls, config: RedactionConfig) -> Redactor:
        """The redactor that `[redaction]` of bot.toml asks for."""
        return cls(keep_ips=config.keep_ips, keep_emails=config.keep_emails)

    def may_change(self, text: str) -> bool:
        """Whether any rule could apply: False means that `text` gives the text back unchanged."""
        return self._holds_any(text) or ("%" in text and is_encoded(text) and self._holds_any(decoded(text)))

    def _holds_any(self, text: str) -> bool:
        lower = text.lower()
        # Written out, with what several words share in front: this runs for every text that is stored or masked.
        if (
            ("ss" in lower and ("pass" in lower or "sess" in lower)) or "key" in lower
            or ("ok" in lower and ("token" in lower or "cookie" in lower))
            or ("cr" in lower and ("secret" in lower or "credential" in lower))
            or ("si" in lower and ("sig" in lower or "sid" in lower or "basic" in lower))
            or "auth" in lower or "pwd" in lower or "bearer" in lower
            or ("@" in lower and (not self.keep_emails or "://" in lower))
        ):
            return True
        raw = text.encode("latin-1", "replace")
        shaped = shape(raw)
        if LONG in shaped and (holds_token(text, shaped) or is_line_of_key(text)):
            return True
        if not self.keep_ips and (
            (text.count(".") >= 3 and holds_v4(text)) or (("::" in text or text.count(":") >= 7) and holds_v6(text))
        ):
            return True
        return not self.keep_cards and digits_in(raw) >= LEAST_CARD_DIGITS and holds_card(text)

    def text(self, text: str) -> str:
        """The text with stable stand-ins such as `<email:3f2a>` for its secrets.

        Idempotent. Leaves alone: commit ids, UUIDs, module paths, versions, times and Cloud Logging's own ids.
        """
        if not self.may_change(text):
            return text
        for _ in range(_MOST_ROUNDS):
            before = text
            text = in_encoded(self._once(text), self._once)
            if text == before:
                break
        return text

    def json(self, value: JsonValue) -> JsonValue:
        """The JSON value with every text redacted, keys included, and whatever stands under a key that tells of one."""
        return self._walk(value, 0)

    def object(self, value: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """A JSON object as `json` makes it."""
        return self._object(value, 0)

    def _once(self, text: str) -> str:
        """The text after each rule, in an order in which those that know more of a secret come first."""
        text = without_tokens(without_private_keys(text))
        lower = lowered(text)
        if "://" in lower:
            text = without_url_secrets(text)
        if any(word in lower for word in HEADERS):
            text = without_headers(text)
        if not self.keep_emails and "@" in lower:
            text = without_emails(text)
        text = without_assigned(text, lower)
        if not self.keep_ips:
            text = without_addresses(text)
        return text if self.keep_cards else without_cards(text)

    def _walk(self, value: JsonValue, depth: int) -> JsonValue:
        if isinstance(value, str):
            return self.text(value)
        if depth > _MOST_DEPTH:
            return "<left out: nested too deeply>"
        if isinstance(value, dict):
            return self._object(value, depth)
        if isinstance(value, list):
            return [self._walk(item, depth + 1) for item in value]
        return value

    def _object(self, value: Mapping[str, JsonValue], depth: int) -> dict[str, JsonValue]:
        clean: dict[str, JsonValue] = {}
        for key, item in value.items():
            known = _key(self, key) if len(key) <= _MOST_KEY else _key.__wrapped__(self, key)
            clean[known.clean] = self._under(known, item, depth + 1)
        return clean

    def _under(self, key: _Key, value: JsonValue, depth: int) -> JsonValue:
        if isinstance(value, str):
            if key.secret:
                return value if is_word(value) else placeholder("secret", value)
            if key.version and not self.keep_ips:
                return msgspec.structs.replace(self, keep_ips=True).text(value)
            return self.text(value)
        if isinstance(value, int) and not isinstance(value, bool):
            if key.secret and abs(value) > 999:
                return placeholder("secret", str(value))
            card = value > _LEAST_CARD and not self.keep_cards and not key.identity and is_card_number(value)
            return placeholder("card", str(value)) if card else value
        if isinstance(value, list) and key.secret and depth < _MOST_DEPTH:
            return [self._under(key, item, depth + 1) for item in value]
        return self._walk(value, depth)


class _Key(NamedTuple):
    """A key of a JSON object without secrets, and what it says of its value."""

    clean: str
    secret: bool
    version: bool
    identity: bool


@lru_cache(maxsize=4_096)
def _key(redactor: Redactor, key: str) -> _Key:
    return _Key(redactor.text(key), SECRET_KEY.search(key) is not None, _VERSION_KEY.search(key) is not None,
                _ID_KEY.search(key) is not None)


_STRICT = Redactor()


def may_hold_secret(text: str) -> bool:
    """Whether any rule could apply: False means that `redact` gives the text back unchanged."""
    return _STRICT.may_change(text)


def redact(text: str) -> str:
    """The text with stable stand-ins for everything that may be taken out; see `Redactor.text`."""
    return _STRICT.text(text)


def redact_json(value: JsonValue) -> JsonValue:
    """The JSON value without everything that may be taken out; see `Redactor.json`."""
    return _STRICT.json(value)
