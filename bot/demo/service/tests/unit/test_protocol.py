from __future__ import annotations

import pytest

from router.protocol import InvalidMessage, Message, parse_message


def test_a_message_survives_the_line() -> None:
    message = Message("harbour", "ada", "two\nlines")

    assert "\n" not in message.to_line()
    assert Message.from_line(message.to_line()) == message


@pytest.mark.parametrize("text", ["{", "[]", '{"sender": "ada"}', '{"body": 3}'])
def test_what_is_no_message_is_refused(text: str) -> None:
    with pytest.raises(InvalidMessage):
        parse_message("harbour", text)
