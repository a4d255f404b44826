"""Products, coupons and orders."""

from datetime import timedelta

from django.db import models
from django.utils import timezone


class InvalidTransition(Exception):
    """An order cannot go from its status to this one."""


class ProductQuerySet(models.QuerySet):
    """Questions about products."""

    def available(self):
        """Active products that are in stock."""
        return self.filter(active=True, stock__gt=0)

    def search(self, text):
        """Products whose name or SKU contains the text, whatever the case."""
        return self.filter(models.Q(name__icontains=text) | models.Q(sku__icontains=text))


class Product(models.Model):
    """Something to sell."""

    sku = models.SlugField(unique=True)
    name = models.CharField(max_length=80)
    price_cents = models.PositiveIntegerField()
    stock = models.PositiveIntegerField(default=0)
    active = models.BooleanField(default=True)

    objects = ProductQuerySet.as_manager()

    class Meta:
        app_label = "shop"
        ordering = ("sku",)

    def __str__(self):
        return f"{self.name} ({self.sku})"


class Coupon(models.Model):
    """A percentage off, from a minimal sum on, for a time."""

    code = models.CharField(max_length=20, unique=True)
    percent = models.PositiveIntegerField()
    minimum_cents = models.PositiveIntegerField(default=0)
    valid_until = models.DateTimeField(null=True)

    class Meta:
        app_label = "shop"

    @classmethod
    def find(cls, code):
        """The coupon with this code, or None; customers may type it in any case."""
        return cls.objects.filter(code=code.strip()).first()

    def applies_to(self, subtotal_cents, at=None):
        """Whether it is still valid and the subtotal reaches its minimum."""
        at = at or timezone.now()
        return subtotal_cents >= self.minimum_cents and (self.valid_until is None or at <= self.valid_until)


class Order(models.Model):
    """What a customer ordered."""

    NEXT = {
        "new": {"paid", "expired"},
        "paid": {"shipped", "refunded"},
        "shipped": {"refunded"},
        "expired": set(),
        "refunded": set(),
    }

    email = models.EmailField()
    country = models.CharField(max_length=2, default="DE")
    status = models.CharField(max_length=10, default="new")
    total_cents = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        app_label = "shop"
        ordering = ("id",)

    def move_to(self, status):
        """Change the status if that is allowed, and save."""
        if status not in self.NEXT[self.status]:
            raise InvalidTransition(f"{self.status} -> {status}")
        self.status = status
        self.save(update_fields=["status"])

    def is_stale(self, hours, at=None):
        """New for longer than some hours."""
        return self.status == "new" and (at or timezone.now()) - self.created_at > timedelta(hours=hours)


class OrderLine(models.Model):
    """A product in an order, at the price of that moment."""

    order = models.ForeignKey(Order, related_name="lines", on_delete=models.CASCADE)
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    quantity = models.PositiveIntegerField()
    price_cents = models.PositiveIntegerField()

    class Meta:
        app_label = "shop"
