"""Claude through Anthropic's own API."""

from __future__ import annotations

from bot.adapters.claude_errors import Advice, short
from bot.adapters.claude_model import ClaudeModel, Provider
from bot.adapters.surroundings import Surroundings
from bot.domain.errors import BotError, ConfigProblem


def open_model(rest: str, surroundings: Surroundings) -> ClaudeModel:
    """The Claude model with the id `rest`.

    Key and address come from the environment, as the SDK reads them (`ANTHROPIC_API_KEY`, `ANTHROPIC_BASE_URL`).
    Raises ConfigProblem without a key or a known price.
    """
    import anthropic

    from bot.adapters.claude_http import bounded_client

    config = surroundings.config.model.model_copy(update={"name": rest})
    http, bounds = bounded_client(surroundings.clock)
    try:
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
            model="Name another model in [model] name or with --model.", address="Check ANTHROPIC_BASE_URL",
        ),
    ))


def _bad_key(error: Exception, what: str, remedy: str) -> ConfigProblem:
    return ConfigProblem(f"The credentials for Claude {what}: {short(str(error))}.", remedy)
