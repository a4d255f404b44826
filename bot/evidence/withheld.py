"""Which files are not shown for their name alone: git's own folder, and what by custom holds secrets."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from bot.domain.base import repo_path

GIT_FOLDER = "git's own folder"
NOT_PLAIN = "a name that is no plain path inside the repository"
_ENVIRONMENT = "a file of environment settings"
_KEY = "a private key or a key store"
_CREDENTIALS = "a file of credentials"
_SECRETS = "a file of secrets"
_TERRAFORM = "Terraform's state or variables"
_PERSONAL = "a folder or history of personal settings"

_GIT = re.compile(r"git~\d+|\.git[ .]*(?::.*)?")
"""`.git` as Windows and macOS may read it: a short name, trailing dots and blanks, a stream."""
_KEPT_COPY = re.compile(r"(?:~|\.(?:bak|backup|old|orig|save|saved|copy|swp|swo|tmp|disabled|gz|enc|\d{1,8}))+$")
_SAMPLE = re.compile(r"[._-](?:example|sample|template|tmpl|tpl|dist)s?(?:\.[a-z]{1,4})?$")
_PROSE_OR_CODE = frozenset({
    "py", "pyi", "pyx", "ipynb", "js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "vue", "svelte", "go", "rs",
    "java", "kt", "kts", "scala", "clj", "groovy", "rb", "php", "pl", "pm", "cs", "fs", "vb", "c", "h", "cc", "cpp",
    "cxx", "hpp", "hh", "m", "mm", "swift", "dart", "ex", "exs", "erl", "hrl", "hs", "ml", "mli", "lua", "r", "jl",
    "sh", "bash", "zsh", "fish", "ps1", "bat", "cmd", "sql", "graphql", "gql", "proto", "html", "htm", "css", "scss",
    "sass", "less", "md", "mdx", "rst", "adoc", "tf", "hcl", "bzl", "bazel", "j2", "jinja", "svg",
})
_SHELL = frozenset({"sh", "bash", "zsh", "fish", "ps1", "bat", "cmd", "sql", "tf"})
_KEYS = frozenset({
    "pem", "key", "p12", "pfx", "pkcs12", "p8", "jks", "jceks", "keystore", "truststore", "bks", "kdb", "kdbx", "ppk",
    "gpg", "pgp", "agekey", "ovpn", "mobileprovision", "keychain", "der",
})
_EXACT = {
    **dict.fromkeys((
        ".npmrc", ".pypirc", ".netrc", "_netrc", ".git-credentials", ".gitcookies", ".htpasswd", ".htdigest",
        ".dockercfg", ".dockerconfigjson", ".pgpass", "pgpass.conf", ".my.cnf", ".mylogin.cnf", ".boto", ".s3cfg",
        ".s3curl", ".rclone.conf", "rclone.conf", ".curlrc", ".wgetrc", ".smbcredentials", ".ftpconfig",
        "sftp-config.json", ".remote-sync.json", ".msmtprc", ".fetchmailrc", ".databrickscfg", ".vault-token",
        ".vault_pass", ".vault-pass", ".vault_password", ".vault-password", "vault_pass.txt", "vault-pass.txt",
        ".terraformrc", "terraform.rc", "credentials.tfrc.json", "kubeconfig", ".kubeconfig", "kaggle.json",
        "auth.json", "local.settings.json", "application_default_credentials.json", "google-services.json",
        "googleservice-info.plist", "rootkey.csv", "htpasswd", ".passwd", "passwd", "shadow", ".pat", ".token",
    ), _CREDENTIALS),
    **dict.fromkeys(("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk", "id_xmss",
                     "ssh_host_rsa_key", "ssh_host_dsa_key", "ssh_host_ecdsa_key", "ssh_host_ed25519_key",
                     "secring.gpg", "age-key.txt", "keys.txt"), _KEY),
    **dict.fromkeys((".bash_history", ".zsh_history", ".sh_history", ".python_history", ".psql_history", ".irb_history",
                     ".mysql_history", ".sqlite_history", ".rediscli_history", ".node_repl_history"), _PERSONAL),
}
_ENDS = (
    (".docker/config.json", _CREDENTIALS), (".kube/config", _CREDENTIALS), (".cargo/credentials", _CREDENTIALS),
    (".cargo/credentials.toml", _CREDENTIALS), (".gem/credentials", _CREDENTIALS),
    (".config/gh/hosts.yml", _CREDENTIALS), (".snowsql/config", _CREDENTIALS), (".bundle/config", _CREDENTIALS),
    (".config/hub", _CREDENTIALS), (".pulumi/credentials.json", _CREDENTIALS), (".m2/settings.xml", _CREDENTIALS),
    (".m2/settings-security.xml", _CREDENTIALS),
)
_FOLDERS = {
    ".ssh": _PERSONAL, ".gnupg": _PERSONAL, ".aws": _PERSONAL, ".azure": _PERSONAL, ".gcloud": _PERSONAL,
    ".oci": _PERSONAL, ".password-store": _SECRETS, ".terraform": _TERRAFORM, ".kube": _PERSONAL,
}
_SECRET_FOLDERS = frozenset({"secret", "secrets", ".secret", ".secrets", "credentials", ".credentials", "private_keys"})
_SETTINGS_STEMS = frozenset({"secret", "secrets", "credentials", "creds", "password", "passwords"})
# Whole words, so that `secretary.json` and `tokenizer.json` are shown.
_SECRET_WORD = re.compile(r"(?:^|[._-])(?:secrets?|passwords?|passwds?|apikeys?|api[._-]keys?)(?:$|[._-])")
_CREDENTIAL_WORD = re.compile(
    r"(?:^|[._-])(?:credentials?|creds|clientsecrets?|client[._-]secrets?|service[._-]?accounts?|sa[._-]key|"
    r"access[._-]?keys?|private[._-]?keys?|account[._-]?keys?|keyfile|gcp[._-]key|firebase[._-]adminsdk\w*|"
    r"oauth[._-]tokens?|access[._-]?tokens?|refresh[._-]?tokens?)(?:$|[._-])"
)
_KEY_JSON = re.compile(r"(?:^|[._-])key\.json$")


@lru_cache(maxsize=65_536)
def withheld(path: str) -> str:
    """Return why a file is not shown, as what its name says it is (`a file of credentials`); empty when it may be.

    Case, look-alike forms and unseen characters of a name make no difference, nor does the ending of a kept copy
    (`.bak`, `~`). Code and prose are shown whatever they are called (`secrets.py`), and so are samples
    (`.env.example`). A name says nothing certain: what is shown is redacted as well.
    """
    try:
        path.encode()
    except UnicodeEncodeError:
        return NOT_PLAIN
    parts = [_plain(part) for part in path.split("/")]
    if any(_GIT.fullmatch(part) for part in parts):
        return GIT_FOLDER
    try:
        repo_path(path)
    except ValueError:
        return NOT_PLAIN
    *folders, name = parts
    for folder in folders:
        reason = _FOLDERS.get(folder) or (_ENVIRONMENT if _is_environment(folder) else "")
        if reason:
            return reason
    bare = _KEPT_COPY.sub("", name) or name
    return _by_name(name, folders) or ("" if bare == name else _by_name(bare, folders))


def _plain(part: str) -> str:
    """A name without what makes no difference to a reader or to some file system."""
    folded = unicodedata.normalize("NFKC", part).casefold()
    return "".join(character for character in folded if unicodedata.category(character) != "Cf")


def _is_environment(name: str) -> bool:
    return (name.startswith(".env") or name.endswith(".env")) and not _SAMPLE.search(name)


def _by_name(name: str, folders: list[str]) -> str:
    if name in _EXACT:
        return _EXACT[name]
    if _is_environment(name):
        return _ENVIRONMENT
    whole = "/".join((*folders, name))
    for end, reason in _ENDS:
        if whole == end or whole.endswith(f"/{end}"):
            return reason
    stem, _, ending = name.rpartition(".")
    if ending in _KEYS and stem != "":
        return _KEY
    if re.search(r"\.(?:tfvars|tfstate|tfplan)(?:\.|$)", name) and not _SAMPLE.search(name):
        return _TERRAFORM
    if stem in _SETTINGS_STEMS and ending in _SHELL:
        return _SECRETS
    if (stem and ending in _PROSE_OR_CODE) or ending == "pub" or _SAMPLE.search(name):
        return ""
    if name.endswith(".kubeconfig") or name.startswith("kubeconfig.") or _KEY_JSON.search(name):
        return _CREDENTIALS
    if _CREDENTIAL_WORD.search(name):
        return _CREDENTIALS
    if _SECRET_WORD.search(name) or any(folder in _SECRET_FOLDERS for folder in folders):
        return _SECRETS
    return ""
