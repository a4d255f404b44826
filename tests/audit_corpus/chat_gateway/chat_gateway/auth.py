"""Signed tokens: `user.expiry.signature`."""
from __future__ import annotations

import hashlib
import hmac
import time
from typing import Callable

TOKEN_LIFETIME = 900


class InvalidToken(Exception):
    """The token is malformed, forged or expired."""


class TokenSigner:
    def __init__(self, secret: str, *, clock: Callable[[], float] = time.time) -> None:
        if not secret:
            raise ValueError("empty secret")
        self._secret = secret.encode()
        self._clock = clock

    def issue(self, user_id: str, lifetime: int = TOKEN_LIFETIME) -> str:
        if "." in user_id:
            raise ValueError("a user id has no dot")
        body = f"{user_id}.{int(self._clock()) + lifetime}"
        return f"{body}.{self._sign(body)}"

    def verify(self, token: str) -> str:
        """The user id. Raises InvalidToken."""
        try:
            user_id, expiry, signature = token.split(".")
            expires_at = int(expiry)
        except ValueError:
            raise InvalidToken("malformed token") from None
        if not hmac.compare_digest(signature, self._sign(f"{user_id}.{expiry}")):
            raise InvalidToken("bad signature")
        if self._clock() >= expires_at:
            raise InvalidToken("token expired")
        return user_id

    def _sign(self, body: str) -> str:
        return hmac.new(self._secret, body.encode(), hashlib.sha256).hexdigest()[:32]
