"""Made-up secrets in the formats of their vendors, what they stand in, and what only looks like one.

Every secret is put together when the tests run, from a prefix and characters of a seeded generator, so that no file
of the project holds a text that reads like a secret. The formats follow the vendors' documentation.
"""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable, Mapping
from random import Random
from typing import NamedTuple
from urllib.parse import quote

UPPER = string.ascii_uppercase
LOWER = string.ascii_lowercase
HEX = "0123456789abcdef"
ALNUM = string.ascii_letters + string.digits
WORD = ALNUM + "_-"
BASE64 = ALNUM + "+/"


class Secret(NamedTuple):
    """A secret, the name that it is given to where its own shape does not tell it, and the parts that must go.

    `is_phrase` marks a piece of text that holds a secret, such as a header, rather than a secret alone.
    """

    name: str
    value: str
    key: str = ""
    parts: tuple[str, ...] = ()
    is_phrase: bool = False

    @property
    def gone(self) -> tuple[str, ...]:
        """What must not be left."""
        return self.parts or (self.value,)


def chars(seed: str, count: int, alphabet: str = ALNUM) -> str:
    """Random characters with letters and digits among them, the same for the same seed."""
    random = Random(seed)
    while True:
        text = "".join(random.choice(alphabet) for _ in range(count))
        letters, digits = sum(map(str.isalpha, text)), sum(map(str.isdigit, text))
        if (not letters or letters > 2) and (digits > 2 or not set(alphabet) & set(string.digits) or count < 8):
            mixed = not {"a", "A"} <= set(alphabet) or text not in {text.lower(), text.upper()}
            if mixed and text[0].isalnum() and text[-1].isalnum():
                return text


def _url64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def jwt(seed: str, algorithm: str = "RS256") -> str:
    """A JSON Web Token."""
    claims = {"sub": chars(seed, 12), "iat": 1700000000, "aud": "harbour"}
    return f"{_url64({'alg': algorithm, 'typ': 'JWT'})}.{_url64(claims)}.{chars(seed + 's', 43, WORD)}"


def pem(kind: str, lines: int = 6) -> str:
    """A private key as OpenSSL and OpenSSH write it, of any length."""
    body = "\n".join(chars(f"{kind}{line}", 64, BASE64) for line in range(lines))
    dashes = "-" * 5
    return f"{dashes}BEGIN {kind}{dashes}\n{body}\n{chars(kind, 22, BASE64)}==\n{dashes}END {kind}{dashes}\n"


def card(prefix: str, length: int) -> str:
    """A card number with a right check digit."""
    digits = prefix + chars(prefix, length - len(prefix) - 1, string.digits)
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 - place % 2)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


def _part(name: str, value: str, part: str, key: str = "") -> Secret:
    return Secret(name, value, key, (part,))


def _phrase(name: str, text: str, *parts: str) -> Secret:
    return Secret(name, text.format(*parts), parts=parts, is_phrase=True)


def _pem(name: str, kind: str) -> Secret:
    text = pem(kind)
    return Secret(name, text, parts=tuple(line for line in text.split("\n") if line and not line.startswith("-")))


P12 = chars("p12", 12)
P20 = chars("p20", 20)
P32 = chars("p32", 32)
ODD = "Tr0ub" + "&4dor;9x"
PATHY = "p@ss:w/" + "rd42"
S3 = chars("s3", 24)
PRIVATE = "PRIVATE " + "KEY"
SIGNED = chars("goog-signature", 256, HEX)
ACCOUNT = {
    "type": "service_account", "project_id": "harbour-dev", "private_key_id": chars("kid", 40, HEX),
    "private_key": pem(PRIVATE), "client_email": "runner@" + "harbour-dev.iam.gserviceaccount.com",
}

