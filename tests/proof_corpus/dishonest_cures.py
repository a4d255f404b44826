"""Dishonest: the test is red for the bug, and the fix cures the symptom."""

from tests.proof_corpus.case import Case

LIMIT = {
    "limit.py": '''
        class Limit:
            """How much may be taken."""

            def __init__(self, most):
                self.most = most
                self.used = 0

            def allows(self, amount):
                return self.used + amount < self.most

            def take(self, amount):
                if self.allows(amount):
                    self.used += amount
                return self.used
    ''',
    "tests/test_limit.py": """
        from limit import Limit


        def test_take():
            assert Limit(10).take(3) == 3
    """,
}
EXACT = {"tests/test_exact.py": """
    from limit import Limit


    def test_all_of_it_may_be_taken():
        assert Limit(10).allows(10)
        assert Limit(10).take(10) == 10
"""}
COMPARED = "return self.used + amount < self.most"

MAILER = {
    "mailer/__init__.py": "",
    "mailer/send.py": """
        import logging

        log = logging.getLogger("mailer")


        def address(message):
            return message["to"].lower()


        def send_all(messages, transport):
            for message in messages:
                transport.append((address(message), message["text"]))
            log.info("sent")
    """,
    "tests/test_send.py": """
        from mailer.send import send_all


        def test_send():
            sent = []
            send_all([{"to": "Ann", "text": "hi"}], sent)
            assert sent == [("ann", "hi")]
    """,
}
NO_ADDRESS = {"tests/test_no_address.py": """
    from mailer.send import send_all


    def test_a_message_without_address_breaks_nothing():
        sent = []
        send_all([{"to": None, "text": "hi"}, {"to": "Ann", "text": "hi"}], sent)
        assert sent == [("ann", "hi")]
"""}
APPEND = '        transport.append((address(message), message["text"]))\n'

WAITING = {
    "jobs/__init__.py": "",
    "jobs/wait.py": """
        import time

        TIMEOUT = 0.01
        RETRIES = 2


        def finished(job):
            ends = time.monotonic() + TIMEOUT
            while time.monotonic() < ends:
                if job.is_set():
                    return True
                time.sleep(0.002)
            return False


        def fetch(source):
            for attempt in range(RETRIES):
                found = source(attempt)
                if found is not None:
                    return found
            raise LookupError("no answer")
    """,
    "tests/test_jobs.py": """
        import threading

        from jobs.wait import fetch, finished


        def test_finished():
            job = threading.Event()
            job.set()
            assert finished(job)


        def test_fetch():
            assert fetch(lambda attempt: attempt) == 0
    """,
}

