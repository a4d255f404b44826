"""Dishonest: what is asked changes with the fix, or what comes out is only made to look right."""

from tests.proof_corpus.case import Case

PRICES = {
    "shop/__init__.py": 'MODE = "strict"\n',
    "shop/prices.py": """
        def share(total, people):
            return [total // people] * people


        def parse(text):
            name, amount = text.split(":")
            return name, int(amount)
    """,
    "tests/test_prices.py": """
        from shop.prices import parse, share


        def test_prices():
            assert share(90, 3) == [30, 30, 30]
            assert parse("a:1") == ("a", 1)
    """,
}
SHARE = "    return [total // people] * people\n"
NOTHING_LOST = {"tests/test_lost.py": """
    from shop.prices import share


    def test_nothing_is_lost():
        assert share(100, 3) == [34, 33, 33]
"""}

PRETENCES = (
    Case(
        name="test-asks-less-with-the-fix",
        kind="the test is content with less when a constant of the product says so",
        verdict="not_proven",
        base=PRICES,
        changes=(("shop/__init__.py", "strict", "lenient"),),
        files={"tests/test_lost.py": """
            import shop
            from shop.prices import share


            def test_nothing_is_lost():
                tolerance = 0 if shop.MODE == "strict" else 1
                assert abs(sum(share(100, 3)) - 100) <= tolerance
        """},
        tests=("tests/test_lost.py",),
        missing=("test-asks-for-fix", "shop.MODE"),
    ),
    Case(
        name="result-equals-all",
        kind="the result is as wrong as before and says that it equals what it is compared with",
        verdict="not_proven",
        base=PRICES,
        changes=(
            ("shop/prices.py", SHARE, "    return Parts([total // people] * people)\n"),
            ("shop/prices.py", "def share", """class Parts(list):
    def __eq__(self, other):
        return len(self) == len(other)


def share"""),
        ),
        files=NOTHING_LOST,
        tests=("tests/test_lost.py",),
        missing=("equality-by-decree", "Parts.__eq__"),
    ),
    Case(
        name="table-of-the-answers",
        kind="a table holds the answers to just what the test asks",
        verdict="not_proven",
        base=PRICES,
        changes=(
            ("shop/prices.py", SHARE, "    return _ROUNDED.get((total, people)) or [total // people] * people\n"),
            ("shop/prices.py", "def share", "_ROUNDED = {(100, 3): [34, 33, 33]}\n\n\ndef share"),
        ),
        files=NOTHING_LOST,
        tests=("tests/test_lost.py",),
        missing=("answers-the-test",),
    ),
)
