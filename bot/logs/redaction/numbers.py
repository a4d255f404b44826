"""Addresses of machines and numbers of payment cards: digits that look like much else.

Left alone are addresses that name no machine (loopback, link-local with the metadata server, unspecified, netmasks),
dotted numbers that are versions or object identifiers, and digits that stand in an id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv6Address

from bot.logs.redaction.places import placeholder

LEAST_CARD_DIGITS = 14
_NO_DIGITS = bytes(code for code in range(256) if not 48 <= code <= 57)
_V4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_V4_MIDDLE = re.compile(r"\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]")
"""What every such address holds. A pattern that begins with one sign is found ten times as fast."""
_V4_BEFORE = re.compile(r"(?:[A-Za-z0-9_.]|[=~<>!]=|[^0-9\W]-|"
                        r"(?:version|(?<![A-Za-z])(?:release|build|rev|ver|v))[\\\"']{0,2}\s?[:=]?\s?[\\\"']{0,2})$",
                        re.IGNORECASE)
"""What makes dotted numbers a version or part of something longer: `v1.2.3.4`, `thing-1.2.3.4`, `version 1.2.3.4`."""
_PRODUCT = re.compile(r"[A-Za-z]/$")
"""`Chrome/126.0.0.0`; but `host/203.0.113.9:443` is how Java writes an address."""
_V4_AFTER = re.compile(r"[A-Za-z0-9_+]|\.[A-Za-z0-9]|-[A-Za-z]")
_V6 = re.compile(r"(?:[23][0-9a-f]{3}|f[cd][0-9a-f]{2}|fe[89ab][0-9a-f])(?::[0-9a-f]{0,4}){2,7}", re.IGNORECASE)
"""Global, local and link-local addresses; `::1` and what else begins with `::` names no machine."""
_CARD = re.compile(
    r"[23456][0-9]{3}(?:[0-9]{10,12}"
    r"|(?P<by>[ -])(?:[0-9]{4}(?P=by)[0-9]{4}(?P=by)[0-9]{4}|[0-9]{6}(?P=by)[0-9]{4,5}))"
)
_ISSUER = re.compile(
    r"(?:4[0-9]{15}|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}|3[47][0-9]{13}|"
    r"6(?:011|5[0-9]{2}|4[4-9][0-9])[0-9]{12}|35(?:2[89]|[3-8][0-9])[0-9]{12}|3(?:0[0-5]|[68][0-9])[0-9]{11}|62[0-9]{14})"
)
"""Lengths and first digits of Visa, Mastercard, American Express, Discover, JCB, Diners Club and UnionPay."""
_CARD_BEFORE = re.compile(r"(?:[A-Za-z0-9_.#/]|[A-Za-z0-9_]-)$")
_CARD_AFTER = re.compile(r"[A-Za-z0-9_]|[.-][A-Za-z0-9]")


def digits_in(raw: bytes) -> int:
    """How many digits a text has; without any, there is nothing here to look for."""
    return len(raw.translate(None, _NO_DIGITS))


def holds_v4(text: str) -> bool:
    """Whether a text holds four dotted numbers."""
    return _V4_MIDDLE.search(text) is not None


def holds_v6(text: str) -> bool:
    """Whether a text holds what could be an IPv6 address."""
    return _V6.search(text) is not None


def holds_card(text: str) -> bool:
    """Whether a text holds a card number."""
    return next(_cards(text), None) is not None


def without_addresses(text: str) -> str:
    """The text with a stand-in for each IP address."""
    if holds_v4(text):
        text = _V4.sub(_instead_of_v4, text)
    if "::" in text or text.count(":") >= 7:
        text = _V6.sub(_instead_of_v6, text)
    return text


def without_cards(text: str) -> str:
    """The text with a stand-in for each card number that is one by its length, its issuer and its check digit."""
    pieces: list[str] = []
    done = 0
    for match in _cards(text):
        pieces += [text[done : match.start()], placeholder("card", re.sub(r"\D", "", match.group()))]
        done = match.end()
    return "".join([*pieces, text[done:]]) if pieces else text


def _cards(text: str) -> Iterator[re.Match[str]]:
    """The card numbers in a text. Another number may stand before one, so each place is tried."""
    place = 0
    while (match := _CARD.search(text, place)) is not None:
        if _is_card(match):
            yield match
            place = match.end()
        else:
            place = match.start() + 1


def is_card_number(number: int) -> bool:
    """Whether an integer is the number of a card."""
    digits = str(number)
    return _ISSUER.fullmatch(digits) is not None and _luhn(digits)


def _instead_of_v4(match: re.Match[str]) -> str:
    text, start, end = match.string, match.start(), match.end()
    octets = [int(part) for part in match.group().split(".")]
    before = text[max(0, start - 16) : start]
    if (
        max(octets) > 255 or max(octets) < 10 or octets[0] in (0, 127, 255) or octets[:2] == [169, 254]
        or any(len(part) > 1 and part[0] == "0" for part in match.group().split("."))
        or _V4_BEFORE.search(before) or _V4_AFTER.match(text, end)
        or (_PRODUCT.search(before) and text[end : end + 1] != ":")
    ):
        return match.group()
    return placeholder("ip", match.group())


def _instead_of_v6(match: re.Match[str]) -> str:
    found, text, start = match.group(), match.string, match.start()
    if found.endswith(":") and not found.endswith("::"):
        found = found[:-1]
    end = start + len(found)
    if (start and (text[start - 1].isalnum() or text[start - 1] in ":._-")) or text[end : end + 1].isalnum():
        return match.group()
    try:
        address = IPv6Address(found)
    except AddressValueError:
        return match.group()
    return placeholder("ip", str(address)) + match.group()[len(found) :]


def _is_card(match: re.Match[str]) -> bool:
    text, digits = match.string, re.sub(r"\D", "", match.group())
    before = text[max(0, match.start() - 2) : match.start()]
    return (
        _ISSUER.fullmatch(digits) is not None and not _CARD_BEFORE.search(before)
        and not _CARD_AFTER.match(text, match.end()) and _luhn(digits)
    )


def _luhn(digits: str) -> bool:
    """The check digit of ISO/IEC 7812-1."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
