"""Signatures by the Standard Webhooks specification 1.0.0 (github.com/standard-webhooks/standard-webhooks)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

_PREFIX: Final = "whsec_"
_LEAST, _MOST = 24, 64
"""Bytes of a secret: "At least 24 bytes (192 bits, 512 maximum)"."""


def keys_in(secrets: str) -> tuple[bytes, ...]:
    """The keys of secrets as the specification writes them, `whsec_` and base64, with spaces between several.

    While a secret is changed there are two, and every notice is signed with both. Raises ValueError, which does not
    repeat them.
    """
    keys = tuple(_key(text) for text in secrets.split())
    if not keys:
        raise ValueError("it is empty")
    return keys


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"it is not {_PREFIX} and base64") from None
    if not _LEAST <= len(key) <= _MOST:
        raise ValueError(f"it has {len(key)} bytes once it is decoded, and {_LEAST} to {_MOST} are needed")
    return key


def signature(keys: tuple[bytes, ...], message: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    signed = b".".join((message.encode(), str(timestamp).encode(), body))
    made = (base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)
    return " ".join(f"v1,{one}" for one in made)
