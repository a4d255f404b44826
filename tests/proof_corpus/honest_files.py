"""Honest: fixes in files that are no Python, and fixes by moving code."""

from tests.proof_corpus.case import Case

FILES = (
    Case(
        name="migration",
        kind="a migration that makes a column unique; the code finds it by its folder, in a fixture",
        verdict="proven",
        base={
            "db.py": """
                import pathlib

                FOLDER = pathlib.Path(__file__).parent / "migrations"


                def migrate(connection):
                    for file in sorted(FOLDER.glob("*.sql")):
                        connection.executescript(file.read_text())
            """,
            "migrations/0001_users.sql": "CREATE TABLE users (id INTEGER PRIMARY KEY, mail TEXT NOT NULL);\n",
        },
        files={
            "migrations/0002_unique_mail.sql": "CREATE UNIQUE INDEX users_mail ON users (lower(mail));\n",
            "tests/test_mail.py": """
                import sqlite3

                import pytest

                from db import migrate


                @pytest.fixture
                def connection():
                    connection = sqlite3.connect(":memory:")
                    migrate(connection)
                    yield connection
                    connection.close()


                def test_a_mail_is_there_once(connection):
                    connection.execute("INSERT INTO users (mail) VALUES ('a@b')")
                    with pytest.raises(sqlite3.IntegrityError):
                        connection.execute("INSERT INTO users (mail) VALUES ('A@b')")
            """,
        },
        tests=("tests/test_mail.py",),
    ),
    Case(
        name="renamed-module",
        kind="a module is renamed, the old name gives out the same, and the fix is in it",
        verdict="proven",
        base={
            "geo/__init__.py": "",
            "geo/util.py": """
                def clamp(value, low, high):
                    return max(low, min(value, low))


                def middle(low, high):
                    return (low + high) / 2


                def width(low, high):
                    return high - low
            """,
            "tests/test_util.py": """
                from geo.util import middle


                def test_middle():
                    assert middle(0, 2) == 1
            """,
        },
        files={
            "geo/util.py": '''
                """The old name of geo.ranges."""

                from geo.ranges import clamp, middle, width

                __all__ = ["clamp", "middle", "width"]
            ''',
            "geo/ranges.py": """
                def clamp(value, low, high):
                    return max(low, min(value, high))


                def middle(low, high):
                    return (low + high) / 2


                def width(low, high):
                    return high - low
            """,
            "tests/test_clamp.py": """
                from geo.util import clamp


                def test_clamp():
                    assert [clamp(value, 0, 10) for value in (-5, 5, 50)] == [0, 5, 10]
            """,
        },
        tests=("tests/test_clamp.py",),
    ),
    Case(
        name="retries-as-described",
        kind="what the description promises: a 503 is tried again, and no other failure",
        verdict="proven",
        base={"client.py": '''
            class Unavailable(Exception):
                pass


            def get(send, path):
                """Get a path. A 503 is tried again up to three times, then Unavailable is raised."""
                status, body = send(path)
                if status == 503:
                    raise Unavailable(path)
                return body
        '''},
        changes=(("client.py", """    status, body = send(path)
    if status == 503:
        raise Unavailable(path)
    return body
""", """    for _ in range(3):
        status, body = send(path)
        if status != 503:
            return body
    raise Unavailable(path)
"""),),
        files={"tests/test_client.py": """
            import pytest

            from client import Unavailable, get


            def server(*answers):
                waiting = list(answers)
                return waiting, lambda path: waiting.pop(0)


            def test_two_failures_are_tried_again():
                waiting, send = server((503, ""), (503, ""), (200, "ok"))
                assert get(send, "/") == "ok"
                assert waiting == []


            def test_after_three_it_is_unavailable():
                waiting, send = server(*[(503, "")] * 4)
                with pytest.raises(Unavailable):
                    get(send, "/")
                assert len(waiting) == 1


            def test_other_failures_are_not_tried_again():
                _, send = server((404, "no"), (200, "ok"))
                assert get(send, "/") == "no"
        """},
        tests=("tests/test_client.py",),
    ),
)
