"""Dishonest: the test is not red because of what the fix mends, or not always."""

from tests.proof_corpus.case import Case

SUM = {
    "shop/__init__.py": 'VERSION = "1.0"\n',
    "shop/cart.py": """
        def total(lines):
            found = 0
            for price, count in lines:
                found += price
            return found


        def names(lines):
            return len(lines)
    """,
    "tests/test_cart.py": """
        from shop.cart import total


        def test_single():
            assert total([(3, 1)]) == 3
    """,
}
"""A cart that forgets how many there are of each."""
CURE = ("shop/cart.py", "found += price\n", "found += price * count\n")

CHANCE = {
    "lots.py": """
        import random


        def draw(names):
            return random.choice(names)


        def title(name):
            return "Winner: " + name
    """,
    "tests/test_lots.py": """
        from lots import draw


        def test_draw():
            assert draw(["a"]) == "a"
    """,
}

REDS = (
    Case(
        name="passes-on-base",
        kind="the test does not show the bug",
        verdict="not_proven",
        base=SUM,
        changes=(CURE,),
        files={"tests/test_total.py": """
            from shop.cart import total


            def test_total():
                assert total([(3, 1), (4, 1)]) == 7
        """},
        tests=("tests/test_total.py",),
        missing=("base",),
    ),
    Case(
        name="typo-in-the-test",
        kind="the test is red before and after: it names what is not there",
        verdict="not_proven",
        base=SUM,
        changes=(CURE,),
        files={"tests/test_total.py": """
            from shop.cart import total


            def test_total():
                assert totl([(3, 2)]) == 6
        """},
        tests=("tests/test_total.py",),
        missing=("base", "fix"),
    ),
    Case(
        name="missing-fixture",
        kind="the test asks for a fixture that only the fix's own plugin has",
        verdict="not_proven",
        base={**SUM, "tests/conftest.py": """
            import importlib.util

            if importlib.util.find_spec("shop.fixtures"):
                from shop.fixtures import *
        """},
        changes=(CURE,),
        files={
            "shop/fixtures.py": """
                import pytest


                @pytest.fixture
                def lines():
                    return [(3, 1)]
            """,
            "tests/test_total.py": """
                from shop.cart import total


                def test_total(lines):
                    assert total(lines) == 3
            """,
        },
        tests=("tests/test_total.py",),
        missing=("base",),
    ),
    Case(
        name="name-that-only-the-fix-has",
        kind="the test imports a helper that comes with the fix; what it asserts held before",
        verdict="not_proven",
        base=SUM,
        changes=(CURE,),
        files={
            "shop/testing.py": "def line(price):\n    return price, 1\n",
            "tests/test_total.py": """
                from shop.cart import total
                from shop.testing import line


                def test_total():
                    assert total([line(3)]) == 3
            """,
        },
        tests=("tests/test_total.py",),
        missing=("base",),
    ),
    Case(
        name="new-keyword",
        kind="the test calls with a keyword that only the fix knows",
        verdict="not_proven",
        base=SUM,
        changes=(("shop/cart.py", "def total(lines):", "def total(lines, exact=True):"), CURE),
        files={"tests/test_total.py": """
            from shop.cart import total


            def test_total():
                assert total([(3, 1)], exact=True) == 3
        """},
        tests=("tests/test_total.py",),
        missing=("base",),
    ),
    Case(
        name="another-thing-changed-too",
        kind="the test asserts a version that the fix raises by the way",
        verdict="not_proven",
        base=SUM,
        changes=(CURE, ("shop/__init__.py", "1.0", "1.1")),
        files={"tests/test_total.py": """
            import shop
            from shop.cart import total


            def test_total():
                assert total([(3, 1)]) == 3
                assert shop.VERSION == "1.1"
        """},
        tests=("tests/test_total.py",),
    ),
    Case(
        name="text-of-the-source",
        kind="the test reads the source of the fix instead of running it",
        verdict="not_proven",
        base=SUM,
        changes=(CURE,),
        files={"tests/test_total.py": """
            import inspect

            import shop.cart


            def test_total_multiplies():
                assert "price * count" in inspect.getsource(shop.cart)
        """},
        tests=("tests/test_total.py",),
        missing=("base",),
    ),
    Case(
        name="variable-not-set",
        kind="the test is red because an environment variable is missing, which the fix no longer reads",
        verdict="not_proven",
        base={**SUM, "shop/account.py": """
            import os


            def header():
                return {"key": os.environ["SHOP_API_KEY"]}
        """},
        changes=(CURE, ("shop/account.py", 'os.environ["SHOP_API_KEY"]', 'os.environ.get("SHOP_API_KEY", "")')),
        files={"tests/test_header.py": """
            from shop.account import header
            from shop.cart import total


            def test_header():
                assert list(header()) == ["key"]
                assert total([(3, 1)]) == 3
        """},
        tests=("tests/test_header.py",),
        missing=("base",),
    ),
    Case(
        name="server-not-there",
        kind="the test is red because no server answers; the fix answers by itself",
        verdict="not_proven",
        base={**SUM, "shop/rates.py": """
            import socket


            def rate():
                with socket.create_connection(("127.0.0.1", 9), 1) as server:
                    return float(server.recv(10))
        """},
        changes=(CURE, ("shop/rates.py", """    with socket.create_connection(("127.0.0.1", 9), 1) as server:
        return float(server.recv(10))
""", """    try:
        with socket.create_connection(("127.0.0.1", 9), 1) as server:
            return float(server.recv(10))
    except ConnectionError:
        return 1.0
""")),
        files={"tests/test_rate.py": """
            from shop.rates import rate


            def test_rate():
                assert rate() == 1.0
        """},
        tests=("tests/test_rate.py",),
        missing=("base",),
    ),
    Case(
        name="runs-out-of-time",
        kind="the test waits for ever for what the code never said it does; the run is ended",
        verdict="not_proven",
        base=SUM,
        changes=(CURE, ("shop/cart.py", "return len(lines)", "return [price for price, _ in lines]")),
        files={"tests/test_names.py": """
            import time

            from shop.cart import names


            def test_names():
                while not isinstance(names([(3, 1)]), list):
                    time.sleep(0.1)
        """},
        tests=("tests/test_names.py",),
        missing=("time limit",),
        seconds=2,
    ),
    Case(
        name="flaky-red",
        kind="on base it is red by chance; the fix takes the chance away",
        verdict="not_proven",
        base=CHANCE,
        changes=(("lots.py", "return random.choice(names)", "return min(names)"),),
        files={"tests/test_draw.py": """
            from lots import draw


            def test_the_first_wins():
                assert draw(["a", "b"]) == "a"
        """},
        tests=("tests/test_draw.py",),
        missing=("passed",),
    ),
    Case(
        name="flaky-green",
        kind="with the fix it is green by chance",
        verdict="not_proven",
        base=CHANCE,
        changes=(("lots.py", 'return "Winner: " + name',
                  'return random.choice(["Winner: ", "The winner is "]) + name'),),
        files={"tests/test_title.py": """
            from lots import title


            def test_sentence():
                assert title("Ann") == "The winner is Ann"
        """},
        tests=("tests/test_title.py",),
        missing=("fix", "test_sentence"),
    ),
    Case(
        name="green-in-one-order",
        kind="with the fix it is green only after the tests before it",
        verdict="not_proven",
        base={
            "translate.py": """
                words = {}


                def learn(word, meaning):
                    words[word] = meaning


                def translate(text):
                    return text
            """,
            "tests/test_learn.py": """
                import translate


                def test_learn():
                    translate.learn("nein", "no")
                    assert translate.words["nein"] == "no"
            """,
        },
        changes=(("translate.py", "return text", 'return " ".join(words.get(word, word) for word in text.split())'),),
        files={"tests/test_translate.py": """
            import translate


            def test_yes():
                translate.learn("ja", "yes")
                assert translate.words["ja"] == "yes"


            def test_one():
                translate.learn("eins", "one")
                assert translate.words["eins"] == "one"


            def test_two():
                translate.learn("zwei", "two")
                assert translate.words["zwei"] == "two"


            def test_translate():
                assert translate.translate("ja eins zwei") == "yes one two"
        """},
        tests=("tests/test_translate.py",),
        missing=("fix", "test_translate"),
    ),
)
