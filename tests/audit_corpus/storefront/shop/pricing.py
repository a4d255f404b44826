"""Prices: subtotal, discount, shipping, total. All in cents."""

from dataclasses import dataclass

from django.conf import settings

DOMESTIC = {"DE", "AT"}
SHIPPING_DOMESTIC = 490
SHIPPING_ABROAD = 1290


@dataclass(frozen=True)
class Quote:
    """What an order costs."""

    subtotal: int
    discount: int
    shipping: int

    @property
    def total(self):
        """What the customer pays."""
        return self.subtotal - self.discount + self.shipping


def discount_for(subtotal, percent):
    """The discount, rounded down to whole cents, never more than half of the subtotal."""
    if not 0 <= percent <= 100:
        raise ValueError("a percentage is between 0 and 100")
    return min(subtotal * percent // 100, subtotal // 2)


def shipping_for(amount, country):
    """Free from SHOP_FREE_SHIPPING_CENTS (50 EUR unless set) on, inclusive, within DOMESTIC; abroad never free."""
    if country not in DOMESTIC:
        return SHIPPING_ABROAD
    if amount >= getattr(settings, "SHOP_FREE_SHIPPING_CENTS", 5000):
        return 0
    return SHIPPING_DOMESTIC


def quote(lines, country="DE", coupon=None):
    """Price lines of (product, quantity); the free shipping is decided after the discount."""
    subtotal = sum(product.price_cents * quantity for product, quantity in lines)
    discount = 0
    if coupon is not None and coupon.applies_to(subtotal):
        discount = discount_for(subtotal, coupon.percent)
    return Quote(subtotal, discount, shipping_for(subtotal - discount, country))
