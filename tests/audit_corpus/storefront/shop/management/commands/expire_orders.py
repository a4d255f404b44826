"""Expire orders that were never paid and give their stock back."""

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from shop.models import Order
from shop.warehouse import get_warehouse


class Command(BaseCommand):
    """expire_orders [--hours 24] [--dry-run]; a dry run changes nothing."""

    help = "Expire unpaid orders."

    def add_arguments(self, parser):
        """Options."""
        parser.add_argument("--hours", type=int, default=24)
        parser.add_argument("--dry-run", action="store_true")

    def handle(self, *args, **options):
        """Do it."""
        if options["hours"] < 1:
            raise CommandError("--hours must be at least 1")
        warehouse = get_warehouse()
        stale = [order for order in Order.objects.filter(status="new") if order.is_stale(options["hours"])]
        for order in stale:
            with transaction.atomic():
                for line in order.lines.select_related("product"):
                    warehouse.give_back(line.product.sku, line.quantity)
                if not options["dry_run"]:
                    order.move_to("expired")
        verb = "would expire" if options["dry_run"] else "expired"
        self.stdout.write(f"{verb} {len(stale)} orders")
