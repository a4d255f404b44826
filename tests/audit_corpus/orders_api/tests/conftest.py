from datetime import datetime, timezone

import pytest
from fastapi.testclient import TestClient

from orders_api.app import STOCK, create_app, get_payments
from orders_api.repository import OrderRepository
from orders_api.settings import Settings

NOW = datetime(2025, 3, 1, 12, 0, tzinfo=timezone.utc)


class RecordingPayments:
    """Stands for the payment service; what it answers is up to the test."""

    def __init__(self, error=None):
        self.error = error
        self.charges = []

    async def charge(self, order_id, amount, customer):
        self.charges.append((order_id, str(amount), customer))
        if self.error is not None:
            raise self.error
        return f"pay-{order_id}"


@pytest.fixture
def settings():
    return Settings(api_keys={"k-alice": "alice", "k-bob": "bob", "k-root": "admin"}, max_page_size=5)


@pytest.fixture
def repository():
    return OrderRepository(STOCK, now=lambda: NOW)


@pytest.fixture
def app(settings, repository):
    app = create_app(settings, repository)
    yield app
    app.dependency_overrides.clear()


@pytest.fixture
def payments(app):
    payments = RecordingPayments()
    app.dependency_overrides[get_payments] = lambda: payments
    return payments


@pytest.fixture
def client(app):
    with TestClient(app) as client:
        yield client


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def alice():
    return bearer("k-alice")


@pytest.fixture
def bob():
    return bearer("k-bob")


@pytest.fixture
def admin():
    return bearer("k-root")


@pytest.fixture
def place(client):
    """Place an order of (sku, quantity) pairs; fails loudly when that does not work."""

    def place(headers, *lines, **fields):
        body = {"lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines], **fields}
        response = client.post("/orders", json=body, headers=headers)
        assert response.status_code == 201, response.text
        return response.json()

    return place
