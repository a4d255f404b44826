from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.logs.redact import PLACEHOLDER, may_hold_secret, redact, redact_json

# Put together here, so that no file of the project looks as if it held a secret.
A36 = "aB3dE6gH9" * 4
B64 = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7" * 3
JWT = "ey" + "JhbGciOiJIUzI1NiJ9.ey" + "JzdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
PEM = f"-----BEGIN PRIVATE {'KEY'}-----\n{B64[:64]}\n{B64[64:128]}\n-----END PRIVATE {'KEY'}-----"

SECRETS = {
    "google key": ("AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6q", "GET /maps?key={}&v=3"),
    "google token": ("ya29." + "a0AfH6SMBx" * 4, "token {} refused"),
    "google client secret": ("GOCSPX-" + A36[:28], "client {}"),
    "github token": ("ghp_" + A36, "remote: {}"),
    "github server token": ("ghs_" + A36, "https://x-access-token:{}@github.com/o/r.git"),
    "github fine-grained": ("github_pat_" + "11ABCDEFG0" + "_" + A36 + A36, "using {}"),
    "anthropic": ("sk-ant-" + "api03-" + A36 + "-" + A36, "x-api-key: {}"),
    "openai": ("sk-proj-" + A36 + A36, "key={}"),
    "aws id": ("AKIA" + "IOSFODNN7EXAMPLE", "credentials {} expired"),
    "aws secret": ("wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY", "aws_secret_access_key = {}"),
    "slack": ("xoxb-" + "123456789012-1234567890123-" + A36[:24], "slack said no to {}"),
    "slack hook": ("hooks.slack.com/services/" + "T00000000/B00000000/" + A36[:24], "POST https://{} 404"),
    "stripe": ("sk_live_" + A36[:24], "charge with {} failed"),
    "gitlab": ("glpat-" + A36[:20], "{}"),
    "npm": ("npm_" + A36, "{}"),
    "jwt": (JWT, "Authorization: Bearer {}"),
    "jwt in json": (JWT, '{{"session": "{}"}}'),
    "pem": (PEM, "loaded {} from disk"),
    "pem escaped": (PEM.replace("\n", "\\n"), '"private_key": "{}"'),
    "postgres url": ("hunter2", "postgresql+asyncpg://svc:{}@db.internal:5432/orders"),
    "redis url": ("p%40ss/w0rd", "redis://default:{}@cache:6379/0"),
    "url with odd password": ("p@ss:w/rd", "mysql://root:{}@db/shop"),
    "basic url": ("s3cr3t", "fetch https://bob:{}@intranet.example/x"),
    "assignment": ("Tr0ub4dor", "DB_PASSWORD={}"),
    "word password": ("correcthorse", "password={}"),
    "yaml": ("Tr0ub4dor&3", "password: {}"),
    "json": ("correct-horse", '{{"user": "x", "password": "{}"}}'),
    "escaped json": ("correct-horse", '{{\\"password\\": \\"{}\\"}}'),
    "python dict": ("correct.horse", "{{'passwd': '{}'}}"),
    "json with a quote in it": ('pa\\"ss9word', '{{"password": "{}"}}'),
    "token assignment": ("9f8e7d6c5b4a39281706", "api_token={} rejected"),
    "session and a port": ("a1b2c3d4e5f6a7b8c9d0:80", "PHPSESSID={}"),
    "token and a port": ("a1b2c3d4e5f6a7b8c9d0:443", "reset_token: {} refused"),
    "password and a port": ("hunter2:443", "password={}"),
    "secret key": ("k8Jd7sHq2LmN4pQ6", "JWT_SECRET_KEY: {}"),
    "api key": ("k8Jd7sHq2LmN4pQ6", "?api_key={}&page=2"),
    "bearer": ("k8Jd7sHq2LmN4pQ6rS8t", "sent bearer {} to upstream"),
    "authorization": ("dXNlcjpwYXNzd29yZA==", "authorization: Basic {}"),
    "authorization header in dict": ("abc123def456", "{{'Authorization': 'Token {}'}}"),
    "cookie": ("sid=abcdef0123456789; theme=dark", "Cookie: {}"),
    "email": ("ada.lovelace+test@mail.example.co.uk", "no such user {}"),
    "service account": ("runner@harbour-dev.iam.gserviceaccount.com", "as {},"),
}

INNOCENT = [
    "commit 4f2a9c1e8b7d6053a1f2e3d4c5b6a79880912f3e is deployed",
    "9c50c5f",
    "550e8400-e29b-41d4-a716-446655440000",
    "No module named 'ferry.app.services.monitoring'",
    "projects/harbour-dev/traces/0123456789abcdef0123456789abcdef",
    "insertId 68c8b2370000d311b00894c1",
    "0069c7a9889167e651c6009fe821686b9d0b1329a77df32f05dfad13e0d32ed9c957054045",
    "2026-03-01T12:00:00.123456789Z",
    "ferry-00007-xyz",
    "python 3.11.9",
    "sha256:" + "ab" * 32,
    "token expired",
    "invalid token: expired",
    "password: required",
    "password must be at least 8 characters",
    "Missing bearer token",
    "Bearer authentication failed",
    "basic authentication is off",
    "secret: missing",
    "secret_name=projects/p/secrets/db",
    "max_tokens=4096",
    "token_count: 12345678",
    "PWD=/app/service",
    "git@github.com:acme/ferry.git",
    "logo@2x.png",
    "pip install thing@1.2.3.post1",
    "https://example.com:8443/users/@ada",
    "actions/checkout@v4.1.0",
    "user@localhost",
    "asyncpg://***@/db?host=/cloudsql/x",
    "Service Secret=REDACTED True",
    "password=None",
    'os.environ["API_KEY"]',
    "def f(token: str) -> None:",
    "task-skeleton-of-a-long-name-with-many-words-in-it",
    "KeyError: 'token'",
    "password=${DB_PASSWORD}",
    "lib/python3.11/site-packages/jwt/api_jwt.py",
    "redis://cache:6379/0",
    "http://127.0.0.1:8080/x",
    "a@b",
    "| ERROR | ferry.token:emit:650 | lost",
    "signature mismatch event=evt_1",
    "Signature has expired",
    'File "/app/auth/tokens.py", line 33, in verify',
    "Loaded JWT_SECRET_KEY from environment",
    "SECRET_KEY configured: True",
    "-----BEGIN PUBLIC KEY-----",
]


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_goes_and_leaves_its_stable_stand_in(name: str) -> None:
    secret, around = SECRETS[name]
    text = around.format(secret)
    clean = redact(text)
    assert secret not in clean
    assert PLACEHOLDER.search(clean)
    assert redact(clean) == clean
    assert may_hold_secret(text)
    head, tail = around.replace("{{", "{").replace("}}", "}").split("{}")
    assert clean.startswith(head.removesuffix("https://"))
    assert clean.endswith(tail.removeprefix(".git")) or name in {"cookie", "github server token"}


