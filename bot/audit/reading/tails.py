"""Finding the product file that an import means when the tests use another root than the files are given under."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.audit.reading.program import ModuleInfo

_OTHERS = frozenset(
    {"pytest", "requests", "httpx", "aiohttp", "starlette", "fastapi", "pydantic", "redis", "websockets", "sqlalchemy"}
    | {"django", "flask", "jwt", "anyio", "trio", "uvicorn", "gunicorn", "celery", "kombu", "pika", "boto3", "botocore"}
    | {"google", "grpc", "openai", "anthropic", "numpy", "pandas", "hypothesis", "freezegun", "faker", "mock", "respx"}
    | {"pytest_asyncio", "responses", "fakeredis", "testcontainers", "structlog", "loguru", "tenacity", "click"}
    | {"typer", "attrs", "attr", "yaml", "jinja2", "werkzeug", "passlib", "cryptography", "asyncpg", "psycopg", "motor"}
    | {"psycopg2", "pymongo", "docker", "selenium", "playwright", "prometheus_client", "opentelemetry", "sentry_sdk"}
    | {"tornado", "twisted", "urllib3", "certifi", "dotenv", "socketio", "psutil", "rest_framework", "jose", "nats"}
)


def by_tail(
    modules: Iterable[ModuleInfo], name: str, wanted: tuple[str, ...], *, at_least: int = 1
) -> ModuleInfo | None:
    """The one file of `modules` whose path ends like a dotted name and that defines what is `wanted` from it.

    Where only the last part agrees, it must have all of `wanted`, and that may not be empty; else one is enough.
    Names of the standard library and of well-known packages lead to no file. `at_least` so many parts must agree.
    """
    parts = name.split(".")
    if parts[0] in sys.stdlib_module_names or parts[0] in _OTHERS:
        return None
    longest, found = 0, []
    for module in modules:
        own = [part for part in module.source.path.removesuffix(".py").split("/") if part != "__init__"]
        same = 0
        while same < min(len(own), len(parts)) and own[-1 - same] == parts[-1 - same]:
            same += 1
        if same > longest:
            longest, found = same, [module]
        elif same and same == longest:
            found.append(module)
    if len(found) != 1 or longest < at_least or found[0].imports(name):
        return None
    if not wanted:
        return found[0] if longest > 1 else None
    there = [item for item in wanted if item in found[0].bindings or found[0].open]
    enough = len(there) == len(wanted) if longest == 1 else bool(there)
    return found[0] if enough and any(item in found[0].defined for item in wanted) else None
