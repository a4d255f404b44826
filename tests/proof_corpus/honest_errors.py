"""Honest fixes of text, time, errors and configuration."""

from tests.proof_corpus.case import Case

ERRORS = (
    Case(
        name="encoding",
        kind="text is cut in the middle of a character and does not decode",
        verdict="proven",
        base={
            "preview/__init__.py": "",
            "preview/text.py": """
                def preview(body, most):
                    cut = body[:most]
                    return cut.decode("utf-8")
            """,
            "tests/test_preview.py": """
                from preview.text import preview


                def test_preview():
                    assert preview(b"hello", 4) == "hell"
            """,
        },
        changes=(("preview/text.py", '    cut = body[:most]\n    return cut.decode("utf-8")\n',
                  '    return body.decode("utf-8")[:most]\n'),),
        files={"tests/test_umlauts.py": """
            from preview.text import preview


            def test_characters_are_counted_not_bytes():
                assert preview("größer".encode(), 3) == "grö"
                assert preview("größer".encode(), 4) == "größ"
        """},
        tests=("tests/test_umlauts.py",),
    ),
    Case(
        name="time-zone",
        kind="an instant is read as local time, wrong by the offset of the season",
        verdict="proven",
        base={
            "src/calendar_service/__init__.py": "",
            "src/calendar_service/instants.py": """
                from datetime import datetime


                def opens(stamp):
                    return datetime.fromtimestamp(stamp).isoformat()
            """,
            "src/calendar_service/hours.py": """
                from calendar_service.instants import opens


                def notice(stamp):
                    return "opens at " + opens(stamp)
            """,
        },
        changes=(
            ("src/calendar_service/instants.py", "import datetime", "import datetime, timezone"),
            ("src/calendar_service/instants.py", "datetime.fromtimestamp(stamp)",
             "datetime.fromtimestamp(stamp, timezone.utc)"),
        ),
        files={"tests/test_notice.py": """
            import time

            import pytest

            from calendar_service.hours import notice


            @pytest.fixture(autouse=True)
            def central_europe(monkeypatch):
                monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
                time.tzset()
                yield
                monkeypatch.undo()
                time.tzset()


            @pytest.mark.parametrize(("stamp", "said"), [
                (1774746000, "2026-03-29T01:00:00+00:00"), (1768471200, "2026-01-15T10:00:00+00:00"),
            ])
            def test_a_notice_names_the_instant(stamp, said):
                assert notice(stamp) == "opens at " + said
        """},
        tests=("tests/test_notice.py",),
    ),
    Case(
        name="swallowed-error",
        kind="an error was dropped and the caller told that all is well",
        verdict="proven",
        base={
            "upload/__init__.py": "",
            "upload/errors.py": "class Refused(Exception):\n    pass\n",
            "upload/client.py": """
                def upload(send, data):
                    try:
                        send(data)
                    except Exception:
                        pass
                    return len(data)
            """,
            "tests/test_upload.py": """
                from upload.client import upload


                def test_upload():
                    sent = []
                    assert upload(sent.append, b"abc") == 3
                    assert sent == [b"abc"]
            """,
        },
        changes=(("upload/client.py", "    except Exception:\n        pass\n",
                  '    except OSError as error:\n        raise Refused("not stored") from error\n'),
                 ("upload/client.py", "def upload(", "from upload.errors import Refused\n\n\ndef upload(")),
        files={"tests/test_refused.py": """
            import pytest

            from upload.client import upload
            from upload.errors import Refused


            def full(data):
                raise OSError("disk full")


            def test_a_failure_is_told():
                with pytest.raises(Refused, match="not stored"):
                    upload(full, b"abc")


            def test_what_is_no_failure_of_the_store_is_not_hidden():
                with pytest.raises(ZeroDivisionError):
                    upload(lambda data: 1 / 0, b"abc")
        """},
        tests=("tests/test_refused.py",),
    ),
    Case(
        name="wrong-exception-type",
        kind="a KeyError comes out where the caller handles NotFound",
        verdict="proven",
        base={
            "users/__init__.py": "",
            "users/errors.py": "class NotFound(LookupError):\n    pass\n",
            "users/directory.py": """
                from users.errors import NotFound


                class Directory:
                    def __init__(self, people):
                        self.people = people

                    def mail(self, name):
                        return self.people[name]["mail"]

                    def remove(self, name):
                        if name not in self.people:
                            raise NotFound(name)
                        del self.people[name]
            """,
            "users/api.py": """
                from users.errors import NotFound


                def get_mail(directory, name):
                    try:
                        return 200, directory.mail(name)
                    except NotFound:
                        return 404, ""
            """,
            "tests/test_api.py": """
                from users.api import get_mail
                from users.directory import Directory


                def test_mail():
                    assert get_mail(Directory({"ann": {"mail": "a@b.c"}}), "ann") == (200, "a@b.c")
            """,
        },
        changes=(("users/directory.py", '        return self.people[name]["mail"]\n',
                  """        if name not in self.people:
            raise NotFound(name)
        return self.people[name]["mail"]
"""),),
        files={"tests/test_unknown.py": """
            from users.api import get_mail
            from users.directory import Directory


            def test_an_unknown_name_is_a_404():
                assert get_mail(Directory({}), "bob") == (404, "")


            def test_a_known_name_is_not():
                assert get_mail(Directory({"ann": {"mail": "a@b.c"}}), "ann") == (200, "a@b.c")
        """},
        tests=("tests/test_unknown.py",),
    ),
    Case(
        name="config-read-too-early",
        kind="a setting is read on import, before it is made; no suite of its own",
        verdict="proven",
        base={
            "service/__init__.py": "",
            "service/config.py": "values = {}\n\n\ndef load(**given):\n    values.update(given)\n",
            "service/limits.py": """
                from service import config

                MOST = config.values.get("most", 10)


                def allowed(count):
                    return count <= MOST
            """,
        },
        changes=(("service/limits.py", 'MOST = config.values.get("most", 10)\n\n\n', "\n"),
                 ("service/limits.py", "count <= MOST", 'count <= config.values.get("most", 10)')),
        files={"tests/test_limits.py": """
            import pytest

            from service import config
            from service.limits import allowed


            @pytest.fixture(autouse=True)
            def nothing_set():
                yield
                config.values.clear()


            def test_a_limit_that_is_set_holds():
                config.load(most=20)
                assert allowed(20)
                assert not allowed(21)


            def test_without_one_it_is_ten():
                assert allowed(10)
                assert not allowed(11)
        """},
        tests=("tests/test_limits.py",),
    ),
    Case(
        name="test-added-to-an-old-file",
        kind="the new test stands in a file that is there already, beside old ones",
        verdict="proven",
        base={
            "names.py": """
                def slug(title):
                    return title.lower().replace(" ", "-")
            """,
            "test_names.py": """
                from names import slug


                def test_slug():
                    assert slug("Red Car") == "red-car"
            """,
        },
        changes=(
            ("names.py", 'title.lower().replace(" ", "-")', '"-".join(title.lower().split())'),
            ("test_names.py", '== "red-car"\n',
             '== "red-car"\n\n\ndef test_spaces_fold():\n    assert slug(" Red   Car ") == "red-car"\n'),
        ),
        tests=("test_names.py",),
    ),
)