SECRETS: tuple[Secret, ...] = (
    # GitHub, GitLab, Bitbucket
    *(Secret(f"github {kind}", f"gh{kind}_" + chars(f"gh{kind}", 36)) for kind in "pousr"),
    Secret("github fine-grained", "github_" + "pat_" + chars("gfp", 22) + "_" + chars("gfp2", 59)),
    Secret("github app with jwt", "ghs_" + "123456_" + jwt("ghs")),
    Secret("gitlab personal", "glpat" + "-" + chars("gl", 20, WORD)),
    Secret("gitlab runner", "glrt" + "-" + chars("glr", 20, WORD)),
    Secret("gitlab deploy", "gldt" + "-" + chars("gld", 20, WORD)),
    Secret("atlassian", "ATATT" + "3xFfGF0" + chars("ata", 170, WORD) + "=" + chars("atac", 8, "0123456789ABCDEF")),
    # Google
    Secret("google api key", "AIza" + "Sy" + chars("gak", 33, WORD)),
    _part("google access token", "ya29" + ".a0" + chars("gat", 160, WORD), chars("gat", 160, WORD)),
    _part("google refresh token", "1/" + "/0g" + chars("grt", 60, WORD), chars("grt", 60, WORD)),
    Secret("google client secret", "GOCSPX" + "-" + chars("gcs", 28, WORD)),
    Secret("google service account", json.dumps(ACCOUNT), parts=tuple(
        line for line in str(ACCOUNT["private_key"]).split("\n") if line and not line.startswith("-")
    ), is_phrase=True),
    _phrase("google signed url", "https://storage.googleapis.com/b/o?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Expires=900"
            "&X-Goog-Signature={}", SIGNED),
    # Models
    Secret("anthropic", "sk-" + "ant-api03-" + chars("ant", 93, WORD) + "AA"),
    Secret("anthropic oauth", "sk-" + "ant-oat01-" + chars("anto", 95, WORD)),
    Secret("openai", "sk-" + chars("oai", 20) + "T3Blbk" + "FJ" + chars("oai2", 20)),
    Secret("openai project", "sk-" + "proj-" + chars("oaip", 124, WORD)),
    Secret("openrouter", "sk-" + "or-v1-" + chars("or", 64, HEX)),
    Secret("hugging face", "hf" + "_" + chars("hf", 34, string.ascii_letters + "0123456789")),
    Secret("groq", "gsk" + "_" + chars("groq", 52)),
    Secret("replicate", "r8" + "_" + chars("rep", 37)),
    # AWS
    Secret("aws key id", "AK" + "IA" + chars("akia", 16, UPPER + "234567")),
    Secret("aws temporary key id", "AS" + "IA" + chars("asia", 16, UPPER + "234567")),
    Secret("aws secret key", chars("awss", 40, BASE64), "aws_secret_access_key"),
    Secret("aws session token", "IQoJb3JpZ2lu" + chars("awst", 700, BASE64) + "==", "aws_session_token"),
    _phrase("aws presigned url", "https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={}",
            chars("amz", 64, HEX)),
    # Azure
    _phrase("azure storage", "DefaultEndpointsProtocol=https;AccountName=harbour;AccountKey={};"
            "EndpointSuffix=core.windows.net", chars("azs", 86, BASE64) + "=="),
    _phrase("azure sas",
            "https://harbour.blob.core.windows.net/c/b?sv=2024-11-04&sp=r&se=2026-03-01T12%3A00%3A00Z&sig={}",
            quote(chars("sas", 43, BASE64) + "=", safe="")),
    Secret("azure client secret", chars("azc", 3, LOWER) + "8Q~" + chars("azc2", 34, ALNUM + "_.~-"),
           "AZURE_CLIENT_SECRET"),
    _phrase("azure service bus", "Endpoint=sb://harbour.servicebus.windows.net/;SharedAccessKeyName=Root;"
            "SharedAccessKey={}", chars("sb", 43, BASE64) + "="),
    # Chat
    Secret("slack bot", "xoxb" + "-" + "123456789012-1234567890123-" + chars("xoxb", 24)),
    Secret("slack user", "xoxp" + "-" + "123456789012-123456789012-1234567890123-" + chars("xoxp", 32, HEX)),
    Secret("slack app", "xapp" + "-1-A01234567-1234567890123-" + chars("xapp", 64, HEX)),
    _part("slack webhook", "https://hooks.slack" + ".com/services/T01234567/B01234567/" + S3, S3),
    Secret("discord bot", "MTE" + chars("dc1", 21, ALNUM) + "." + chars("dc2", 6) + "." + chars("dc3", 38, WORD)),
    _part("discord webhook", "https://discord.com/api/webhooks/" + "112233445566778899/" + chars("dw", 68, WORD),
          chars("dw", 68, WORD)),
    _part("telegram bot", "1234567890:" + "AA" + chars("tg", 33, WORD), chars("tg", 33, WORD)),
    # Money
    Secret("stripe live", "sk" + "_live_" + chars("str", 24)),
    Secret("stripe restricted", "rk" + "_live_" + chars("strr", 99)),
    Secret("stripe webhook", "whsec" + "_" + chars("whs", 32)),
    Secret("square", "sq0" + "atp-" + chars("sq", 22, WORD)),
    Secret("shopify", "shp" + "at_" + chars("shp", 32, HEX)),
    # Mail and telephones
    _part("sendgrid", "SG" + "." + chars("sg", 22, WORD) + "." + chars("sg2", 43, WORD), chars("sg2", 43, WORD)),
    Secret("twilio key", "SK" + chars("twi", 32, HEX)),
    Secret("twilio auth token", chars("twia", 32, HEX), "TWILIO_AUTH_TOKEN"),
    Secret("mailgun", "key" + "-" + chars("mg", 32, HEX)),
    Secret("mailchimp", chars("mc", 32, HEX) + "-us" + "14"),
    # Packages and platforms
    Secret("npm", "npm" + "_" + chars("npm", 36)),
    Secret("npmrc", "npm" + "_" + chars("npmrc", 36), "//registry.npmjs.org/:_authToken"),
    Secret("pypi", "pypi" + "-AgEIcHlwaS5vcmc" + chars("pypi", 150, WORD)),
    Secret("rubygems", "rubygems" + "_" + chars("rg", 48, HEX)),
    Secret("docker hub", "dckr" + "_pat_" + chars("dck", 27, WORD)),
    Secret("heroku", "HRKU" + "-AA" + chars("hrku", 58, WORD)),
    Secret("heroku uuid", "01234567-89ab-" + "4def-8123-" + chars("hk", 12, HEX), "HEROKU_API_KEY"),
    Secret("digitalocean", "dop" + "_v1_" + chars("do", 64, HEX)),
    Secret("databricks", "dapi" + chars("dapi", 32, HEX)),
    _part("vault", "hvs" + "." + chars("hvs", 90, WORD), chars("hvs", 90, WORD)),
    _part("doppler", "dp" + ".pt." + chars("dp", 43), chars("dp", 43)),
    _part("terraform", chars("tf0", 14) + ".atlas" + "v1." + chars("tf", 67, WORD), chars("tf", 67, WORD)),
    Secret("planetscale", "pscale" + "_tkn_" + chars("ps", 43, WORD)),
    Secret("supabase", "sbp" + "_" + chars("sbp", 40, HEX)),
    Secret("linear", "lin" + "_api_" + chars("lin", 40)),
    Secret("notion", "ntn" + "_" + chars("ntn", 46)),
    Secret("figma", "figd" + "_" + chars("fig", 40, WORD)),
    Secret("postman", "PMAK" + "-" + chars("pm1", 24, HEX) + "-" + chars("pm2", 34, HEX)),
    Secret("airtable", "pat" + chars("at1", 14) + "." + chars("at2", 64, HEX)),
    Secret("tailscale", "tskey" + "-auth-" + chars("ts", 17) + "-" + chars("ts2", 32)),
    # Monitoring
    Secret("datadog api key", chars("dd", 32, HEX), "DD_API_KEY"),
    Secret("datadog application key", chars("ddapp", 40, HEX), "dd-application-key"),
    Secret("new relic", "NRAK" + "-" + chars("nr", 27, UPPER + string.digits)),
    Secret("new relic licence", chars("nrl", 36, HEX) + "NRAL", "NEW_RELIC_LICENSE_KEY"),
    _part("sentry dsn", "https://" + chars("dsn", 32, HEX) + "@o4501.ingest.sentry.io/4502", chars("dsn", 32, HEX)),
    Secret("sentry token", "sntrys" + "_eyJpYXQiOjE3MDAwMDAwMDB9_" + chars("sntry", 43)),
    Secret("grafana", "glsa" + "_" + chars("glsa", 32) + "_" + chars("glsa2", 8, HEX)),
    # Others, and one that nobody knows
    Secret("adobe", "p8e" + "-" + chars("p8e", 32, LOWER + string.digits)),
    Secret("brevo", "xkeysib" + "-" + chars("xk", 64, HEX) + "-" + chars("xk2", 16)),
    Secret("pulumi", "pul" + "-" + chars("pul", 40, HEX)),
    Secret("prefect", "pnu" + "_" + chars("pnu", 36)),
    Secret("octopus", "API" + "-" + chars("oct", 26, UPPER + string.digits)),
    Secret("shippo", "shippo" + "_live_" + chars("shippo", 40, HEX)),
    Secret("easypost", "EZ" + "AK" + chars("ez", 54)),
    _part("bedrock", "AB" + "SK" + chars("absk", 128, BASE64) + "==", chars("absk", 128, BASE64)),
    _part("openshift", "sha256" + "~" + chars("oc", 43, WORD), chars("oc", 43, WORD)),
    _part("dynatrace", "dt0c01" + "." + chars("dt", 24, UPPER + string.digits) + "." + chars("dt2", 64),
          chars("dt2", 64)),
    Secret("maxmind", chars("mm", 6) + "_" + chars("mm2", 29) + "_mmk"),
    Secret("unknown vendor", "harbourcloud_" + chars("unknown", 44)),
    # Tokens and keys of no vendor
    Secret("jwt", jwt("jwt")),
    Secret("jwt hs256", jwt("jwt2", "HS256")),
    _pem("pkcs8 key", PRIVATE),
    _pem("rsa key", "RSA " + PRIVATE),
    _pem("ec key", "EC " + PRIVATE),
    _pem("openssh key", "OPENSSH " + PRIVATE),
    _pem("encrypted key", "ENCRYPTED " + PRIVATE),
    _pem("pgp key", "PGP " + PRIVATE + " BLOCK"),
    Secret("age key", "AGE-SECRET" + "-KEY-1" + chars("age", 58, UPPER + "023456789")),
    # URLs
    _phrase("postgres url", "postgresql+asyncpg://svc:{}@db.internal:5432/orders", P12),
    _phrase("postgres url with signs", "postgres://svc:{}@db.internal/orders", PATHY),
    _phrase("mysql url", "mysql+pymysql://root:{}@db/shop", P20),
    _phrase("redis url", "rediss://:{}@cache.internal:6379/0", P32),
    _phrase("mongodb url", "mongodb+srv://svc:{}@cluster0.example.mongodb.net/app?retryWrites=true", P20),
    _phrase("amqp url", "amqps://svc:{}@queue.internal/vhost", P12),
    _phrase("basic url", "https://bob:{}@intranet.example/x", P12),
    _phrase("token url", "https://x-access-token:{}@github.com/acme/harbour.git", "ghs_" + chars("tu", 36)),
    # Headers
    _phrase("bearer header", "Authorization: Bearer {}", P32),
    _phrase("basic header", "authorization: Basic {}", base64.b64encode(b"bob:" + P12.encode()).decode()),
    _phrase("token header", "Authorization: Token {}", chars("th", 40, HEX)),
    _phrase("api key header", "X-Api-Key: {}", P32),
    _phrase("cookie header", "Cookie: sid={}; csrf={}", chars("ck", 26), chars("ck2", 32)),
    _phrase("set-cookie header", "Set-Cookie: session={}; Path=/; HttpOnly", chars("sck", 40)),
    _phrase("header pairs", "[(b'host', b'x'), (b'authorization', b'Bearer {}')]", P32),
    _phrase("php session", "PHPSESSID={}", chars("php", 26, LOWER + string.digits)),
    _phrase("java session", "JSESSIONID={}.node1", chars("jss", 32, "0123456789ABCDEF")),
    # Names and values
    Secret("assigned password", P12, "DB_PASSWORD"),
    Secret("password of letters", "correct" + "horse" + "battery", "password"),
    Secret("password with signs", ODD, "password"),
    Secret("short password", "q7" + "Zx", "pwd"),
    Secret("client secret", chars("cs", 40), "client_secret"),
    Secret("django key", chars("dj", 50, ALNUM + "!$%*-_+^"), "SECRET_KEY"),
    Secret("signing key", P32, "JWT_SIGNING_KEY"),
    Secret("refresh token", chars("rt", 43, WORD), "refresh_token"),
    Secret("webhook secret", chars("wh", 40, HEX), "WEBHOOK_SECRET"),
    _phrase("yaml", "database:\n  user: svc\n  password: {}\n  port: 5432", P12),
    _phrase("dict repr", "{{'user': 'svc', 'passwd': '{}'}}", P12),
    _phrase("environment", "environ({{'HOME': '/root', 'DB_PASSWORD': '{}', 'PORT': '8080'}})", P12),
    _phrase("dataclass repr", "Settings(host='db', password='{}', port=5432)", P12),
    _phrase("annotated default", "def connect(password: str = '{}') -> None:", P12),
    _phrase("secret type", "Settings(password=SecretStr('{}'))", P12),
    _phrase("command line", "mysqldump --host db --password {} shop", P12),
    _phrase("command line with sign", "deploy --api-key={} --dry-run", P32),
    _phrase("argument list", "['deploy', '--token', '{}', '--dry-run']", P32),
    _phrase("dotenv", "PORT=8080\nAPI_KEY={}\nDEBUG=1", P32),
    _phrase("xml", "<login><user>svc</user><password>{}</password></login>", P12),
    _phrase("sentence", "the token is {} and it was refused", P32),
    _phrase("query", "/login?user=svc&password={}&next=/home", P12),
    _phrase("docker auth", '{{"auths": {{"registry.example": {{"auth": "{}"}}}}}}',
            base64.b64encode(P20.encode()).decode()),
    # People, machines, cards
    Secret("email", "ada.lovelace+test" + "@" + "mail.first-mate.co.uk"),
    Secret("service account", "runner" + "@" + "harbour-dev.iam.gserviceaccount.com"),
    Secret("ipv4", ".".join(("203", "0", "113", "97"))),
    Secret("private ipv4", ".".join(("10", "128", "14", "23"))),
    Secret("ipv6", "2001:db8" + ":85a3::8a2e:370:7334"),
    Secret("long ipv6", "2a00:1450" + ":4001:0828:0000:0000:0000:200e"),
    Secret("local ipv6", "fd12:3456" + ":789a:1::1"),
    Secret("visa", card("4539", 16)),
    Secret("mastercard", card("5425", 16)),
    Secret("mastercard of series 2", card("2223", 16)),
    Secret("american express", card("3782", 15)),
    Secret("discover", card("6011", 16)),
    Secret("card with spaces", " ".join(card("4716", 16)[place : place + 4] for place in range(0, 16, 4))),
    Secret("card with dashes", "-".join(card("5105", 16)[place : place + 4] for place in range(0, 16, 4))),
)


