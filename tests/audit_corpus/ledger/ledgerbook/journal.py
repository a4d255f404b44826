"""The journal: entries, balances, and the lock around them."""

import logging
import threading
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ledgerbook.accounts import Account
from ledgerbook.errors import (
    AccountClosed,
    AccountNotEmpty,
    ArchiveUnavailable,
    CurrencyMismatch,
    DuplicateEntry,
    InsufficientFunds,
    UnbalancedEntry,
    UnknownAccount,
)
from ledgerbook.money import Money
from ledgerbook.settings import LedgerSettings

log = logging.getLogger("ledgerbook")


@dataclass(frozen=True)
class Posting:
    """One line of an entry; positive amounts go into the account."""

    account: str
    amount: Money


@dataclass(frozen=True)
class Entry:
    """Postings that belong together and sum to zero, by currency."""

    postings: tuple
    memo: str = ""
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def check(self):
        """Raise UnbalancedEntry unless the postings sum to zero in every currency."""
        sums = defaultdict(int)
        for posting in self.postings:
            sums[posting.amount.currency] += posting.amount.amount
        for currency, total in sums.items():
            if total != 0:
                raise UnbalancedEntry(f"{self.memo or self.id}: off by {total} {currency}")
        if len(self.postings) < 2:
            raise UnbalancedEntry("an entry needs two postings")


class Ledger:
    """Accounts and their entries; every public method may be called from any thread."""

    def __init__(self, settings=None, archive=None):
        self.settings = settings or LedgerSettings()
        self.archive = archive
        self.accounts = {}
        self.entries = []
        self.unarchived = []
        self._balances = {}
        self._keys = {}
        self._lock = threading.RLock()

    def open_account(self, code, name, type, currency=None):
        """Open an account; its code must be new."""
        with self._lock:
            if code in self.accounts:
                raise ValueError(f"account {code} exists")
            account = Account(code, name, type, currency or self.settings.base_currency)
            self.accounts[code] = account
            self._balances[code] = Money.zero(account.currency)
            return account

    def _account(self, code):
        try:
            account = self.accounts[code]
        except KeyError:
            raise UnknownAccount(code) from None
        if account.closed:
            raise AccountClosed(code)
        return account

    def post(self, entry, *, idempotency_key=None):
        """Book an entry, all or nothing.

        With a key that was used before, the first entry is returned if its postings are the same, and
        DuplicateEntry is raised if they are not.
        """
        entry.check()
        with self._lock:
            if idempotency_key is not None and idempotency_key in self._keys:
                first = self._keys[idempotency_key]
                if first.postings != entry.postings:
                    raise DuplicateEntry(idempotency_key)
                return first
            changed = {}
            for posting in entry.postings:
                account = self._account(posting.account)
                if account.currency != posting.amount.currency:
                    raise CurrencyMismatch(account.currency, posting.amount.currency)
                before = changed.get(account.code, self._balances[account.code])
                changed[account.code] = before + posting.amount
            for code, after in changed.items():
                floor = -self.settings.overdraft_limit
                if self.accounts[code].type.has_floor and after.amount < floor:
                    raise InsufficientFunds(code, Money(floor - after.amount, after.currency))
            self._balances.update(changed)
            self.entries.append(entry)
            if idempotency_key is not None:
                self._keys[idempotency_key] = entry
        self._send_to_archive(entry)
        return entry

    def _send_to_archive(self, entry):
        if not self.settings.archive_enabled or self.archive is None:
            return
        try:
            self.archive.push({"id": entry.id, "memo": entry.memo})
        except ArchiveUnavailable as error:
            log.warning("entry %s is not archived: %s", entry.id, error)
            self.unarchived.append(entry.id)

    def transfer(self, from_code, to_code, amount, memo="transfer"):
        """Move an amount between two accounts."""
        if not Money.zero(amount.currency) < amount:
            raise ValueError("transfer a positive amount")
        return self.post(Entry((Posting(from_code, -amount), Posting(to_code, amount)), memo))

    def balance(self, code):
        """The balance of an account, closed or not."""
        with self._lock:
            if code not in self._balances:
                raise UnknownAccount(code)
            return self._balances[code]

    def close_account(self, code):
        """Close an account; AccountNotEmpty unless its balance is exactly zero."""
        with self._lock:
            account = self._account(code)
            if self._balances[code].amount > 0:
                raise AccountNotEmpty(code)
            account.closed = True
            return account

    def trial_balance(self):
        """The sum of all balances by currency: zero, always, unless something is broken."""
        totals = {}
        with self._lock:
            for money in self._balances.values():
                totals[money.currency] = totals.get(money.currency, Money.zero(money.currency)) + money
        return totals

    def statement(self, code):
        """The postings of an account with the running balance, as text."""
        lines = [f"{code} {self.accounts[code].name}"]
        running = Money.zero(self.accounts[code].currency)
        for entry in self.entries:
            for posting in entry.postings:
                if posting.account == code:
                    running = running + posting.amount
                    lines.append(f"{entry.memo:<14}{posting.amount.format():>14}{running.format():>14}")
        return "\n".join(lines)
