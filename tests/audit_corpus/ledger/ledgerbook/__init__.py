"""Double-entry bookkeeping for small shops."""

from ledgerbook.accounts import Account, AccountType
from ledgerbook.journal import Entry, Ledger, Posting
from ledgerbook.money import Money

__all__ = ["Account", "AccountType", "Entry", "Ledger", "Money", "Posting"]
