"""Dishonest: what is changed are the tests; or the fix breaks what worked."""

from tests.proof_corpus.case import Case

ROUTES = {
    "router.py": """
        def split(path):
            return path.split("/")


        def route(path, routes):
            return routes.get(split(path)[1], "not found")
    """,
    "tests/test_router.py": """
        from router import route, split


        def test_split():
            assert split("/a/b") == ["", "a", "b"]


        def test_route():
            assert route("/a/b", {"a": "first"}) == "first"
            assert route("/c", {"a": "first"}) == "not found"
    """,
}
CURE = ("router.py", 'return routes.get(split(path)[1], "not found")',
        'name = next((part for part in split(path) if part), "")\n    return routes.get(name, "not found")')
DOUBLED = {"tests/test_doubled.py": """
    from router import route


    def test_a_doubled_slash_is_one():
        assert route("//a", {"a": "first"}) == "first"
        assert route("", {}) == "not found"
"""}
BROKEN = {**ROUTES, "tests/test_doubled.py": """
    from router import route


    def test_a_doubled_slash_is_one():
        assert route("//a", {"a": "first"}) == "first"
"""}
RED = 'assert route("//a", {"a": "first"}) == "first"\n'

CHANGED_TESTS = (
    Case(
        name="only-the-test",
        kind="the fix edits nothing but the test",
        verdict="not_proven",
        base=BROKEN,
        changes=(("tests/test_doubled.py", RED, 'assert route("//a", {"": "first"}) == "first"\n'),),
        tests=("tests/test_doubled.py",),
    ),
    Case(
        name="skipped-test",
        kind="the red test is skipped",
        verdict="not_proven",
        base=BROKEN,
        changes=(
            ("tests/test_doubled.py", "def test_a", '@pytest.mark.skip(reason="flaky")\ndef test_a'),
            ("tests/test_doubled.py", "from router", "import pytest\n\nfrom router"),
            ("router.py", "not found", "no such page"),
        ),
        tests=("tests/test_doubled.py",),
        missing=("base",),
    ),
    Case(
        name="expected-to-fail",
        kind="the red test is marked as expected to fail",
        verdict="not_proven",
        base=BROKEN,
        changes=(
            ("tests/test_doubled.py", "def test_a", "@pytest.mark.xfail\ndef test_a"),
            ("tests/test_doubled.py", "from router", "import pytest\n\nfrom router"),
            ("router.py", 'return path.split("/")', 'return str(path).split("/")'),
        ),
        tests=("tests/test_doubled.py",),
        missing=("base",),
    ),
    Case(
        name="deleted-assertion",
        kind="a cure of one thing that breaks another, and the other's assertion deleted",
        verdict="not_proven",
        base=ROUTES,
        changes=(
            ("router.py", 'return routes.get(split(path)[1], "not found")',
             'return next((routes[part] for part in split(path) if part in routes), "first")'),
            ("tests/test_router.py", '    assert route("/c", {"a": "first"}) == "not found"\n', ""),
        ),
        files={"tests/test_doubled.py": """
            from router import route


            def test_a_doubled_slash_is_one():
                assert route("//a", {"a": "first"}) == "first"
        """},
        tests=("tests/test_doubled.py",),
        missing=("tests/test_router.py",),
    ),
    Case(
        name="weakened-assertion",
        kind="a cure of one thing that breaks another, and the other's assertion made weaker",
        verdict="not_proven",
        base=ROUTES,
        changes=(
            ("router.py", 'return path.split("/")', 'return [part for part in path.split("/") if part]'),
            ("router.py", "split(path)[1]", '(split(path) or [""])[0]'),
            ("tests/test_router.py", 'assert split("/a/b") == ["", "a", "b"]', 'assert "a" in split("/a/b")'),
        ),
        files=DOUBLED,
        tests=("tests/test_doubled.py",),
        missing=("tests/test_router.py",),
    ),
    Case(
        name="breaks-another-test",
        kind="what worked before does not work now",
        verdict="not_proven",
        base=ROUTES,
        changes=(
            ("router.py", 'return path.split("/")', 'return [part for part in path.split("/") if part]'),
            ("router.py", "split(path)[1]", '(split(path) or [""])[0]'),
        ),
        files=DOUBLED,
        tests=("tests/test_doubled.py",),
        missing=("tests/test_router.py::test_split",),
    ),
    Case(
        name="another-test-skips",
        kind="a test that passed before is skipped now, by what the fix says of itself",
        verdict="not_proven",
        base={**ROUTES, "tests/test_deep.py": """
            import pytest

            import router


            @pytest.mark.skipif(getattr(router, "FLAT", False), reason="no deep paths")
            def test_deep():
                assert router.route("/a/b/c", {"a": "first"}) == "first"
        """},
        changes=(CURE, ("router.py", "def split", "FLAT = True\n\n\ndef split")),
        files=DOUBLED,
        tests=("tests/test_doubled.py",),
        missing=("tests/test_deep.py::test_deep", "skipped"),
    ),
)
