"""Everything that the ledger raises on purpose."""


class LedgerError(Exception):
    """Base class of all errors of this package."""


class CurrencyMismatch(LedgerError):
    """Two amounts of different currencies met in one operation."""

    def __init__(self, left, right):
        super().__init__(f"cannot combine {left} with {right}")
        self.left = left
        self.right = right


class UnbalancedEntry(LedgerError):
    """The postings of an entry do not sum to zero."""


class UnknownAccount(LedgerError):
    """No account has this code."""


class AccountClosed(LedgerError):
    """The account takes no more postings."""


class AccountNotEmpty(LedgerError):
    """An account with a balance cannot be closed."""


class InsufficientFunds(LedgerError):
    """The posting would take an asset account below its overdraft limit."""

    def __init__(self, account, missing):
        super().__init__(f"account {account} is short of {missing}")
        self.account = account
        self.missing = missing


class DuplicateEntry(LedgerError):
    """The idempotency key was used before, for other postings."""


class ImportRowError(LedgerError):
    """A row of an import file cannot be understood."""

    def __init__(self, line, reason):
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


class RateUnavailable(LedgerError):
    """No exchange rate, neither fresh nor stale enough to use."""


class ArchiveUnavailable(LedgerError):
    """The archive server does not answer."""
