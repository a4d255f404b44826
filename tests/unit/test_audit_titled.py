"""Tests that do not notice when the behaviour in their title is taken away, and honest ones that look like them."""

from __future__ import annotations

import textwrap

import pytest

from bot.audit.examine import examine

PRODUCT = '''
import asyncio
import os
import threading
import time
from dataclasses import dataclass


class Refused(Exception):
    """Turned away."""


@dataclass
class Product:
    sku: str
    price: int = 1
    active: bool = True


class Shop:
    def __init__(self, products):
        self.products = products

    def visible(self):
        return [p for p in self.products if p.active]

    def by_price(self):
        return sorted(self.products, key=lambda p: p.price)

    def cheaper_than(self, limit):
        found = []
        for p in self.products:
            if p.price >= limit:
                continue
            found.append(p)
        return found


class Limiter:
    """At most `burst` requests."""

    def __init__(self, burst):
        self.burst = burst
        self.used = 0

    def acquire(self):
        if self.used >= self.burst:
            return False
        self.used += 1
        return True


class Ledger:
    def __init__(self, limit=1000):
        self.entries = []
        self.keys = {}
        self.limit = limit

    def post(self, amount, idempotency_key=None):
        if amount <= 0:
            raise Refused("not positive")
        if amount > self.limit:
            raise Refused("over the limit")
        if idempotency_key is not None and idempotency_key in self.keys:
            return self.keys[idempotency_key]
        self.entries.append(amount)
        if idempotency_key is not None:
            self.keys[idempotency_key] = len(self.entries)
        return len(self.entries)


class Sessions:
    def __init__(self, clock, ttl=60):
        self.clock, self.ttl, self.known = clock, ttl, {}

    def open(self, user):
        self.known[user] = self.clock()

    def is_open(self, user):
        if user not in self.known:
            return False
        if self.clock() - self.known[user] > self.ttl:
            return False
        return True


class Hub:
    def __init__(self):
        self.boxes = {}

    async def join(self, name):
        self.boxes[name] = []

    async def broadcast(self, text, exclude=None):
        targets = [name for name in self.boxes if name != exclude]
        for name in targets:
            self.boxes[name].append(text)
        return len(targets)


def fetch(call, attempts=3):
    """Call again after an error, at most `attempts` times."""
    for number in range(attempts):
        try:
            return call()
        except ConnectionError:
            if number == attempts - 1:
                raise


def save(path, text):
    with open(f"{path}.new", "w") as file:
        file.write(text)
    os.replace(f"{path}.new", path)
'''
HEAD = """
import asyncio
import threading
import unittest
import pytest
from product.service import Hub, Ledger, Limiter, Product, Refused, Sessions, Shop, fetch, save

class Clock:
    def __init__(self):
        self.now = 0.0
    def __call__(self):
        return self.now
"""
BAD = {
    "only active": """
        def test_only_active_products_are_visible():
            shop = Shop([Product("tea"), Product("cup")])
            assert [p.sku for p in shop.visible()] == ["tea", "cup"]
        """,
    "inactive, in a class": """
        class TestShop(unittest.TestCase):
            def setUp(self):
                self.shop = Shop([Product("tea", active=True), Product("cup", active=True)])
            def test_inactive_products_are_hidden(self):
                self.assertEqual(len(self.shop.visible()), 2)
        """,
    "sender, async": """
        @pytest.mark.asyncio
        async def test_broadcast_excludes_the_sender():
            hub = Hub()
            for name in ("ada", "bob"):
                await hub.join(name)
            assert await hub.broadcast("hi", exclude="ada") >= 1
            assert "hi" in hub.boxes["bob"]
        """,
    "isolation, async": """
        @pytest.mark.asyncio
        async def test_users_are_isolated():
            hub = Hub()
            await hub.join("ada")
            await hub.broadcast("hi")
            assert "hi" in hub.boxes["ada"]
        """,
    "limiter": """
        def test_limiter_limits_requests():
            limiter = Limiter(burst=5)
            granted = sum(limiter.acquire() for _ in range(5))
            assert granted <= 5
            assert granted > 0
        """,
    "idempotency": """
        def test_idempotency_key_prevents_double_booking():
            ledger = Ledger()
            assert ledger.post(5, idempotency_key="a") == 1
            assert ledger.entries == [5]
        """,
    "two keys": """
        def test_post_is_idempotent():
            ledger = Ledger()
            first = ledger.post(5, idempotency_key="a")
            second = ledger.post(5, idempotency_key="b")
            assert first and second
        """,
    "limit never met": """
        def test_post_respects_limit():
            ledger = Ledger(limit=10)
            ledger.post(4)
            assert ledger.entries == [4]
            assert sum(ledger.entries) <= ledger.limit
        """,
    "sorted input": """
        def test_products_are_sorted_by_price():
            shop = Shop([Product("cup", 1), Product("tea", 2)])
            assert [p.sku for p in shop.by_price()] == ["cup", "tea"]
        """,
    "sorted, as a set": """
        def test_products_sorted_by_price():
            shop = Shop([Product("tea", 2), Product("cup", 1)])
            assert {p.sku for p in shop.by_price()} == {"cup", "tea"}
        """,
    "skips nothing": """
        @pytest.mark.parametrize("price", [1, 2, 3])
        def test_expensive_products_are_skipped_by_limit(price):
            shop = Shop([Product("tea", price)])
            found = shop.cheaper_than(10)
            assert all(p.price < 10 for p in found)
            assert len(found) == 1
        """,
    "retry without an error": """
        def test_retry_recovers_from_connection_loss():
            answer = fetch(lambda: 42)
            assert answer == 42
        """,
    "retry of a helper": """
        def load():
            return {"ok": True}
        def test_retry_mechanism_recovers_from_errors():
            assert fetch(load, attempts=5) == {"ok": True}
        """,
    "atomic": """
        def test_save_is_atomic(tmp_path):
            target = tmp_path / "a"
            save(target, "one")
            save(target, "two")
            assert target.read_text() == "two"
        """,
    "expiry": """
        def test_session_expires_after_ttl():
            sessions = Sessions(Clock(), ttl=60)
            sessions.open("ada")
            assert sessions.is_open("ada")
        """,
    "concurrent": """
        @pytest.mark.asyncio
        async def test_concurrent_broadcasts_are_delivered():
            hub = Hub()
            await hub.join("ada")
            for number in range(10):
                await hub.broadcast(str(number))
            assert len(hub.boxes["ada"]) == 10
        """,
    "rejects nothing": """
        def test_post_rejects_amounts_over_limit():
            ledger = Ledger(limit=100)
            assert ledger.post(99) is not None
        """,
}
GOOD = {
    "only active": """
        def test_only_active_products_are_visible():
            shop = Shop([Product("tea"), Product("cup", active=False)])
            assert [p.sku for p in shop.visible()] == ["tea"]
        """,
    "active are shown": """
        def test_active_products_are_visible():
            shop = Shop([Product("tea"), Product("cup")])
            assert [p.sku for p in shop.visible()] == ["tea", "cup"]
        """,
    "deactivated later": """
        def test_inactive_products_are_hidden():
            tea = Product("tea")
            tea.active = False
            assert Shop([tea]).visible() == []
        """,
    "sender": """
        @pytest.mark.asyncio
        async def test_broadcast_excludes_the_sender():
            hub = Hub()
            for name in ("ada", "bob"):
                await hub.join(name)
            await hub.broadcast("hi", exclude="ada")
            assert hub.boxes == {"ada": [], "bob": ["hi"]}
        """,
    "sender, negative": """
        @pytest.mark.asyncio
        async def test_broadcast_excludes_the_sender():
            hub = Hub()
            await hub.join("ada")
            await hub.join("bob")
            await hub.broadcast("hi", exclude="ada")
            assert "hi" not in hub.boxes["ada"]
        """,
    "limiter": """
        def test_limiter_limits_requests():
            limiter = Limiter(burst=5)
            assert sum(limiter.acquire() for _ in range(9)) <= 5
        """,
    "below the limit": """
        def test_below_the_limit_is_allowed():
            ledger = Ledger(limit=10)
            ledger.post(9)
            assert ledger.entries == [9]
        """,
    "idempotency": """
        def test_idempotency_key_prevents_double_booking():
            ledger = Ledger()
            for _ in range(2):
                ledger.post(5, idempotency_key="a")
            assert ledger.entries == [5]
        """,
    "different keys": """
        def test_different_idempotency_keys_are_not_duplicates():
            ledger = Ledger()
            ledger.post(5, idempotency_key="a")
            ledger.post(5, idempotency_key="b")
            assert ledger.entries == [5, 5]
        """,
    "refused": """
        @pytest.mark.parametrize("amount", [0, -1, 11])
        def test_meaningless_amounts_are_refused(amount):
            with pytest.raises(Refused):
                Ledger(limit=10).post(amount)
        """,
    "one row discriminates": """
        @pytest.mark.parametrize(("amount", "count"), [(5, 1), (6, 1), (11, 0)])
        def test_limit_is_respected(amount, count):
            ledger = Ledger(limit=10)
            try:
                ledger.post(amount)
            except Refused:
                pass
            assert len(ledger.entries) == count
        """,
    "sorted": """
        def test_products_are_sorted_by_price():
            shop = Shop([Product("tea", 2), Product("cup", 1)])
            assert [p.sku for p in shop.by_price()] == ["cup", "tea"]
        """,
    "retry": """
        def test_retry_recovers_from_connection_loss():
            left = [ConnectionError(), 42]
            def call():
                item = left.pop(0)
                if isinstance(item, Exception):
                    raise item
                return item
            assert fetch(call) == 42
        """,
    "retry gives up": """
        def test_retry_gives_up_after_errors():
            calls = []
            def call():
                calls.append(1)
                raise ConnectionError
            with pytest.raises(ConnectionError):
                fetch(call, attempts=2)
            assert len(calls) == 2
        """,
    "atomic": """
        def test_save_is_atomic(tmp_path, monkeypatch):
            target = tmp_path / "a"
            save(target, "one")
            monkeypatch.setattr("os.replace", lambda *args: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                save(target, "two")
            assert target.read_text() == "one"
        """,
    "expiry": """
        def test_session_expires_after_ttl():
            clock = Clock()
            sessions = Sessions(clock, ttl=60)
            sessions.open("ada")
            clock.now = 61.0
            assert not sessions.is_open("ada")
        """,
    "threads": """
        def test_concurrent_posts_are_all_booked():
            ledger = Ledger()
            threads = [threading.Thread(target=ledger.post, args=(1,)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(ledger.entries) == 8
        """,
    "a class title": """
        class TestRejection:
            def test_amount_is_booked(self):
                ledger = Ledger()
                ledger.post(1)
                assert ledger.entries == [1]
        """,
}


def found(test: str) -> set[str]:
    """The rules that have something against a test."""
    text = HEAD + textwrap.dedent(test)
    report = examine(
        {"tests/unit/test_it.py": text}, {"product/__init__.py": "", "product/service.py": PRODUCT}
    )
    return {item.rule for item in report.findings}


@pytest.mark.parametrize("name", sorted(BAD))
def test_what_does_not_notice_is_found(name: str) -> None:
    """The title's behaviour can go, and the test stays green."""
    assert found(BAD[name]) & {"title-unchecked", "title-not-staged"}, found(BAD[name])


@pytest.mark.parametrize("name", sorted(GOOD))
def test_what_does_notice_is_left_alone(name: str) -> None:
    """The test would turn red, or its title claims no such thing."""
    assert not found(GOOD[name])
