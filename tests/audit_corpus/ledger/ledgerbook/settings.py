"""What the environment says about the ledger."""

import os
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

PRODUCTION_LIKE = {"production", "staging"}


@dataclass(frozen=True)
class LedgerSettings:
    """Settings; `from_env` reads them from variables that begin with LEDGER_."""

    environment: str = "development"
    base_currency: str = "EUR"
    overdraft_limit: Decimal = Decimal(0)
    archive_enabled: bool = False
    archive_host: str = "127.0.0.1"
    archive_port: int = 6390
    archive_timeout: float = 1.0
    strict_import: bool = False

    @classmethod
    def from_env(cls, environ=None):
        """Read the settings; imports are strict in production and staging unless LEDGER_STRICT_IMPORT says."""
        environ = os.environ if environ is None else environ
        environment = environ.get("LEDGER_ENV", "development").lower()
        try:
            overdraft = Decimal(environ.get("LEDGER_OVERDRAFT_LIMIT", "0"))
        except InvalidOperation:
            raise ValueError("LEDGER_OVERDRAFT_LIMIT is not a number") from None
        strict = environ.get("LEDGER_STRICT_IMPORT")
        return cls(
            environment=environment,
            base_currency=environ.get("LEDGER_BASE_CURRENCY", "EUR").upper(),
            overdraft_limit=overdraft,
            archive_enabled=environ.get("LEDGER_ARCHIVE", "off") == "on",
            archive_host=environ.get("LEDGER_ARCHIVE_HOST", "127.0.0.1"),
            archive_port=int(environ.get("LEDGER_ARCHIVE_PORT", "6390")),
            archive_timeout=30.0 if environment in PRODUCTION_LIKE else 1.0,
            strict_import=environment in PRODUCTION_LIKE if strict is None else strict == "1",
        )
