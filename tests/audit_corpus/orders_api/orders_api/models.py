"""Request and response models."""
from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum

from pydantic import BaseModel, ConfigDict, Field, field_validator

MAX_LINES = 50


class OrderStatus(str, Enum):
    PENDING = "pending"
    PAID = "paid"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.PENDING: frozenset({OrderStatus.PAID, OrderStatus.CANCELLED}),
    OrderStatus.PAID: frozenset({OrderStatus.SHIPPED, OrderStatus.CANCELLED}),
    OrderStatus.SHIPPED: frozenset(),
    OrderStatus.CANCELLED: frozenset(),
}


class OrderLine(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sku: str = Field(pattern=r"^[A-Z]{3}-\d{3}$")
    quantity: int = Field(ge=1, le=999)


class OrderIn(BaseModel):
    """An order as a customer sends it; a SKU may appear only once."""

    model_config = ConfigDict(extra="forbid")

    lines: list[OrderLine] = Field(min_length=1, max_length=MAX_LINES)
    coupon: str | None = None
    country: str = Field(default="DE", min_length=2, max_length=2)

    @field_validator("country")
    @classmethod
    def upper(cls, value: str) -> str:
        return value.upper()

    @field_validator("lines")
    @classmethod
    def unique_skus(cls, value: list[OrderLine]) -> list[OrderLine]:
        skus = [line.sku for line in value]
        if len(set(skus)) != len(skus):
            raise ValueError("a sku appears more than once")
        return value


class Order(BaseModel):
    id: int
    customer: str
    lines: list[OrderLine]
    status: OrderStatus = OrderStatus.PENDING
    net: Decimal
    tax: Decimal
    total: Decimal
    created_at: datetime
    payment_ref: str | None = None

    def can_become(self, status: OrderStatus) -> bool:
        return status in TRANSITIONS[self.status]


class Page(BaseModel):
    items: list[Order]
    next_cursor: int | None = None
