"""The cart lives in the session: {sku: quantity}."""

from shop.models import Product

KEY = "cart"
MAX_QUANTITY = 20


class Cart:
    """A view of the session's cart."""

    def __init__(self, session):
        self.session = session
        self.items = session.setdefault(KEY, {})

    def _changed(self):
        self.session[KEY] = self.items
        if hasattr(self.session, "modified"):
            self.session.modified = True

    def add(self, sku, quantity=1):
        """Add some of a product; at most MAX_QUANTITY of each."""
        if quantity < 1:
            raise ValueError("add at least one")
        self.items[sku] = min(self.items.get(sku, 0) + quantity, MAX_QUANTITY)
        self._changed()
        return self.items[sku]

    def remove(self, sku):
        """Take a product out, if it is in."""
        if self.items.pop(sku, None) is not None:
            self._changed()

    def clear(self):
        """Empty the cart."""
        self.items.clear()
        self._changed()

    def lines(self):
        """Pairs of product and quantity; what is no longer sold is left out."""
        products = Product.objects.filter(sku__in=self.items, active=True)
        return [(product, self.items[product.sku]) for product in products]

    def __len__(self):
        return sum(self.items.values())
