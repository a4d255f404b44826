"""Claude through Anthropic's own API."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from bot.adapters.claude_address import Address, address_in, address_of
from bot.adapters.claude_errors import Advice, short
from bot.adapters.claude_model import ClaudeModel, Provider
from bot.adapters.surroundings import Surroundings
from bot.domain.errors import BotError, ConfigProblem

_ADDRESS = "ANTHROPIC_BASE_URL"
_API = "api.anthropic.com"


def open_model(rest: str, surroundings: Surroundings) -> ClaudeModel:
    """The Claude model with the id `rest`.

    Key and address come from the environment, as the SDK reads them (`ANTHROPIC_API_KEY`, `ANTHROPIC_BASE_URL`).
    Raises ConfigProblem without a key or a known price, or for an address that is none.
    """
    import anthropic

    from bot.adapters.claude_http import bounded_client

    config = surroundings.config.model.model_copy(update={"name": rest})
    address = address_in(surroundings.environ, _ADDRESS)
    http, bounds = bounded_client(surroundings.clock)
    try:
        with _without_precedence():
            # The SDK's own retries follow `retry-after` however long it is, so they are off.
            client = anthropic.Anthropic(max_retries=0, timeout=config.timeout_seconds, http_client=http)
    except anthropic.AnthropicError as error:
        raise _bad_key(error, "cannot be read", "Set ANTHROPIC_API_KEY, or put that configuration right.") from error
    if client.api_key is None and client.auth_token is None and client.credentials is None:
        raise ConfigProblem(
            f"There is no key for Claude, so the model {rest} cannot be asked.",
            "Set the environment variable ANTHROPIC_API_KEY, or use --model script:DIR.",
        )

    def blame(error: Exception) -> BotError | None:
        if isinstance(error, anthropic.AnthropicError):
            return _bad_key(error, "were not accepted", "Set ANTHROPIC_API_KEY to a valid key.")
        return None

    return ClaudeModel(config, surroundings.clock, Provider(
        model=rest, client=client, http=http, bounds=bounds, blame=blame,
        advice=Advice(
            title="The Messages API", key="Set ANTHROPIC_API_KEY to a key that may use this model.",
            model="Name another model in [model] name or with --model.",
            address=address or _own_address(str(client.base_url)),
        ),
    ))


def _own_address(url: str) -> Address:
    """The API's own address, or the one that a profile of the SDK says."""
    found = address_of(url, "the address in the SDK's profile")
    return Address(found.host) if found.host == _API else found


@contextmanager
def _without_precedence() -> Iterator[None]:
    """Keep off the terminal that the key in the environment goes before a profile: so it is documented."""
    log = logging.getLogger("anthropic.lib.credentials._auth")
    log.addFilter(_is_worth_saying)
    try:
        yield
    finally:
        log.removeFilter(_is_worth_saying)


def _is_worth_saying(record: logging.LogRecord) -> bool:
    return "takes precedence over the SDK's profile" not in str(record.msg)


def _bad_key(error: Exception, what: str, remedy: str) -> ConfigProblem:
    return ConfigProblem(f"The credentials for Claude {what}: {short(str(error))}.", remedy)
