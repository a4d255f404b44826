"""PyJWT in small: tokens signed with a secret (HS256, HS384, HS512), with the checks and errors of the real one."""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
import hmac
import json
from typing import Any

from bot.audit.interpret import ops
from bot.audit.interpret.sampling import Sampling
from bot.audit.interpret.values import CONTAINERS, UNKNOWN, Bounded, Undecided, size_of, spend, undecided, weigh

_HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
_MOST_TEXT = 20_000
_OPTIONS = {"verify_signature", "verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss", "verify_sub",
            "verify_jti", "require"}
_GIVEN = {"algorithms", "options", "audience", "issuer", "leeway", "verify"}


class PyJWTError(Exception):
    """Base of all."""


class InvalidTokenError(PyJWTError):
    """A token that is not taken."""


class DecodeError(InvalidTokenError):
    """It cannot be read."""


class InvalidSignatureError(DecodeError):
    """Somebody else signed it."""


class ExpiredSignatureError(InvalidTokenError):
    """Its time is over."""


class InvalidAudienceError(InvalidTokenError):
    """It is for somebody else."""


class InvalidIssuerError(InvalidTokenError):
    """It is from somebody else."""


class InvalidIssuedAtError(InvalidTokenError):
    """It does not say well when it was made."""


class ImmatureSignatureError(InvalidTokenError):
    """Its time has not come."""


class InvalidAlgorithmError(InvalidTokenError):
    """It is signed in a way that is not taken."""


class MissingRequiredClaimError(InvalidTokenError):
    """It lacks a claim."""

    def __init__(self, claim: Any) -> None:
        super().__init__(f'Token is missing the "{claim}" claim')
        self.claim = claim


class InvalidKeyError(PyJWTError):
    """A key that fits no algorithm."""


_ERRORS = (PyJWTError, InvalidTokenError, DecodeError, InvalidSignatureError, ExpiredSignatureError,
           InvalidAudienceError, InvalidIssuerError, InvalidIssuedAtError, ImmatureSignatureError,
           InvalidAlgorithmError, MissingRequiredClaimError, InvalidKeyError)


class Tokens(Sampling):
    """Gives interpreted code `jwt`."""

    def set_up(self) -> None:
        """Make the tables; called once."""
        super().set_up()
        errors = {error.__name__: error for error in _ERRORS}
        self.names["jwt.exceptions"] = dict(errors)
        self.names["jwt"] = {**errors, "encode": self._own(self._encode), "decode": self._own(self._decode)}
        self.parents.add("jwt")

    def _encode(self, payload: Any, key: Any, algorithm: Any = "HS256", headers: Any = None) -> Any:
        if weigh(payload, key, algorithm, headers):
            return UNKNOWN
        if type(payload) is not dict or headers is not None or algorithm not in _HASHES:
            undecided("a token of an odd kind")
        claims = dict(payload)
        for name in ("exp", "iat", "nbf"):
            if isinstance(claims.get(name), datetime.datetime):
                claims[name] = int(_utc(claims[name]).timestamp())
        head = _packed({"alg": algorithm, "typ": "JWT"})
        body = f"{head}.{_packed(claims)}"
        return f"{body}.{_text64(_signed(body, key, algorithm))}"

    def _decode(self, jwt: Any, key: Any = "", algorithms: Any = None, **given: Any) -> Any:
        if weigh(jwt, key, algorithms, given):
            undecided("a token that is not known")
        options = given.get("options") or {}
        if set(given) - _GIVEN or type(options) is not dict or set(options) - _OPTIONS \
                or type(jwt) not in (str, bytes) or type(key) not in (str, bytes):
            undecided("a token that is read in an odd way")
        if len(jwt) > _MOST_TEXT:
            raise Bounded("a token that is too long")
        spend(len(jwt) >> 5)
        signed = options.get("verify_signature", True)
        if algorithms is None and signed:
            ops.throw(DecodeError('It is required that you pass in a value for the "algorithms" argument when calling '
                                  "decode()."))
        text = jwt if type(jwt) is str else jwt.decode("latin-1")
        claims = _opened(text, key, algorithms, signed)
        self._check(claims, {f"verify_{name}": signed for name in ("exp", "nbf", "iat", "aud", "iss")} | options, given)
        return claims

    def _check(self, claims: dict[str, Any], options: dict[str, Any], given: dict[str, Any]) -> None:
        for name in options.get("require", ()):
            if claims.get(name) is None:
                ops.throw(MissingRequiredClaimError(name))
        leeway = given.get("leeway", 0)
        leeway = leeway.total_seconds() if isinstance(leeway, datetime.timedelta) else leeway
        for name, late in (("iat", False), ("nbf", False), ("exp", True)):
            if name not in claims or not options[f"verify_{name}"]:
                continue
            if type(claims[name]) not in (int, float) or type(leeway) not in (int, float):
                undecided("a time in a token that is not a number")
            now = self.names["time"]["time"]()
            if now is UNKNOWN:
                undecided("the time")
            if late and int(claims[name]) <= now - leeway:
                ops.throw(ExpiredSignatureError("Signature has expired"))
            if not late and claims[name] > now + leeway:
                ops.throw(ImmatureSignatureError(f"The token is not yet valid ({name})"))
        if options["verify_iss"] and given.get("issuer") is not None:
            _check_issuer(claims, given["issuer"])
        if options["verify_aud"]:
            _check_audience(claims, given.get("audience"))


