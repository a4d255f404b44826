"""Amounts of money: exact, with a currency, never a float."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from ledgerbook.errors import CurrencyMismatch

MINOR_DIGITS = {"EUR": 2, "USD": 2, "GBP": 2, "JPY": 0, "KWD": 3}
SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}


def quantum(currency):
    """The smallest unit of a currency, as a Decimal: 0.01 for EUR, 1 for JPY."""
    return Decimal(1).scaleb(-MINOR_DIGITS.get(currency, 2))


@dataclass(frozen=True)
class Money:
    """An amount in one currency."""

    amount: Decimal
    currency: str = "EUR"

    def __post_init__(self):
        if isinstance(self.amount, float):
            raise TypeError("amounts are never floats: use str or Decimal")
        if not isinstance(self.amount, Decimal):
            object.__setattr__(self, "amount", Decimal(self.amount))
        object.__setattr__(self, "currency", self.currency.upper())

    @classmethod
    def zero(cls, currency="EUR"):
        """Nothing, in a currency."""
        return cls(Decimal(0), currency)

    @classmethod
    def from_minor(cls, units, currency="EUR"):
        """1999 EUR cents are 19.99 EUR; 1999 JPY are 1999 JPY."""
        return cls(Decimal(units) * quantum(currency), currency)

    def to_minor(self):
        """The number of smallest units, after rounding."""
        return int(self.rounded().amount / quantum(self.currency))

    def _same(self, other):
        if self.currency != other.currency:
            raise CurrencyMismatch(self.currency, other.currency)

    def __add__(self, other):
        self._same(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other):
        self._same(other)
        return Money(self.amount - other.amount, self.currency)

    def __neg__(self):
        return Money(-self.amount, self.currency)

    def __mul__(self, factor):
        if isinstance(factor, float):
            raise TypeError("multiply by int or Decimal")
        return Money(self.amount * factor, self.currency)

    def __lt__(self, other):
        self._same(other)
        return self.amount < other.amount

    def __bool__(self):
        return self.amount != 0

    def rounded(self):
        """Rounded to the smallest unit, half to even ("banker's rounding")."""
        return Money(self.amount.quantize(quantum(self.currency), rounding=ROUND_HALF_EVEN), self.currency)

    def allocate(self, ratios):
        """Split by ratios without losing a cent: the first parts get what is left over."""
        if not ratios or sum(ratios) <= 0 or min(ratios) < 0:
            raise ValueError("ratios must be non-negative and not all zero")
        total = sum(ratios)
        units = self.to_minor()
        shares = [units * ratio // total for ratio in ratios]
        rest = units - sum(shares)
        for index in range(rest):
            shares[index] += 1
        return [Money.from_minor(share, self.currency) for share in shares]

    def format(self):
        """`-1,234.50 €`; the code where there is no symbol."""
        digits = MINOR_DIGITS.get(self.currency, 2)
        return f"{self.rounded().amount:,.{digits}f} {SYMBOLS.get(self.currency, self.currency)}"
