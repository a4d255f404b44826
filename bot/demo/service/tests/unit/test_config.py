from __future__ import annotations

import pytest

from router.config import Settings


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_env({}) == Settings()


def test_cloud_run_is_known_by_the_service_name_it_sets() -> None:
    settings = Settings.from_env({"K_SERVICE": "message-router", "K_REVISION": "message-router-00001-abc"})

    assert settings.on_cloud_run
    assert settings.host == "0.0.0.0"
    assert not Settings().on_cloud_run


def test_the_old_broker_address_still_works_and_warns() -> None:
    with pytest.warns(FutureWarning, match="BROKER_ADDR is deprecated"):
        settings = Settings.from_env({"BROKER_ADDR": "broker.internal:7000"})

    assert (settings.broker_host, settings.broker_port) == ("broker.internal", 7000)
    assert settings.deprecated == ("BROKER_ADDR",)
