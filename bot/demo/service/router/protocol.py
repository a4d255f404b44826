"""What clients send, and the lines that instances exchange through the broker."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


class InvalidMessage(Exception):
    """A client sent something that is no message."""


@dataclass(frozen=True)
class Message:
    """A text for everybody in a room."""

    room: str
    sender: str
    body: str

    def to_line(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_line(cls, line: str) -> Message:
        """The inverse of `to_line`."""
        return cls(**json.loads(line))


def parse_message(room: str, text: str | bytes) -> Message:
    """Read a client's message to a room. Raises InvalidMessage."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidMessage("the message is not JSON") from error
    if not isinstance(value, dict) or not isinstance(value.get("body"), str):
        raise InvalidMessage("the message has no text in 'body'")
    return Message(room=room, sender=str(value.get("sender", "anonymous")), body=value["body"])
