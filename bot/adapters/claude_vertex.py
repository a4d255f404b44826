"""Claude on Google Cloud's Vertex AI, with the credentials that read the logs: no key."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bot.adapters.claude_address import address_in, address_of, region_in
from bot.adapters.claude_errors import Advice
from bot.adapters.claude_model import ClaudeModel, Provider
from bot.adapters.gcp_errors import LOGIN, credentials_failed
from bot.adapters.surroundings import Surroundings
from bot.domain.errors import BotError, ConfigProblem, Unreachable
from bot.domain.model_names import project_name

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_TOKEN_DEADLINE_S = 20.0


def open_model(rest: str, surroundings: Surroundings) -> ClaudeModel:
    """The Claude model with Vertex AI's id `rest` (`claude-opus-5-5`, `claude-haiku-4-5@20251001`).

    Project and region come from `[model.vertex]`, else from ANTHROPIC_VERTEX_PROJECT_ID and CLOUD_ML_REGION, and the
    project at last from where the credentials come. Structured output is offered here, if the organisation's policy
    does not forbid it. Raises ConfigProblem without credentials, project, region or a known price, or where one of
    them cannot be.
    """
    import anthropic
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import Request

    from bot.adapters.claude_http import bounded_client

    config = surroundings.config.model.model_copy(update={"name": f"vertex:{rest}"})
    address = address_in(surroundings.environ, "ANTHROPIC_VERTEX_BASE_URL")
    setting = "`region` under [model.vertex] in bot.toml" if config.vertex.region else "CLOUD_ML_REGION"
    region = region_in(config.vertex.region or surroundings.environ.get("CLOUD_ML_REGION", "").strip(), setting)
    if not region:
        raise ConfigProblem(
            "It is not said in which region of Vertex AI Claude is to be asked.",
            'Set `region = "global"`, or another region, under [model.vertex] in bot.toml, or CLOUD_ML_REGION.',
        )
    named = config.vertex.project or _project(surroundings.environ)
    credentials, found = _credentials()
    project = named or found
    if not project:
        raise ConfigProblem(
            "It is not said in which project of Google Cloud Claude is to be asked.",
            "Set `project` under [model.vertex] in bot.toml, or ANTHROPIC_VERTEX_PROJECT_ID.",
        )
    request = Request()

    def ready(left: float) -> None:
        if not credentials.valid:
            seconds = min(left, _TOKEN_DEADLINE_S)
            credentials.refresh(  # type: ignore[no-untyped-call]
                lambda *args, **kwargs: request(*args, **{**kwargs, "timeout": seconds}),
            )

    def blame(error: Exception) -> BotError | None:
        return _blamed(error) if isinstance(error, GoogleAuthError) else None

    http, bounds = bounded_client(surroundings.clock)
    client = anthropic.AnthropicVertex(
        region=region, project_id=project, credentials=credentials, max_retries=0, timeout=config.timeout_seconds,
        http_client=http,
    )
    return ClaudeModel(config, surroundings.clock, Provider(
        model=rest, client=client, http=http, bounds=bounds, blame=blame, ready=ready,
        advice=Advice(
            title="Vertex AI",
            key=f"Give the account roles/aiplatform.user in the project {project}, and enable the Vertex AI API there. "
                f"{LOGIN}",
            model=f"Enable the model in the Model Garden of {project}, and check that it is offered in {region}; or "
                  "name another with --model vertex:MODEL.",
            address=address or address_of(str(client.base_url), setting),
            request="If it says that a feature is not allowed, let the organisation's policy constraint "
                    "vertexai.allowedPartnerModelFeatures allow structured outputs.",
        ),
    ))


def _project(environ: Mapping[str, str]) -> str:
    variable = "ANTHROPIC_VERTEX_PROJECT_ID"
    try:
        return project_name(environ.get(variable, "").strip())
    except ValueError as error:
        raise ConfigProblem(f"{variable} is wrong: {error}.", "Set it to the project's id, or unset it.") from error


def _credentials() -> tuple[Credentials, str]:
    """The application default credentials, not yet asked for a token, and the project that they name."""
    import warnings

    import google.auth
    from google.auth.exceptions import GoogleAuthError

    log = logging.getLogger("google.auth._default")
    # It complains of a project that it does not find, which may be named elsewhere; if it is not, that is said here.
    log.addFilter(_nothing)
    try:
        with warnings.catch_warnings():
            # A user's own login serves: the warning about its quota is for those who run services with it.
            warnings.simplefilter("ignore", UserWarning)
            # No scopes here: with them, federated credentials ask another API, which may be off, for a project's name.
            found, project = google.auth.default()
    except GoogleAuthError as error:
        raise _blamed(error) from error
    finally:
        log.removeFilter(_nothing)
    scoped: Credentials = google.auth.credentials.with_scopes_if_required(  # type: ignore[no-untyped-call]
        found, list(_SCOPES),
    )
    return scoped, project or ""


def _nothing(record: logging.LogRecord) -> bool:
    return False


def _blamed(error: Exception) -> BotError:
    """What failing credentials mean, in the words that reading the logs uses for them."""
    from google.auth.exceptions import TransportError

    problem = credentials_failed(error)
    if isinstance(error, TransportError) or problem.remedy.startswith("Check the network"):
        return Unreachable(problem.what, problem.remedy)
    return ConfigProblem(problem.what, problem.remedy)
