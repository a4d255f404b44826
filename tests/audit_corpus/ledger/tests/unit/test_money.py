"""Unit tests for the Money value object.

Business value: every invoice, refund and payout goes through this class.
"""

import csv
import io
import unittest
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

from ledgerbook.errors import CurrencyMismatch, LedgerError
from ledgerbook.money import Money, quantum

SAMPLE_AMOUNTS = ["0.00", "0.01", "19.99", "1000000.00", "-5.25"]
SPLIT_CASES = [
    ("100.00", [1, 1, 1], ["33.34", "33.33", "33.33"]),
    ("0.05", [3, 7], ["0.02", "0.03"]),
    ("10.00", [0, 1], ["0.00", "10.00"]),
]


def eur(text):
    """Shorthand for an amount in euros."""
    return Money(Decimal(text), "EUR")


class MoneyArithmeticTests(unittest.TestCase):
    """Addition, subtraction, comparison."""

    def assertMoney(self, money, text, currency="EUR"):
        """Compare amount and currency in one go."""
        if isinstance(text, str):
            text = Decimal(text)
        self.assertEqual(money.amount, text, f"amount differs: {money}")
        self.assertEqual(money.currency, currency)

    def test_addition_and_subtraction_are_exact(self):
        """0.1 + 0.2 is 0.3 here, unlike with floats."""
        self.assertMoney(eur("0.10") + eur("0.20"), "0.30")
        self.assertMoney(eur("0.10") - eur("0.30"), "-0.20")
        self.assertMoney(-eur("7.00"), "-7.00")

    def test_adding_two_currencies_is_refused(self):
        """EUR + USD makes no sense without a rate."""
        with self.assertRaises(CurrencyMismatch) as caught:
            eur("1.00") + Money("1.00", "usd")
        self.assertEqual((caught.exception.left, caught.exception.right), ("EUR", "USD"))
        self.assertIsInstance(caught.exception, LedgerError)

    def test_floats_never_become_money(self):
        """Both the constructor and multiplication refuse floats."""
        with self.assertRaisesRegex(TypeError, "never floats"):
            Money(19.99, "EUR")
        with self.assertRaises(TypeError):
            eur("10.00") * 1.19

    def test_money_creation_preserves_all_values(self):
        """CRITICAL: Money must faithfully keep what it is constructed with.

        Validates the whole value range of production amounts.
        """
        for text in SAMPLE_AMOUNTS:
            value = Decimal(text)
            money = Money(value, "EUR")
            self.assertEqual(money.amount, value)
            self.assertEqual(money.currency, "EUR")
            self.assertIsNotNone(money)
        print(f"✅ {len(SAMPLE_AMOUNTS)} amounts validated")

    def test_decimal_precision_for_financial_calculations(self):
        """Validates that our financial calculations keep full precision.

        Floats lose cents, the ledger must not.
        """
        price = Decimal("19.99")
        quantity = 3
        vat = Decimal("0.19")
        net = price * quantity
        gross = (net * (1 + vat)).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
        self.assertEqual(net, Decimal("59.97"))
        self.assertEqual(gross, Decimal("71.36"))
        self.assertNotEqual(0.1 + 0.2, 0.3)
        self.assertEqual(Decimal("0.1") + Decimal("0.2"), Decimal("0.3"))
        self.assertEqual(Decimal("2.5").quantize(Decimal("1"), rounding=ROUND_HALF_EVEN), 2)