def _check_issuer(claims: dict[str, Any], issuer: Any) -> None:
    if "iss" not in claims:
        ops.throw(MissingRequiredClaimError("iss"))
    if claims["iss"] not in (issuer if isinstance(issuer, CONTAINERS) else [issuer]):
        ops.throw(InvalidIssuerError("Invalid issuer"))


def _check_audience(claims: dict[str, Any], wanted: Any) -> None:
    found = claims.get("aud")
    if wanted is None:
        if found:
            ops.throw(InvalidAudienceError("Invalid audience"))
        return
    if not found:
        ops.throw(MissingRequiredClaimError("aud"))
    mine = list(wanted) if isinstance(wanted, CONTAINERS) else [wanted]
    theirs = found if isinstance(found, list) else [found]
    if not any(item in theirs for item in mine):
        ops.throw(InvalidAudienceError("Audience doesn't match"))


def _utc(moment: datetime.datetime) -> datetime.datetime:
    return moment.replace(tzinfo=datetime.UTC) if moment.tzinfo is None else moment


def _text64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _packed(claims: dict[str, Any]) -> str:
    try:
        text = json.dumps(claims, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise Undecided("a token of odd claims") from error
    if len(text) > _MOST_TEXT:
        raise Bounded("a token that is too long")
    spend(len(text) >> 5)
    return _text64(text.encode())


def _signed(body: str, key: Any, algorithm: str) -> bytes:
    if type(key) not in (str, bytes) or size_of(key) > _MOST_TEXT:
        undecided("a key of an odd kind")
    return hmac.new(key.encode() if type(key) is str else key, body.encode(), _HASHES[algorithm]).digest()


def _opened(text: str, key: Any, algorithms: Any, signed: Any) -> dict[str, Any]:
    """The claims in a token, its signature checked."""
    parts = text.split(".")
    if len(parts) != 3:
        ops.throw(DecodeError("Not enough segments"))
    try:
        head, claims = (json.loads(_bytes64(part)) for part in parts[:2])
        mark = _bytes64(parts[2])
    except (ValueError, binascii.Error, RecursionError):
        ops.throw(DecodeError("Invalid token"))
    if type(head) is not dict or type(claims) is not dict:
        ops.throw(DecodeError("Invalid payload string: must be a json object"))
    weigh(claims)
    if signed:
        if type(head.get("alg")) is not str or head["alg"] not in algorithms:
            ops.throw(InvalidAlgorithmError("The specified alg value is not allowed"))
        if head["alg"] not in _HASHES:
            undecided("a token of an odd kind")
        if not hmac.compare_digest(mark, _signed(f"{parts[0]}.{parts[1]}", key, head["alg"])):
            ops.throw(InvalidSignatureError("Signature verification failed"))
    return dict(claims)


def _bytes64(text: str) -> bytes:
    if not text.isascii():
        raise ValueError(text)
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
