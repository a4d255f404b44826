from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.evidence.code import MOST_SHOWN_CHARS, CodeAt
from bot.evidence.withheld import GIT_FOLDER, NOT_PLAIN, withheld

SHA = "d" * 40
SECRET = [
    ".env", ".env.local", ".env.production", "prod.env", "config/.env", ".ENV", ".env.bak", ".env~", ".envrc",
    ".env/settings", ".env.1", "app/.env.swp", "server.pem", "a/b/server.key", "id_rsa", "id_ed25519",
    "keys/id_ecdsa", "id_rsa.bak", "cert.p12", "cert.pfx", "store.jks", "my.keystore", "vault.kdbx", "putty.ppk",
    "AuthKey_ABC.p8", "server.key.old", "tls/server.KEY", "host.pem.gz", "credentials.json", "credentials",
    "credentials.yml", "credentials-prod.json", "client_secret_12.json", "client_secret.json", "service-account.json",
    "service_account_prod.json", "my-service-account.json", "sa-key.json", "gcp-key.json", "key.json",
    "application_default_credentials.json", "firebase-adminsdk-x1.json", "access_keys.csv", "google-services.json",
    ".npmrc", ".pypirc", ".netrc", "_netrc", ".git-credentials", ".htpasswd", ".dockercfg", ".docker/config.json",
    "home/.docker/config.json", "kubeconfig", "dev.kubeconfig", "kubeconfig.yaml", ".kube/config", ".pgpass",
    ".my.cnf", ".vault-token", "local.settings.json", "auth.json", "prod.tfvars", "prod.auto.tfvars.json",
    "terraform.tfstate", "terraform.tfstate.backup", "state/x.tfstate", ".terraform/x", "secrets.yaml",
    "secrets.json", "secrets.toml", "secret.yaml", "app-secrets.yml", "secrets.enc.yaml", "secrets", "secrets.txt",
    "secrets.sh", "k8s/secrets/db.yaml", ".secrets/token", "passwords.txt", "apikeys.txt", ".ssh/config",
    ".aws/config", ".gnupg/trustdb", ".bash_history", "SECRETS.YAML", "secr\u200bets.yaml", "ｓecrets.json",
]
CODE = [
    "secrets.py", "credentials.py", "keys.py", "test_env.py", "env.py", "alembic/env.py", "src/secrets.ts",
    "secrets/manager.py", "secret_store.go", "credentials_test.go", ".env.example", ".env.sample", ".env.template",
    "config/.env.dist", "secrets.example.yaml", "terraform.tfvars.example", "id_rsa.pub", "environment.yml",
    "envoy.yaml", "main.tf", "keyboard.json", "monkey.json", "secretary.json", "tokenizer.json", "docker/config.json",
    "package.json", "pyproject.toml", "README.md", "docs/secrets.md", ".gitignore", ".github/workflows/ci.yml",
    ".dockerignore", "Dockerfile", "authors.json", "keys/README.md", "tests/test_credentials.py",
    "passwords_policy.py", "config.json", "settings.yaml", "requirements.txt",
]
GIT = [".git/config", ".GIT/config", ".Git/hooks/x", "a/.git/HEAD", ".git", "git~1/config", "GIT~1/x", ".git./config",
       ".git /config", ".g\u200cit/config", ".git::$INDEX_ALLOCATION/x", ".ｇit/config", "a/.git/../b"]
ODD = ["/etc/passwd", "../x", "a/../../x", "a\\b", "a\0b", "", ".", "./a", "a//b", "a/", "a\nb", "x" * 401, "\ud800"]


@pytest.mark.parametrize("path", SECRET, ids=ascii)
def test_secret_files_are_withheld(path: str) -> None:
    assert withheld(path) not in {"", GIT_FOLDER, NOT_PLAIN}


@pytest.mark.parametrize("path", CODE)
def test_code_and_samples_are_shown(path: str) -> None:
    assert withheld(path) == ""


@pytest.mark.parametrize("path", GIT, ids=ascii)
def test_gits_own_folder_is_withheld(path: str) -> None:
    assert withheld(path) == GIT_FOLDER


@pytest.mark.parametrize("path", ODD, ids=lambda path: ascii(path)[:40])
def test_what_is_no_path_is_withheld(path: str) -> None:
    assert withheld(path) == NOT_PLAIN


def code_at(files: dict[str, str | None], ignored: frozenset[str] = frozenset()) -> CodeAt:
    return CodeAt(SHA, files.get, tuple(sorted(files)), lambda text: text.replace("hush", "<red>"), ignored)


FILES: dict[str, str | None] = {
    "a.py": "one\ntwo hush\n", "b.py": "Two\n", ".env": "two=2\n", "made.py": "two\n", "image.png": None,
    "src/c.py": "two\n", "hush.py": "two\n", "data.txt": "two\n" * (MOST_SHOWN_CHARS // 4 + 1), ".git/config": "two\n",
}


def test_ignored_and_withheld_files_are_nowhere() -> None:
    code = code_at(FILES, frozenset({"made.py"}))
    assert code.files == ("a.py", "b.py", "data.txt", "image.png", "src/c.py")
    for path in (".env", "made.py", "hush.py", ".git/config", "nothing.py"):
        assert code.raw(path) is None
        assert code.lines(path) is None
        assert code.functions(path) == ()
    assert code.shown == ()


@pytest.mark.parametrize(("path", "says"), [
    ("a.py", ""), ("src/c.py", ""), (".env", "environment settings"), ("made.py", "ignores it"),
    ("hush.py", "redacted"),
    (".git/config", "Git's own"), ("nothing.py", "no plain file"), ("src", "folder"), ("src/", "no plain path"),
    ("image.png", "binary"), ("data.txt", "larger"), ("../a.py", "no plain path"), ("/etc/passwd", "no plain path"),
    ("\ud800", "no plain path"), ("a\0", "no plain path"), ("absent/.env", "environment settings"),
], ids=lambda value: ascii(value)[:30])
def test_a_refusal_says_why(path: str, says: str) -> None:
    said = code_at(FILES, frozenset({"made.py"})).refusal(path)
    assert says in said
    assert bool(said) == bool(says)


@given(st.text(st.characters(), max_size=60))
def test_any_text_is_refused_or_a_file(path: str) -> None:
    code = code_at(FILES)
    said = code.refusal(path)
    assert (said == "") == (path in {"a.py", "b.py", "src/c.py", "made.py"})
    assert path not in said or len(path) < 12


def test_shown_is_what_was_asked_for_and_is_there() -> None:
    code = code_at(FILES)
    for path in ("src/c.py", "a.py", "a.py", ".env", "image.png", "data.txt", "no.py"):
        code.lines(path)
    code.raw("b.py")
    assert code.shown == ("a.py", "src/c.py")


def test_a_text_is_sought_in_what_may_be_shown_alone() -> None:
    code = code_at(FILES)
    sought = code.seek("two", code.files, case_sensitive=True, most=100)
    assert [(hit.path, hit.line, hit.text) for hit in sought.hits] == [
        ("a.py", 2, "two <red>"), ("made.py", 1, "two"), ("src/c.py", 1, "two"),
    ]
    assert sought.looked_at == len(code.files)
    assert {hit.path for hit in code.seek("TWO", code.files, case_sensitive=False, most=100).hits} == {
        "a.py", "b.py", "made.py", "src/c.py",
    }
    assert code.seek("hush", code.files, case_sensitive=True, most=100).hits == ()
    assert code.seek("two", code.files, case_sensitive=True, most=0).looked_at == 1
    assert code.shown == ()
