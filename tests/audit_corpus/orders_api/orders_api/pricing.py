"""Prices are Decimal and rounded half up to the cent, once, at the end of each sum."""
from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Iterable, Mapping

from .models import OrderLine

CENT = Decimal("0.01")
TAX_RATES: Mapping[str, Decimal] = {"DE": Decimal("0.19"), "FR": Decimal("0.20"), "CH": Decimal("0.081")}
DEFAULT_TAX = Decimal("0.21")
BULK_QUANTITY = 10
BULK_DISCOUNT = Decimal("0.05")
FREE_SHIPPING_FROM = Decimal("50.00")
SHIPPING = Decimal("4.90")

COUPONS: Mapping[str, Decimal] = {"WELCOME10": Decimal("0.10"), "VIP25": Decimal("0.25")}


class UnknownSku(Exception):
    def __init__(self, sku: str) -> None:
        super().__init__(f"unknown sku {sku}")
        self.sku = sku


class UnknownCoupon(Exception):
    pass


@dataclass(frozen=True)
class Quote:
    net: Decimal
    tax: Decimal
    shipping: Decimal

    @property
    def total(self) -> Decimal:
        return self.net + self.tax + self.shipping


def to_cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


class PriceList:
    def __init__(self, prices: Mapping[str, Decimal]) -> None:
        self._prices = dict(prices)

    def price_of(self, sku: str) -> Decimal:
        try:
            return self._prices[sku]
        except KeyError:
            raise UnknownSku(sku) from None

    def line_total(self, line: OrderLine) -> Decimal:
        """Ten or more of one SKU are 5 % cheaper."""
        amount = self.price_of(line.sku) * line.quantity
        if line.quantity > BULK_QUANTITY:
            amount *= 1 - BULK_DISCOUNT
        return amount

    def quote(self, lines: Iterable[OrderLine], *, country: str, coupon: str | None = None) -> Quote:
        """Net after bulk discount and coupon, tax by country; shipping is free from 50.00 net."""
        net = sum((self.line_total(line) for line in lines), Decimal(0))
        if coupon is not None:
            if coupon not in COUPONS:
                raise UnknownCoupon(coupon)
            net *= 1 - COUPONS[coupon]
        net = to_cents(net)
        tax = to_cents(net * TAX_RATES.get(country, DEFAULT_TAX))
        shipping = Decimal("0.00") if net >= FREE_SHIPPING_FROM else SHIPPING
        return Quote(net, tax, shipping)
