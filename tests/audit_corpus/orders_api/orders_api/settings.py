from __future__ import annotations

import os
from dataclasses import dataclass, field

DEFAULT_PAYMENT_URL = "http://127.0.0.1:9091"


@dataclass(frozen=True)
class Settings:
    """Settings of one deployment. `api_keys` maps a key to its customer id."""

    api_keys: dict[str, str] = field(default_factory=lambda: {"dev-key": "dev"})
    admin_customers: frozenset[str] = frozenset({"admin"})
    payment_url: str = DEFAULT_PAYMENT_URL
    payment_timeout: float = 2.0
    payment_retries: int = 2
    page_size: int = 20
    max_page_size: int = 100
    require_payment: bool = True

    @classmethod
    def from_env(cls) -> "Settings":
        """ORDERS_API_KEYS is `key:customer,key:customer`; ORDERS_PAYMENT_URL; ORDERS_REQUIRE_PAYMENT (0/1)."""
        keys = {}
        for pair in filter(None, os.environ.get("ORDERS_API_KEYS", "").split(",")):
            key, _, customer = pair.partition(":")
            if not customer:
                raise ValueError(f"ORDERS_API_KEYS: {pair!r} is not key:customer")
            keys[key.strip()] = customer.strip()
        return cls(
            api_keys=keys or {"dev-key": "dev"},
            payment_url=os.environ.get("ORDERS_PAYMENT_URL", DEFAULT_PAYMENT_URL),
            require_payment=os.environ.get("ORDERS_REQUIRE_PAYMENT", "1") != "0",
        )
