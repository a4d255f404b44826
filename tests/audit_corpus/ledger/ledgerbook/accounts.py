"""Accounts and their kinds."""

import enum
from dataclasses import dataclass, field
from datetime import UTC, datetime


class AccountType(enum.Enum):
    """The five kinds of accounts."""

    ASSET = "asset"
    LIABILITY = "liability"
    EQUITY = "equity"
    INCOME = "income"
    EXPENSE = "expense"

    @property
    def has_floor(self):
        """Only assets run out."""
        return self is AccountType.ASSET


@dataclass
class Account:
    """One account of the chart."""

    code: str
    name: str
    type: AccountType
    currency: str = "EUR"
    closed: bool = False
    opened_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    tags: tuple = ()

    def __post_init__(self):
        if not self.code.isdigit() or len(self.code) != 4:
            raise ValueError(f"account codes have four digits, not {self.code!r}")
