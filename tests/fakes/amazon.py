"""What Amazon Bedrock has of its own: signed requests, and events in Amazon's binary framing."""

from __future__ import annotations

import base64
import json
import re
import struct
from collections.abc import Mapping
from typing import Any
from zlib import crc32

ACCESS_KEY, SECRET_KEY, REGION = "AKIATESTTESTTESTTEST", "a-secret-for-tests", "eu-central-1"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/([^/]+)/bedrock/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)",
)


def signed(method: str, url: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether a request bears the signature (version 4) that the secret key gives it."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    given = {name.lower(): value for name, value in headers.items()}
    match = _AUTHORIZATION.fullmatch(given.get("authorization", ""))
    if match is None or match.group(1) != ACCESS_KEY or match.group(2) != REGION:
        return False
    signed_headers = {name: given[name] for name in match.group(3).split(";") if name in given}
    request = AWSRequest(method=method, url=url, headers=signed_headers, data=body)
    request.context["timestamp"] = given.get("x-amz-date", "")
    signer = SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "bedrock", REGION)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return bool(signer.signature(text, request) == match.group(4))


def chunk(event: dict[str, Any]) -> bytes:
    """An event of the Messages API in a frame."""
    inner = base64.b64encode(json.dumps(event).encode()).decode()
    return _frame({":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"},
                  {"bytes": inner})


def exception(kind: str, text: str) -> bytes:
    """An error within the stream."""
    return _frame({":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"},
                  {"message": text})


def _frame(headers: dict[str, str], document: dict[str, Any]) -> bytes:
    head = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
        for name, value in headers.items()
    )
    payload = json.dumps(document).encode()
    prelude = struct.pack("!II", 16 + len(head) + len(payload), len(head))
    prelude += struct.pack("!I", crc32(prelude))
    return prelude + head + payload + struct.pack("!I", crc32(prelude + head + payload))
