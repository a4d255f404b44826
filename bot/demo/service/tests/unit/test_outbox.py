from __future__ import annotations

import pytest

from router.outbox import Outbox
from router.protocol import Message


@pytest.mark.asyncio
async def test_a_full_outbox_loses_the_oldest_message() -> None:
    outbox = Outbox("client-1", size=2)

    for body in ("first", "second", "third"):
        outbox.put(Message("harbour", "ada", body))

    assert [(await outbox.get()).body, (await outbox.get()).body] == ["second", "third"]
    assert outbox.dropped == 1
