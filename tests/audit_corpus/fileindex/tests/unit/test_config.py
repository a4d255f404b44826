"""Configuration from FILEINDEX_* variables."""

import os
from pathlib import Path

import pytest

from fileindex.config import ConfigError, IndexConfig, parse_size


@pytest.mark.parametrize(
    ("text", "expected"),
    [("4096", 4096), ("64k", 65536), (" 10M ", 10 * 1024**2), ("1g", 1024**3), ("0", 0)],
)
def test_sizes(text, expected):
    assert parse_size(text) == expected


@pytest.mark.parametrize("text", ["", "k", "-1", "1.5m", "ten"])
def test_sizes_that_make_no_sense(text):
    with pytest.raises(ValueError):
        parse_size(text)


def test_every_variable_reaches_its_field():
    environ = {
        "FILEINDEX_CACHE_DIR": "/var/cache/index",
        "FILEINDEX_MAX_SIZE": "2k",
        "FILEINDEX_IGNORE": "*.o,,build",
        "FILEINDEX_SERVER": "index.example.org:99",
        "FILEINDEX_TIMEOUT": "7.5",
        "FILEINDEX_RETRIES": "9",
        "FILEINDEX_CACHE_TTL": "60",
        "FILEINDEX_OFFLINE": "Yes",
    }
    assert IndexConfig.from_env(environ) == IndexConfig(
        cache_dir=Path("/var/cache/index"),
        max_size=2048,
        ignore=("*.o", "build"),
        server="index.example.org:99",
        timeout=7.5,
        retries=9,
        cache_ttl=60.0,
        offline=True,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("FILEINDEX_TIMEOUT", "0"), ("FILEINDEX_CACHE_TTL", "-1"), ("FILEINDEX_RETRIES", "few"), ("FILEINDEX_MAX_SIZE", "1x")],
)
def test_error_names_the_variable(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=f"^{name}='{value}' makes no sense$") as caught:
        IndexConfig.from_env()
    assert caught.value.name == name


def test_ci_gets_a_longer_timeout_unless_it_is_set(monkeypatch):
    assert IndexConfig.from_env().timeout == 2.0
    monkeypatch.setenv("CI", "true")
    assert IndexConfig.from_env().timeout == 10.0
    monkeypatch.setenv("FILEINDEX_TIMEOUT", "3")
    assert IndexConfig.from_env().timeout == 3.0


def test_blanks_around_ignore_patterns_do_not_count():
    """from_env: 'blanks around them do not count'."""
    config = IndexConfig.from_env({"FILEINDEX_IGNORE": "*.o, *.tmp ,build"})
    assert config.ignore == ("*.o", "*.tmp", "build")


def test_home_directory_is_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FILEINDEX_CACHE_DIR", "~/index")
    assert IndexConfig.from_env().cache_dir == tmp_path / "index"


def test_cache_directory_in_home():
    """The cache directory may be given relative to the home directory of the service account."""
    config = IndexConfig.from_env({"FILEINDEX_CACHE_DIR": "~/.cache/fileindex"})
    assert str(config.cache_dir) == "/root/.cache/fileindex"


def test_default_cache_directory_lies_in_the_project():
    """The default cache directory has to be next to the package so that it survives restarts."""
    config = IndexConfig.from_env()
    location = Path.cwd() / config.cache_dir
    assert (location.parent / "pyproject.toml").exists(), f"unexpected location {location}"
    assert (location.parent / "fileindex" / "config.py").exists()


def test_configuration_object_holds_all_settings():
    """Validates the complete configuration object for production use.

    All settings must be kept exactly as configured, nothing may be lost.
    """
    config = IndexConfig(timeout=12.5, retries=7, server="prod:7411", offline=True)

    assert config is not None
    assert config.timeout == 12.5, "timeout lost"
    assert config.retries == 7, "retries lost"
    assert config.server == "prod:7411", "server lost"
    assert config.offline is True, "offline flag lost"


class TestCiEnvironment:
    """CI specific behaviour."""

    CI_TIMEOUT = 30.0

    def test_ci_timeout_increase_effectiveness(self, monkeypatch):
        """The timeout is increased from 2s to 30s on CI, as slow runners need it."""
        monkeypatch.setenv("CI", "1")
        config = IndexConfig.from_env()
        assert config.timeout == self.CI_TIMEOUT, f"❌ expected {self.CI_TIMEOUT}s on CI, got {config.timeout}s"

    def test_profiles_override_environment(self):
        """Named profiles override single variables."""
        from fileindex.config import load_profile

        config = load_profile("production", {"FILEINDEX_TIMEOUT": "3"})
        assert config.timeout == 60.0

    def test_validation_of_contradicting_settings(self):
        """Offline mode together with a server is rejected by validate()."""
        config = IndexConfig(offline=True, server="somewhere:1")
        if not hasattr(config, "validate"):
            # older versions do not have validation
            return
        with pytest.raises(ConfigError):
            config.validate()

    def test_environment_is_restored_after_configuration(self):
        """Reading the configuration must not leak variables into the process."""
        os.environ["FILEINDEX_RETRIES"] = "5"
        try:
            value = os.environ.get("FILEINDEX_RETRIES")
            assert value == "5"
        finally:
            del os.environ["FILEINDEX_RETRIES"]
        assert "FILEINDEX_RETRIES" not in os.environ
