"""Reserving stock: in the own database, or with the warehouse's service."""

import json
import urllib.error
import urllib.request

from django.conf import settings

from shop.models import Product


class OutOfStock(Exception):
    """Not enough of a product."""

    def __init__(self, sku, available):
        super().__init__(f"only {available} of {sku}")
        self.sku = sku
        self.available = available


class WarehouseDown(Exception):
    """The warehouse's service does not answer."""


class LocalStock:
    """Stock as counted in the products table."""

    def reserve(self, sku, quantity):
        """Take some of a product; call it inside a transaction."""
        product = Product.objects.get(sku=sku)
        if product.stock < quantity:
            raise OutOfStock(sku, product.stock)
        product.stock -= quantity
        product.save(update_fields=["stock"])

    def give_back(self, sku, quantity):
        """Undo a reservation."""
        product = Product.objects.get(sku=sku)
        product.stock += quantity
        product.save(update_fields=["stock"])


class WarehouseClient:
    """Stock as kept by the warehouse: POST /reserve with sku and quantity."""

    def __init__(self, url, timeout=2.0):
        self.url = url.rstrip("/")
        self.timeout = timeout

    def _post(self, path, payload):
        request = urllib.request.Request(
            self.url + path, json.dumps(payload).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as response:
                return json.load(response)
        except (urllib.error.URLError, TimeoutError, ValueError) as error:
            raise WarehouseDown(str(error)) from error

    def reserve(self, sku, quantity):
        """Take some of a product."""
        answer = self._post("/reserve", {"sku": sku, "quantity": quantity})
        if not answer.get("reserved"):
            raise OutOfStock(sku, answer.get("available", 0))

    def give_back(self, sku, quantity):
        """Undo a reservation."""
        self._post("/release", {"sku": sku, "quantity": quantity})


def get_warehouse():
    """The service where SHOP_WAREHOUSE_URL is set, the own table otherwise."""
    url = getattr(settings, "SHOP_WAREHOUSE_URL", "")
    return WarehouseClient(url) if url else LocalStock()
