"""Orders in memory, with stock."""
from __future__ import annotations

import itertools
from datetime import datetime, timezone
from threading import Lock
from typing import Callable, Mapping

from .models import Order, OrderLine, OrderStatus
from .pricing import Quote


class OutOfStock(Exception):
    def __init__(self, sku: str, wanted: int, available: int) -> None:
        super().__init__(f"{sku}: wanted {wanted}, available {available}")
        self.sku = sku


class IllegalTransition(Exception):
    pass


def utcnow() -> datetime:
    return datetime.now(timezone.utc)


class OrderRepository:
    def __init__(self, stock: Mapping[str, int], *, now: Callable[[], datetime] = utcnow) -> None:
        self._stock = dict(stock)
        self._orders: dict[int, Order] = {}
        self._ids = itertools.count(1)
        self._now = now
        self._lock = Lock()

    def available(self, sku: str) -> int:
        return self._stock.get(sku, 0)

    def create(self, customer: str, lines: list[OrderLine], quote: Quote) -> Order:
        """Reserve all lines or none. Raises OutOfStock."""
        with self._lock:
            for line in lines:
                if self.available(line.sku) < line.quantity:
                    raise OutOfStock(line.sku, line.quantity, self.available(line.sku))
            for line in lines:
                self._stock[line.sku] -= line.quantity
            order = Order(
                id=next(self._ids), customer=customer, lines=lines, net=quote.net, tax=quote.tax,
                total=quote.total, created_at=self._now(),
            )
            self._orders[order.id] = order
        return order

    def get(self, order_id: int) -> Order | None:
        return self._orders.get(order_id)

    def move(self, order_id: int, status: OrderStatus, payment_ref: str | None = None) -> Order:
        """Change the status; a cancelled order gives its stock back. Raises KeyError, IllegalTransition."""
        with self._lock:
            order = self._orders[order_id]
            if not order.can_become(status):
                raise IllegalTransition(f"{order.status.value} -> {status.value}")
            if status is OrderStatus.CANCELLED:
                for line in order.lines:
                    self._stock[line.sku] += line.quantity
            changed = order.model_copy(update={"status": status, "payment_ref": payment_ref or order.payment_ref})
            self._orders[order_id] = changed
        return changed

    def page(self, customer: str | None, *, after: int, limit: int) -> tuple[list[Order], int | None]:
        """Orders with an id above `after`, oldest first, and the cursor of the next page if there is one."""
        found = [o for o in self._orders.values() if o.id > after and customer in (None, o.customer)]
        found.sort(key=lambda o: o.id)
        items = found[:limit]
        return items, items[-1].id if len(found) > limit else None
