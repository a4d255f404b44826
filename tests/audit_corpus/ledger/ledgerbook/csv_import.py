"""Import bank statements from CSV files."""

import csv
import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from ledgerbook.errors import ImportRowError, LedgerError
from ledgerbook.journal import Entry, Posting
from ledgerbook.money import Money

COLUMNS = ("date", "memo", "amount", "currency")
MAX_ERRORS = 20


def parse_amount(text):
    """`1,234.50`, `1.234,50`, `(12.00)` (negative) and `-3` are amounts; ImportRowError is for the caller to add."""
    text = text.strip().replace(" ", "").replace("\u00a0", "")
    negative = text.startswith("(") and text.endswith(")")
    text = text.strip("()")
    if re.search(r",\d{1,2}$", text):
        text = text.replace(".", "").replace(",", ".")
    else:
        text = text.replace(",", "")
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"not an amount: {text!r}") from None
    if not value.is_finite():
        raise ValueError(f"not an amount: {text!r}")
    return -value if negative else value


@dataclass
class ImportResult:
    """What an import did."""

    posted: int = 0
    errors: list = field(default_factory=list)
    aborted: bool = False


class CsvImporter:
    """Books the rows of a file between a bank account and a suspense account.

    Lenient: bad rows are collected with their line numbers, the good ones are booked, and after MAX_ERRORS bad rows
    it gives up. Strict: the first bad row raises, and nothing of the file is booked.
    """

    def __init__(self, ledger, bank="1200", suspense="9999", strict=None):
        self.ledger = ledger
        self.bank = bank
        self.suspense = suspense
        self.strict = ledger.settings.strict_import if strict is None else strict

    def read(self, path):
        """The rows of a file with their line numbers; a byte order mark at its beginning is ignored."""
        with Path(path).open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise ImportRowError(1, f"no column {', '.join(missing)}")
            for row in reader:
                yield reader.line_num, row

    def to_entry(self, line, row):
        """Turn a row into an entry."""
        try:
            date.fromisoformat(row["date"])
            amount = Money(parse_amount(row["amount"]), row["currency"] or "EUR")
        except ValueError as error:
            raise ImportRowError(line, str(error)) from error
        return Entry((Posting(self.bank, amount), Posting(self.suspense, -amount)), row["memo"])

    def run(self, path):
        """Import a file."""
        result = ImportResult()
        pending = []
        for line, row in self.read(path):
            try:
                pending.append((line, self.to_entry(line, row)))
            except ImportRowError as error:
                if self.strict:
                    raise
                result.errors.append(error)
                if len(result.errors) >= MAX_ERRORS:
                    result.aborted = True
                    break
        for line, entry in pending:
            try:
                self.ledger.post(entry)
            except LedgerError as error:
                result.errors.append(ImportRowError(line, str(error)))
            else:
                result.posted += 1
        return result
