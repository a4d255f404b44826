"""Claude on Amazon Bedrock, with the credentials that boto3 finds. Needs `pip install 'whybot[bedrock]'`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.adapters.claude_address import address_in, address_of, region_in
from bot.adapters.claude_errors import Advice, short
from bot.adapters.claude_model import ClaudeModel, Provider
from bot.adapters.surroundings import Surroundings
from bot.domain.errors import BotError, ConfigProblem, Unreachable

_LOGIN = "Log in with `aws sso login`, set AWS_PROFILE, or give the job a role."
_VERSIONED = re.compile(r"-v\d+(?::\d+)?$")
_OLD_VERSION = "bedrock-2023-05-31"


def open_model(rest: str, surroundings: Surroundings) -> ClaudeModel:
    """The Claude model with Bedrock's id `rest`, as a rule an inference profile (`global.anthropic.claude-opus-5-5`).

    It is asked at `bedrock-runtime` (InvokeModelWithResponseStream), which AWS recommends and which knows inference
    profiles; structured output is offered there as `output_config.format`. The region comes from `[model.bedrock]`,
    else from AWS_REGION, AWS_DEFAULT_REGION or the AWS profile. Models whose id ends with a version (`…-v1:0`) know
    the API's first version only, so that is asked for (platform.claude.com, "Claude on Amazon Bedrock").
    Raises ConfigProblem without boto3, credentials, region or a known price, or where one of them cannot be.
    """
    import anthropic

    boto3, botocore = _sdk()
    from bot.adapters.claude_http import bounded_client

    config = surroundings.config.model.model_copy(update={"name": f"bedrock:{rest}"})
    address = address_in(surroundings.environ, "ANTHROPIC_BEDROCK_BASE_URL")
    key = surroundings.environ.get("AWS_BEARER_TOKEN_BEDROCK", "").strip()
    try:
        session = boto3.Session(region_name=config.bedrock.region or None)
        region, setting = _region(config.bedrock.region, surroundings.environ, session.region_name or "")
        credentials = None if key else session.get_credentials()
    except botocore.BotoCoreError as error:
        raise _blamed(error, botocore) from error
    if not region:
        raise ConfigProblem(
            "It is not said in which region of AWS Claude is to be asked.",
            "Set `region` under [model.bedrock] in bot.toml, or AWS_REGION.",
        )
    if not key and credentials is None:
        raise ConfigProblem("There are no AWS credentials for Claude on Bedrock.", _LOGIN)

    def blame(error: Exception) -> BotError | None:
        # The SDK says with a RuntimeError that the credentials are gone.
        return _blamed(error, botocore) if isinstance(error, botocore.BotoCoreError | RuntimeError) else None

    http, bounds = bounded_client(surroundings.clock)
    client = anthropic.AnthropicBedrock(
        aws_region=region, max_retries=0, timeout=config.timeout_seconds, http_client=http,
    )
    return ClaudeModel(config, surroundings.clock, Provider(
        model=rest, client=client, http=http, bounds=bounds, blame=blame,
        body=(("anthropic_version", _OLD_VERSION),) if _VERSIONED.search(rest) else (),
        advice=Advice(
            title="Amazon Bedrock",
            key="Give the account the permission bedrock:InvokeModelWithResponseStream for this model, and request "
                f"access to it in the Bedrock console. {_LOGIN}",
            model=f"Check that the model, or its inference profile, is offered in {region}; or name another with "
                  "--model bedrock:MODEL.",
            address=address or address_of(str(client.base_url), setting),
            request="If it says that on-demand throughput is not supported, name the inference profile of the model, "
                    "as global.anthropic.….",
        ),
    ))


def _region(configured: str, environ: Mapping[str, str], found: str) -> tuple[str, str]:
    """The region, and the setting that it comes from."""
    if configured:
        return configured, "`region` under [model.bedrock] in bot.toml"
    variable = environ.get("AWS_REGION", "").strip()
    setting = "AWS_REGION" if variable else "the region of the AWS profile or of AWS_DEFAULT_REGION"
    return region_in(variable or found, setting), setting


def _sdk() -> tuple[Any, Any]:
    """boto3, and botocore's errors. They are an extra, so they may be missing."""
    try:
        import boto3  # type: ignore[import-untyped]
        from botocore import exceptions  # type: ignore[import-untyped]
    except ImportError as error:
        raise ConfigProblem(
            "Claude on Amazon Bedrock needs boto3, which is not installed.", "Run `pip install 'whybot[bedrock]'`.",
        ) from error
    return boto3, exceptions


def _blamed(error: Exception, botocore: Any) -> BotError:
    if isinstance(error, botocore.HTTPClientError):
        return Unreachable(
            f"AWS could not be reached for credentials ({short(str(error))}).",
            "Check the network and the proxy settings, then try again.",
        )
    return ConfigProblem(f"The AWS credentials cannot be used: {short(str(error))}.", _LOGIN)