class MoneyRoundingTests(unittest.TestCase):
    """Rounding and minor units."""

    def test_rounding_is_half_to_even(self):
        """2.345 goes down to 2.34, 2.355 goes up to 2.36."""
        for text, expected in [("2.345", "2.34"), ("2.355", "2.36"), ("2.3451", "2.35"), ("-2.345", "-2.34")]:
            with self.subTest(text=text):
                self.assertEqual(eur(text).rounded().amount, Decimal(expected))

    def test_rounding_of_half_cents_for_invoices(self):
        """Half a cent must always be rounded up, as merchants expect.

        2.345 EUR -> 2.35 EUR
        """
        invoice_total = Money("2.345", "EUR")
        rounded = invoice_total.rounded()
        self.assertEqual(
            rounded.amount,
            Decimal("2.35"),
            f"❌ ROUNDING BUG: expected 2.35, got {rounded.amount}",
        )

    def test_minor_units_depend_on_the_currency(self):
        """Yen have no cents, dinars have a thousand fils."""
        self.assertEqual(Money.from_minor(1999, "EUR").amount, Decimal("19.99"))
        self.assertEqual(Money.from_minor(1999, "JPY").amount, Decimal("1999"))
        self.assertEqual(Money.from_minor(1999, "KWD").amount, Decimal("1.999"))
        self.assertEqual(Money("19.99", "EUR").to_minor(), 1999)
        self.assertEqual(quantum("XXX"), Decimal("0.01"), "unknown currencies have two digits")

    def test_rounding_never_loses_more_than_expected(self):
        """Rounding is accurate: banker's rounding must never distort an invoice."""
        for text in ("1.005", "2.345", "2.355", "99.995"):
            original = eur(text)
            rounded = original.rounded()
            difference = abs(rounded.amount - original.amount)
            self.assertLess(difference, original.amount + 1, "rounding distorted the invoice")
            self.assertGreaterEqual(difference, 0)


class MoneyAllocationTests(unittest.TestCase):
    """Money.allocate splits without losing cents."""

    def test_allocation_gives_the_rest_to_the_first_parts(self):
        """Table of splits, checked one by one."""
        for text, ratios, expected in SPLIT_CASES:
            with self.subTest(text=text, ratios=ratios):
                shares = eur(text).allocate(ratios)
                self.assertEqual([str(share.amount) for share in shares], expected)
                self.assertEqual(sum((share.amount for share in shares), Decimal(0)), Decimal(text))

    def test_allocation_refuses_meaningless_ratios(self):
        """Empty, zero and negative ratios are errors of the caller."""
        for ratios in ([], [0, 0], [2, -1]):
            with self.subTest(ratios=ratios), self.assertRaises(ValueError):
                eur("10.00").allocate(ratios)

    def test_allocation_of_one_cent_is_lossless(self):
        """Validates that splitting an amount never loses a cent.

        Splits into equal parts and compares with the reference algorithm.
        """

        def allocate_reference(units, parts):
            base, rest = divmod(units, parts)
            return [base + (1 if i < rest else 0) for i in range(parts)]

        for units in (1, 10, 99, 10000):
            for parts in (2, 3, 7):
                shares = allocate_reference(units, parts)
                self.assertEqual(sum(shares), units)
                self.assertLessEqual(max(shares) - min(shares), 1)
        print("✅ LOSSLESS ALLOCATION CONFIRMED")


class MoneyFormatTests(unittest.TestCase):
    """Texts for people."""

    def test_format_matches_the_statement_layout(self):
        """Thousands separators, symbol behind, code where there is no symbol."""
        actual = [
            Money(*case).format()
            for case in [("1234.5", "EUR"), ("-1234.5", "USD"), ("1234.5", "JPY"), ("1", "KWD"), ("2", "CHF")]
        ]
        self.assertEqual(actual, ["1,234.50 €", "-1,234.50 $", "1,234 ¥", "1.000 KWD", "2.00 CHF"])

    def test_csv_round_trip_of_formatted_amounts(self):
        """Amounts survive a CSV export and import without corruption."""
        rows = [["2024-01-01", "coffee", "3,50"], ["2024-01-02", "books; used", "12.00"]]
        buffer = io.StringIO()
        writer = csv.writer(buffer, delimiter=";")
        writer.writerows(rows)
        buffer.seek(0)
        restored = list(csv.reader(buffer, delimiter=";"))
        self.assertEqual(restored, rows)
        self.assertEqual(restored[1][1], "books; used")


if __name__ == "__main__":
    unittest.main()