def plain(secret: Secret) -> str:
    """A sentence of a log."""
    return f"retrying with {f'{secret.key}=' if secret.key else ''}{secret.value} after 3 attempts"


def json_text(secret: Secret) -> str:
    """A JSON document as text."""
    return json.dumps({"event": "call failed", "args": {secret.key or "note": secret.value}, "attempt": 3})


def json_in_json(secret: Secret) -> str:
    """A JSON document in a text of another."""
    return json.dumps({"message": f"request body: {json_text(secret)}"})


def source_line(secret: Secret) -> str:
    """A traceback whose source line holds it."""
    name = secret.key if secret.key.isidentifier() else "value"
    line = f"client = Client({name}={secret.value!r}, retries=3)"
    if secret.key and name != secret.key:
        line = f"client = Client({{{secret.key!r}: {secret.value!r}}}, retries=3)"
    return (
        'Traceback (most recent call last):\n  File "/app/worker/client.py", line 41, in connect\n'
        f"    {line}\nConnectionError: refused"
    )


def exception_value(secret: Secret) -> str:
    """A traceback whose exception tells it."""
    told = f"{secret.key}={secret.value}" if secret.key else secret.value
    return (
        'Traceback (most recent call last):\n  File "/app/worker/client.py", line 41, in connect\n'
        f"    client = Client(settings)\nworker.errors.Refused: cannot connect: {told}"
    )