@pytest.mark.parametrize("text", INNOCENT)
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_a_secret_has_one_stand_in_and_another_secret_another() -> None:
    first, second = redact("from ada@example.org"), redact("from eve@example.org")
    assert first != second
    assert redact("to ada@example.org").split()[1] == first.split()[1]
    assert redact("Ada@Example.org") == first.split()[1]


def test_only_the_secret_goes() -> None:
    assert redact("postgres://svc:hunter2@db:5432/orders?x=1").startswith("postgres://svc:<password:")
    assert redact("postgres://svc:hunter2@db:5432/orders?x=1").endswith(">@db:5432/orders?x=1")
    assert redact("DB_PASSWORD=Tr0ub4dor; next=1").endswith("; next=1")


def test_a_cut_off_private_key_goes() -> None:
    begin = f"-----BEGIN RSA PRIVATE {'KEY'}-----\n"
    clean = redact(f"key {begin}{B64[:64]}\n{B64[64:100]}\nand then words follow")
    assert B64[:30] not in clean
    assert B64[64:90] not in clean
    assert clean.endswith("and then words follow")


def test_json_is_walked_and_telling_keys_are_believed() -> None:
    clean = redact_json(
        {
            "password": "abc",
            "apiKey": "plain",
            "db": {"client_secret": "xyz", "port": 5432},
            "pin": {"secret": 123456},
            "to": ["ada@example.org", 5, None, True],
            "token": None,
            "count": 7,
            "ada@example.org": 1,
            "token_count": 12,
            "access_token": "REDACTED",
        }
    )
    assert isinstance(clean, dict)
    text = str(clean)
    for secret in ("abc", "plain", "xyz", "ada@", "123456"):
        assert secret not in text
    assert clean["db"] == {"client_secret": clean["db"]["client_secret"], "port": 5432}  # type: ignore[index,call-overload]
    assert clean["count"] == 7
    assert clean["token_count"] == 12
    assert clean["token"] is None
    assert clean["access_token"] == "REDACTED"
    assert redact_json(clean) == clean


def test_json_nested_too_deeply_does_no_harm() -> None:
    value: object = "ada@example.org"
    for _ in range(500):
        value = [value]
    assert "ada@" not in str(redact_json(value))  # type: ignore[arg-type]


PIECES = st.sampled_from(
    [
        "password",
        "=",
        ":",
        '"',
        "'",
        "\\",
        " ",
        "\n",
        "@",
        "://",
        "a",
        "B9",
        "token",
        "eyJ",
        ".",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "Bearer ",
        "ada@example.org",
        "<email:3f2a>",
        "<",
        ">",
        ";",
        "postgres",
        "cookie: ",
        "secret",
        "sk-ant-",
        "x" * 20,
        "authorization",
        "/",
        "é",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=25).map("".join))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    clean = redact(text)
    assert redact(clean) == clean


@settings(max_examples=120, deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_it_and_the_quick_check_is_sound(text: str) -> None:
    clean = redact(text)
    assert redact(clean) == clean
    assert may_hold_secret(text) or clean == text


@pytest.mark.parametrize(
    "piece",
    [
        "eyJ",
        "eyJa.",
        "-eyJ",
        "a",
        "a.",
        "a@",
        "@a.",
        "://",
        "://a:",
        "password=",
        "password",
        "token:",
        "\\",
        '"',
        "bearer ",
        "-----BEGIN PRIVATE KEY-----",
        "A" * 17 + "\n",
        "cookie: ",
        "sk-",
        "sk-a",
        "AKIA",
        "authorization: ",
        "postgres://a:",
        "secret'",
        "a-b_c.",
        "xox",
        'api_key"',
        "://a:b",
        "postgres+a+",
        "key",
        "passwords[",
        "1//0",
        "SG.",
    ],
)
def test_a_megabyte_of_anything_takes_linear_time(piece: str) -> None:
    def seconds(size: int) -> float:
        text = (piece * (size // len(piece) + 1))[:size]
        began = time.process_time()
        redact(text)
        return time.process_time() - began

    small = min(seconds(50_000) for _ in range(2))
    assert seconds(400_000) < max(small, 0.02) * 8 * 4


def test_a_card_number_is_found_behind_another_number() -> None:
    card = " ".join(("4539", "1488", "0343", "6467"))
    assert redact(f"order 6379 {card} paid") == f"order 6379 {redact(card)} paid"
    assert card not in redact(card)