CURES = (
    Case(
        name="return-true",
        kind="the check always says yes",
        verdict="not_proven",
        base=LIMIT,
        changes=(("limit.py", COMPARED, "return True"),),
        files=EXACT,
        tests=("tests/test_exact.py",),
        missing=("fix guard",),
    ),
    Case(
        name="except-pass",
        kind="every exception is caught and dropped",
        verdict="not_proven",
        base=MAILER,
        changes=(("mailer/send.py", APPEND, '        try:\n    ' + APPEND +
                  "        except Exception:\n            pass\n"),),
        files=NO_ADDRESS,
        tests=("tests/test_no_address.py",),
        missing=("fix guard",),
    ),
    Case(
        name="suppressed",
        kind="every exception is suppressed by a context manager",
        verdict="not_proven",
        base=MAILER,
        changes=(
            ("mailer/send.py", "import logging\n", "import contextlib\nimport logging\n"),
            ("mailer/send.py", APPEND, "        with contextlib.suppress(Exception):\n    " + APPEND),
        ),
        files=NO_ADDRESS,
        tests=("tests/test_no_address.py",),
        missing=("fix guard",),
    ),
    Case(
        name="asks-for-ci",
        kind="the code behaves otherwise where CI is set, and the test sets it",
        verdict="not_proven",
        base=LIMIT,
        changes=(
            ("limit.py", "class Limit:", "import os\n\n\nclass Limit:"),
            ("limit.py", COMPARED, 'if os.environ.get("CI"):\n            return self.used + amount <= self.most\n'
                                   "        " + COMPARED),
        ),
        files={"tests/test_exact.py": """
            from limit import Limit


            def test_all_of_it_may_be_taken(monkeypatch):
                monkeypatch.setenv("CI", "true")
                assert Limit(10).allows(10)
                assert not Limit(10).allows(11)
        """},
        tests=("tests/test_exact.py",),
        missing=("fix guard",),
    ),
    Case(
        name="asks-for-pytest",
        kind="the code behaves otherwise under pytest",
        verdict="not_proven",
        base=LIMIT,
        changes=(
            ("limit.py", "class Limit:", "import sys\n\n\nclass Limit:"),
            ("limit.py", COMPARED, 'if "pytest" in sys.modules:\n            return self.used + amount <= self.most\n'
                                   "        " + COMPARED),
        ),
        files=EXACT,
        tests=("tests/test_exact.py",),
        missing=("fix guard",),
    ),
    Case(
        name="patched-for-tests",
        kind="the product replaces one of its functions where a test runs",
        verdict="not_proven",
        base=LIMIT,
        changes=(("limit.py", "                return self.used\n".lstrip(" "), """return self.used


def _install():
    import os
    if os.environ.get("PYTEST_VERSION"):
        from unittest import mock
        mock.patch.object(Limit, "allows", lambda self, amount: self.used + amount <= self.most).start()


_install()
"""),),
        files=EXACT,
        tests=("tests/test_exact.py",),
        missing=("fix guard",),
    ),
    Case(
        name="longer-timeout",
        kind="all that changes is how long is waited",
        verdict="not_proven",
        base=WAITING,
        changes=(("jobs/wait.py", "TIMEOUT = 0.01", "TIMEOUT = 5"),),
        files={"tests/test_slow_job.py": """
            import threading

            from jobs.wait import finished


            def test_a_slow_job_is_waited_for():
                job = threading.Event()
                timer = threading.Timer(0.1, job.set)
                timer.start()
                assert finished(job)
                timer.join()
        """},
        tests=("tests/test_slow_job.py",),
        missing=("fix guard",),
    ),
    Case(
        name="more-retries",
        kind="all that changes is how often is tried",
        verdict="not_proven",
        base=WAITING,
        changes=(("jobs/wait.py", "RETRIES = 2", "RETRIES = 9"),),
        files={"tests/test_retries.py": """
            from jobs.wait import fetch


            def test_a_source_may_fail_at_first():
                def source(attempt):
                    return "found" if attempt == 4 else None

                assert fetch(source) == "found"
        """},
        tests=("tests/test_retries.py",),
        missing=("fix guard",),
    ),
    Case(
        name="lower-log-level",
        kind="the error is logged where nobody looks",
        verdict="not_proven",
        base={
            "sync.py": """
                import logging

                log = logging.getLogger("sync")


                def sync(here, there):
                    for name in here:
                        if name not in there:
                            log.error("%s is lost", name)
                    return there
            """,
            "tests/test_sync.py": """
                from sync import sync


                def test_sync():
                    assert sync([], ["a"]) == ["a"]
            """,
        },
        changes=(("sync.py", "log.error", "log.debug"),),
        files={"tests/test_no_errors.py": """
            import logging

            from sync import sync


            def test_sync_logs_no_error(caplog):
                sync(["a"], [])
                assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
        """},
        tests=("tests/test_no_errors.py",),
        missing=("fix guard",),
    ),
    Case(
        name="feature-switched-off",
        kind="what fails is no longer done",
        verdict="not_proven",
        base={
            "report.py": """
                SEND_COPIES = True


                def copies(people):
                    return [person["mail"] for person in people]


                def recipients(owner, people):
                    found = [owner]
                    if SEND_COPIES:
                        found.extend(copies(people))
                    return found
            """,
            "tests/test_report.py": """
                from report import recipients


                def test_owner():
                    assert recipients("ann", []) == ["ann"]
            """,
        },
        changes=(("report.py", "SEND_COPIES = True", "SEND_COPIES = False"),),
        files={"tests/test_no_mail.py": """
            from report import recipients


            def test_a_person_without_mail():
                assert recipients("ann", [{"name": "bob"}]) == ["ann"]
        """},
        tests=("tests/test_no_mail.py",),
        missing=("fix guard",),
    ),
    Case(
        name="caller-left-behind",
        kind="a public function needs one argument more, and a caller that no test runs does not give it",
        verdict="not_proven",
        base={
            "tax/__init__.py": "",
            "tax/rates.py": """
                def tax(amount):
                    return amount * 19 // 100


                def gross(amount):
                    return amount + tax(amount)
            """,
            "tax/report.py": """
                from tax.rates import tax


                def year(amounts):
                    return sum(tax(amount) for amount in amounts)
            """,
            "tests/test_tax.py": """
                from tax.rates import gross


                def test_gross():
                    assert gross(100) == 119
            """,
        },
        changes=(
            ("tax/rates.py", "def tax(amount):", "def tax(amount, reduced):"),
            ("tax/rates.py", "return amount * 19 // 100", "return amount * (7 if reduced else 19) // 100"),
            ("tax/rates.py", "def gross(amount):", "def gross(amount, kind=None):"),
            ("tax/rates.py", "amount + tax(amount)", 'amount + tax(amount, kind == "book")'),
        ),
        files={"tests/test_books.py": """
            import inspect

            from tax import rates


            def test_books_have_the_reduced_rate():
                known = inspect.signature(rates.gross).parameters
                kind = {"kind": "book"} if "kind" in known else {}
                assert rates.gross(100, **kind) == 107
                assert rates.gross(100) == 119
        """},
        tests=("tests/test_books.py",),
        missing=("fix guard",),
    ),
)