def url(secret: Secret) -> str:
    """A request with it in the query."""
    query = f"page=2&{quote(secret.key) or 'q'}={quote(secret.value, safe='')}&x=1"
    return f"GET https://api.example.com/v1/items?{query} -> 401"


SURROUNDINGS: Mapping[str, Callable[[Secret], str]] = {
    "plain text": plain,
    "json": json_text,
    "json in json": json_in_json,
    "source line": source_line,
    "exception value": exception_value,
    "url": url,
}

SHA = chars("sha", 40, HEX)
SHA256 = chars("sha256", 64, HEX)

LOOK_ALIKES: tuple[str, ...] = (
    # Commits, digests, ids
    SHA[:7], SHA[:12], SHA, f"commit {SHA} is deployed", f"HEAD is now at {SHA[:9]} Fix the broker",
    f"sha256:{SHA256}", f"image europe-docker.pkg.dev/acme/web/api@sha256:{SHA256}", f"md5={SHA[:32]}",
    "550e8400-e29b-41d4-a716-446655440000", "request 0b6f1c9e-3f5a-4c1e-9c39-5f0e6f2d7a11 failed",
    f"projects/harbour-dev/traces/{SHA[:32]}", f"trace={SHA[:32]};o=1", f"00-{SHA[:32]}-{SHA[:16]}-01", SHA[:16],
    "insertId 68c8b2370000d311b00894c1", "insertId=1m3x7fqg1vd4kz", f"instance 0069c7a9{chars('inst', 120, HEX)}",
    "01HZX3Y5J8QK7N2V4M6P9R1S3T", f"etag W/\"{SHA[:20]}\"", "AROW", "job-2c9d8f7e6b5a4938-0",
    # Names
    "ferry-00007-xyz", "api-7d9f8b6c5d-x2x4z", "harbour-dev.svc.cluster.local",
    "gke-prod-pool-1-4f2a9c1e-8b7d", "ferry.app.services.monitoring.token_refresh",
    "No module named 'ferry.app.services.secret_manager'", "lib/python3.11/site-packages/jwt/api_jwt.py",
    'File "/app/auth/tokens.py", line 33, in verify_token', "task-skeleton-of-a-long-name-with-many-words-in-it",
    "projects/harbour-dev/secrets/db-password/versions/3", "secret_name=projects/p/secrets/db",
    "NotImplementedErrorHandler.router.dispatch_incoming_messages_now",
    "AbstractOAuth2SecurityTokenServiceHttpRequestExecutorFactoryBean2", "integrity sha384-" + SHA256[:30],
    f"gs://harbour-dev/{SHA256}/report.json", "test_that_routes_17_messages_in_3_rooms_over_2_brokers_and_1_outbox",
    # Versions
    "python 3.11.9", "1.2.3", "v1.2.3.4", "thing==1.2.3.4", "pip install thing@1.2.3.post1", "release 2024.10.11.2",
    "thing-10.2.3.4.tar.gz", "version 10.20.30.40", '"version": "10.20.30.40"', "1.0.0-rc.1+build.20260301.4f2a9c1",
    "actions/checkout@v4.1.0", "Mozilla/5.0 (X11) Chrome/126.0.0.0 Safari/537.36", "10.0.0",
    "OID 1.3.6.1.4.1.11129.2.4.2",
    "grpcio 1.85.1, upb", "see section 1.2.3.4",
    # Times and numbers
    "2026-03-01T12:00:00.123456789Z", "1772366400123456789", "1772366400123456", "1772366400123",
    "took 12.345678901234 s",
    "order 4539148803436468 was not found", "order_4539148803436467", "id-4111111111111111", "ref 1234567812345678",
    "1234 5678 1234 5678", "bytes 0-1048575/10485760000000", "00:1b:44:11:3a:b7", "12:34:56", "2026:03:01",
    "std::vector<int>::at", "a::b::c", "abc::def", "0xdeadbeefcafebabe", "3735928559",
    # Machines that are no one's
    "127.0.0.1:8080", "http://0.0.0.0:8080", "localhost:5432", "169.254.169.254", "255.255.255.0", "::1", "[::]:8080",
    "user@localhost", "redis://cache:6379/0", "asyncpg://***@/db?host=/cloudsql/x",
    # At signs
    "@app.get('/x')", "git@github.com:acme/ferry.git", "logo@2x.png", "@octocat", "a@b", "getty@tty1.service",
    "https://example.com:8443/users/@ada", "@dataclass(frozen=True)",
    # Words about secrets
    "token=None", "password=None", "token expired", "invalid token: expired", "password must be at least 8 characters",
    "password: required", "Missing bearer token", "Bearer authentication failed", "basic authentication is off",
    "secret: missing", "max_tokens=4096", "token_count: 12345678", "tokens used: 4096", "PWD=/app/service",
    'os.environ["API_KEY"]', "password=os.environ['DB_PASSWORD']", "password=settings.db.password",
    "api_key=get_api_key()",
    "def f(token: str) -> None:", "def f(token: str | None = None) -> None:", "KeyError: 'token'",
    "KeyError: 'password'",
    "password=${DB_PASSWORD}", "password={{ db_password }}", "Service Secret=REDACTED True", "password=********",
    "| ERROR | ferry.token:emit:650 | lost", "signature mismatch event=evt_1", "Signature has expired",
    "Secret Manager is unreachable", "Loaded JWT_SECRET_KEY from environment", "SECRET_KEY configured: True",
    "12 passed, 3 failed", "pass: 12 fail: 3", "bypass=cache1", "the password is wrong", "the password is too short",
    "unique together: ('password', 'username')", "missing fields ['token', 'expires_at', 'user']",
    "the token was not found",
    "session 42 closed", "-----BEGIN PUBLIC KEY-----", "primary key: order_id", "partition_key=user42abc",
    "cookie expired", "Cookie: missing", "idempotency_key=order1234", "routing key: orders.created.v1",
    "auth: failed", "credentials: invalid", "sig=SIGTERM", "sk-learn", "keyboard interrupt", "emit:650",
)
"""What a log holds that must stay as it is: whoever looks for a cause needs it."""
