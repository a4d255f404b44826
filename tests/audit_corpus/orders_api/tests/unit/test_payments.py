"""The client of the payment service, over a mock transport."""
import asyncio
import socket
import threading
import unittest
from decimal import Decimal
from unittest.mock import AsyncMock, MagicMock, patch

import httpx
import pytest

from orders_api.models import OrderLine
from orders_api.payments import PaymentClient, PaymentDeclined, PaymentUnavailable
from orders_api.pricing import Quote
from orders_api.repository import OrderRepository
from orders_api.settings import Settings

AMOUNT = Decimal("51.31")


class ScriptedService:
    """Answers one status after the other and keeps the requests."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        return httpx.Response(status, json=body)

    def client(self, sleep=None, **settings):
        return PaymentClient(Settings(**settings), transport=httpx.MockTransport(self), sleep=sleep or AsyncMock())


@pytest.mark.asyncio
class TestCharge:
    async def test_retries_with_the_same_idempotency_key(self):
        sleep = AsyncMock()
        service = ScriptedService((503, {}), httpx.ConnectError("reset"), (201, {"reference": "p-9"}))

        reference = await service.client(sleep).charge(7, AMOUNT, "alice")

        assert reference == "p-9"
        assert {r.headers["idempotency-key"] for r in service.requests} == {"order-7"}
        assert len(service.requests) == 3
        assert [call.args[0] for call in sleep.await_args_list] == pytest.approx([0.2, 0.4])

    async def test_declined_is_final(self):
        service = ScriptedService((402, {"reason": "card expired"}))
        with pytest.raises(PaymentDeclined, match="card expired"):
            await service.client().charge(7, AMOUNT, "alice")
        assert len(service.requests) == 1

    async def test_500_is_not_retried(self):
        """A 500 may have charged; only gateway errors are safe to repeat."""
        service = ScriptedService((500, {}), (201, {"reference": "p-1"}))
        with pytest.raises(PaymentUnavailable, match="HTTP 500"):
            await service.client().charge(7, AMOUNT, "alice")
        assert len(service.requests) == 1

    @pytest.mark.parametrize("retries", [0, 1, 4])
    async def test_gives_up_after_the_configured_retries(self, retries):
        service = ScriptedService(*[(504, {})] * 10)
        with pytest.raises(Exception, match="HTTP 504"):
            await service.client(payment_retries=retries).charge(7, AMOUNT, "alice")
        assert len(service.requests) == retries + 1

    async def test_nobody_listens(self):
        """A port that this test closed itself: the refusal becomes PaymentUnavailable."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        sleep = AsyncMock()
        client = PaymentClient(Settings(payment_url=f"http://127.0.0.1:{port}"), sleep=sleep)

        with pytest.raises(PaymentUnavailable, match="ConnectError"):
            await client.charge(1, AMOUNT, "alice")
        assert sleep.await_count == 2

    async def test_amount_goes_out_as_text(self):
        service = ScriptedService((201, {"reference": "p"}))
        await service.client().charge(3, Decimal("10.10"), "bob")
        assert service.requests[0].read() == b'{"order":3,"amount":"10.10","customer":"bob"}'

    async def test_charge_returns_reference(self):
        """A successful charge yields a payment reference."""
        service = ScriptedService((201, {"reference": "p-1"}))
        reference = service.client().charge(1, AMOUNT, "alice")
        assert reference is not None, "no payment reference returned"
        print("✅ payment reference received:", type(reference))

    async def test_idempotency_key_is_stable(self):
        client = PaymentClient(Settings())
        first = await client.idempotency_key(7)
        second = await client.idempotency_key(7)
        assert first == second == "order-7"

    async def test_503_is_retried_until_exhausted(self):
        """The service answers 503 three times: the client gives up with PaymentUnavailable."""
        handler = MagicMock(return_value=httpx.Response(503, json={}))
        transport = httpx.MockTransport(handler)
        settings = Settings(payment_url="http://127.0.0.1:9091", payment_timeout=0.5)
        client = PaymentClient(settings, sleep=AsyncMock())
        assert transport is not None

        with pytest.raises(PaymentUnavailable):
            await client.charge(7, AMOUNT, "alice")

    async def test_payment_race_under_load(self):
        """
        REPRODUCES the payment outage: under load every charge is lost.

        Runs five charges against the payment service of docker-compose.
        """
        client = PaymentClient(Settings(payment_retries=0, payment_timeout=0.5))
        lost = 0
        for order_id in range(5):
            try:
                await client.charge(order_id, AMOUNT, "load")
            except PaymentUnavailable as exc:
                print(f"🚨 charge {order_id} lost: {exc}")
                lost += 1
        assert lost == 5, "outage not reproduced"
        print("✅ PAYMENT OUTAGE REPRODUCED")

    async def test_timeout_raises_payment_unavailable(self):
        """A timeout of the payment service surfaces as PaymentUnavailable."""
        client = PaymentClient(Settings(payment_timeout=0.01))
        with patch.object(client, "charge", AsyncMock(side_effect=PaymentUnavailable("ReadTimeout"))):
            with pytest.raises(PaymentUnavailable, match="ReadTimeout"):
                await client.charge(1, AMOUNT, "alice")


class TestPaymentRetryPolicy(unittest.TestCase):
    """Retry policy: two retries by default."""

    async def test_default_policy_makes_three_attempts(self):
        service = ScriptedService((503, {}), (503, {}), (503, {}), (201, {"reference": "late"}))
        client = service.client()
        with self.assertRaises(PaymentUnavailable):
            await client.charge(1, AMOUNT, "alice")
        self.assertEqual(len(service.requests), 4)

    def test_default_policy_gives_up_after_three_attempts(self):
        service = ScriptedService((503, {}), (503, {}), (503, {}), (201, {"reference": "late"}))
        with self.assertRaises(PaymentUnavailable):
            asyncio.run(service.client().charge(1, AMOUNT, "alice"))
        self.assertEqual(len(service.requests), 3)


class TestRepositoryLocking:
    """Locking of the order repository."""

    quote = Quote(Decimal("4.50"), Decimal("0.86"), Decimal("4.90"))

    def test_concurrent_create_deadlocks(self):
        """
        REPRODUCTION: two writers dead-lock in the repository.
        """
        repository = OrderRepository({"TEA-001": 10})
        lines = [OrderLine(sku="TEA-001", quantity=1)]
        repository._lock.acquire()
        worker = threading.Thread(target=repository.create, args=("alice", lines, self.quote), daemon=True)
        worker.start()
        worker.join(timeout=0.3)
        try:
            assert worker.is_alive(), "no deadlock"
            print("✅ DEADLOCK REPRODUCED")
        finally:
            repository._lock.release()
            worker.join(timeout=2)

    def test_parallel_writers_never_oversell(self):
        """Twenty threads want one of ten pieces each; the assertion is on the end state, not on timing."""
        repository = OrderRepository({"TEA-001": 10})
        lines = [OrderLine(sku="TEA-001", quantity=1)]
        refused = []

        def buy():
            try:
                repository.create("alice", lines, self.quote)
            except Exception as exc:
                refused.append(exc)

        threads = [threading.Thread(target=buy) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=5)

        assert len(refused) == 10
        assert {type(e).__name__ for e in refused} == {"OutOfStock"}
        assert repository.available("TEA-001") == 0
