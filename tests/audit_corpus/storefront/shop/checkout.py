"""Turning a cart into an order."""

import logging

from django.core.mail import send_mail
from django.db import transaction

from shop.models import Order, OrderLine
from shop.pricing import quote
from shop.warehouse import get_warehouse

log = logging.getLogger("shop.checkout")


class EmptyCart(Exception):
    """There is nothing to order."""


def place_order(cart, email, country="DE", coupon=None, warehouse=None):
    """Reserve the stock, save the order, empty the cart and write a mail.

    All or nothing: when a product is out of stock, neither order nor reservation remain and the cart keeps its
    content. A mail that cannot be sent does not stop the order.
    """
    warehouse = warehouse or get_warehouse()
    lines = cart.lines()
    if not lines:
        raise EmptyCart
    price = quote(lines, country, coupon)
    with transaction.atomic():
        order = Order.objects.create(email=email, country=country, total_cents=price.total)
        for product, quantity in lines:
            warehouse.reserve(product.sku, quantity)
            OrderLine.objects.create(
                order=order, product=product, quantity=quantity, price_cents=product.price_cents
            )
    cart.clear()
    try:
        send_mail(
            f"Your order {order.pk}", f"Total: {price.total / 100:.2f} EUR", "shop@example.org", [email]
        )
    except OSError as error:
        log.warning("no mail for order %s: %s", order.pk, error)
    return order
