"""Client of the payment service."""
from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Awaitable, Callable

import httpx

from .settings import Settings

RETRY_STATUSES = frozenset({502, 503, 504})
RETRY_PAUSE = 0.2


class PaymentDeclined(Exception):
    """The service said no (402)."""


class PaymentUnavailable(Exception):
    """No usable answer after all retries."""


class PaymentClient:
    def __init__(
        self,
        settings: Settings,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.settings = settings
        self._transport = transport
        self._sleep = sleep

    def idempotency_key(self, order_id: int) -> str:
        return f"order-{order_id}"

    async def charge(self, order_id: int, amount: Decimal, customer: str) -> str:
        """The payment reference. Retries 502/503/504 and connection errors with the same idempotency key.

        Raises PaymentDeclined for 402, PaymentUnavailable when the retries are used up or for any other
        answer.
        """
        last = "no attempt"
        async with httpx.AsyncClient(
            base_url=self.settings.payment_url,
            timeout=self.settings.payment_timeout,
            transport=self._transport,
            trust_env=False,
        ) as client:
            for attempt in range(self.settings.payment_retries + 1):
                if attempt:
                    await self._sleep(RETRY_PAUSE * attempt)
                try:
                    response = await client.post(
                        "/charges",
                        json={"order": order_id, "amount": str(amount), "customer": customer},
                        headers={"Idempotency-Key": self.idempotency_key(order_id)},
                    )
                except httpx.TransportError as exc:
                    last = f"{type(exc).__name__}: {exc}"
                    continue
                if response.status_code == 201:
                    return response.json()["reference"]
                if response.status_code == 402:
                    raise PaymentDeclined(response.json().get("reason", "declined"))
                last = f"HTTP {response.status_code}"
                if response.status_code not in RETRY_STATUSES:
                    break
        raise PaymentUnavailable(last)
