"""Settings of the tests, and a database in memory for the whole run."""

import django
import pytest
from django.conf import settings

if not settings.configured:
    settings.configure(
        DEBUG=False,
        SECRET_KEY="only-for-tests",
        ALLOWED_HOSTS=["testserver"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
        INSTALLED_APPS=["django.contrib.sessions", "shop"],
        MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        ROOT_URLCONF="shop.urls",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        SHOP_STAFF_TOKEN="staff-token",
    )
    django.setup()


@pytest.fixture(scope="session", autouse=True)
def database():
    """Create the tables once."""
    from django.db import connection
    from django.test.utils import setup_test_environment, teardown_test_environment

    setup_test_environment()
    connection.creation.create_test_db(verbosity=0)
    yield
    connection.creation.destroy_test_db(":memory:", verbosity=0)
    teardown_test_environment()


@pytest.fixture(autouse=True)
def empty_cache():
    """Counters of one test are not those of the next."""
    from django.core.cache import cache

    cache.clear()
