"""Honest fixes of wrong values: bounds, defaults, operators, rounding, numbers that are too large."""

from tests.proof_corpus.case import Case

VALUES = (
    Case(
        name="off-by-one",
        kind="the last page is lost; a flat module, pytest, a suite of its own",
        verdict="proven",
        base={
            "pages.py": '''
                def count_pages(entries, size):
                    """How many pages it takes."""
                    return entries // size


                def page(items, number, size):
                    """The items of one page, from 1."""
                    start = (number - 1) * size
                    return items[start:start + size]
            ''',
            "tests/test_pages.py": """
                from pages import count_pages, page


                def test_full_pages():
                    assert count_pages(20, 10) == 2


                def test_second_page():
                    assert page([1, 2, 3, 4], 2, 2) == [3, 4]
            """,
        },
        changes=(("pages.py", "return entries // size", "return (entries + size - 1) // size"),),
        files={"tests/test_last_page.py": """
            import pytest

            from pages import count_pages


            @pytest.mark.parametrize(("entries", "pages"), [(21, 3), (1, 1), (30, 3), (0, 0)])
            def test_a_page_that_is_not_full_counts(entries, pages):
                assert count_pages(entries, 10) == pages
        """},
        tests=("tests/test_last_page.py",),
    ),
    Case(
        name="wrong-default",
        kind="the default of an argument; tests in a class",
        verdict="proven",
        base={
            "search/__init__.py": "from search.query import find\n",
            "search/query.py": """
                def find(words, text, whole=False):
                    parts = text.split()
                    if whole:
                        return [word for word in words if word in parts]
                    return [word for word in words if word in text]
            """,
            "tests/test_search.py": """
                import search


                class TestFind:
                    def test_finds_a_word(self):
                        assert search.find(["red"], "a red car") == ["red"]

                    def test_parts_of_words_where_asked(self):
                        assert search.find(["red"], "bored", whole=False) == ["red"]
            """,
        },
        changes=(("search/query.py", "whole=False", "whole=True"),),
        files={"tests/test_whole_words.py": """
            import search


            class TestDefault:
                def test_part_of_a_word_is_no_hit(self):
                    assert search.find(["red", "car"], "bored in a car") == ["car"]
        """},
        tests=("tests/test_whole_words.py",),
    ),
    Case(
        name="mutable-default",
        kind="a list as default argument is shared; unittest, a src layout",
        verdict="proven",
        base={
            "src/basket/__init__.py": "",
            "src/basket/order.py": '''
                class Order:
                    """What a customer wants."""

                    def __init__(self, lines=[]):
                        self.lines = lines

                    def add(self, name):
                        self.lines.append(name)
            ''',
            "tests/test_order.py": """
                import unittest

                from basket.order import Order


                class OrderTest(unittest.TestCase):
                    def test_keeps_what_was_given(self):
                        self.assertEqual(Order(["a"]).lines, ["a"])
            """,
        },
        changes=(
            ("src/basket/order.py", "lines=[]", "lines=None"),
            ("src/basket/order.py", "self.lines = lines", "self.lines = [] if lines is None else list(lines)"),
        ),
        files={"tests/test_two_orders.py": """
            import unittest

            from basket.order import Order


            class TwoOrdersTest(unittest.TestCase):
                def test_orders_share_nothing(self):
                    first, second = Order(), Order()
                    first.add("tea")
                    self.assertEqual(first.lines, ["tea"])
                    self.assertEqual(second.lines, [])

                def test_an_order_does_not_change_what_it_was_given(self):
                    given = ["tea"]
                    Order(given).add("cake")
                    self.assertEqual(given, ["tea"])
        """},
        tests=("tests/test_two_orders.py",),
    ),
    Case(
        name="operator-precedence",
        kind="`and` binds more tightly than `or`",
        verdict="proven",
        base={
            "access.py": """
                def may_edit(user, document):
                    return user["admin"] or user["id"] == document["owner"] and not document["locked"]
            """,
            "tests/test_access.py": """
                from access import may_edit


                def test_a_stranger_may_not():
                    assert not may_edit({"id": 1, "admin": False}, {"owner": 2, "locked": False})
            """,
        },
        changes=((
            "access.py", 'user["admin"] or user["id"] == document["owner"] and not',
            '(user["admin"] or user["id"] == document["owner"]) and not',
        ),),
        files={"tests/test_locked.py": """
            from access import may_edit


            def test_nobody_edits_what_is_locked():
                assert not may_edit({"id": 1, "admin": True}, {"owner": 2, "locked": True})
                assert not may_edit({"id": 2, "admin": False}, {"owner": 2, "locked": True})


            def test_owner_and_admin_edit_what_is_open():
                assert may_edit({"id": 1, "admin": True}, {"owner": 2, "locked": False})
                assert may_edit({"id": 2, "admin": False}, {"owner": 2, "locked": False})
        """},
        tests=("tests/test_locked.py",),
    ),
    Case(
        name="float-rounding",
        kind="money in floats; hunks of an import, a type hint and a changelog beside the cure",
        verdict="proven",
        base={
            "CHANGELOG.md": "# Changes\n\n- 1.0: first version\n",
            "billing/__init__.py": "",
            "billing/total.py": """
                import json


                def total(prices) -> float:
                    return sum(float(price) for price in prices)


                def invoice(prices):
                    return json.dumps({"total": str(total(prices))})
            """,
            "tests/test_total.py": """
                from billing.total import invoice


                def test_invoice():
                    assert invoice(["1.5", "2.0"]) == '{"total": "3.5"}'
            """,
        },
        changes=(
            ("CHANGELOG.md", "# Changes\n\n", "# Changes\n\n- 1.1: cents are exact\n"),
            ("billing/total.py", "import json\n", "import json\nfrom decimal import Decimal\n"),
            ("billing/total.py", "-> float:", "-> Decimal:"),
            ("billing/total.py", "sum(float(price) for price in prices)",
             "sum((Decimal(price) for price in prices), Decimal(0))"),
        ),
        files={"tests/test_cents.py": """
            from billing.total import invoice


            def test_cents_add_up():
                assert invoice(["0.1", "0.2"]) == '{"total": "0.3"}'


            def test_nothing_costs_nothing():
                assert invoice([]) == '{"total": "0"}'
        """},
        tests=("tests/test_cents.py",),
    ),
    Case(
        name="pagination-overflow",
        kind="an offset that does not fit into 32 bits; two places, both needed",
        verdict="proven",
        base={
            "cursor/__init__.py": "",
            "cursor/codec.py": """
                import struct


                def encode(page, size):
                    return struct.pack(">i", page * size).hex()


                def name(page):
                    return f"page {page}"


                def decode(token):
                    return struct.unpack(">i", bytes.fromhex(token))[0]
            """,
            "tests/test_codec.py": """
                from cursor.codec import decode, encode


                def test_small():
                    assert decode(encode(3, 10)) == 30
            """,
        },
        changes=(
            ("cursor/codec.py", 'struct.pack(">i"', 'struct.pack(">q"'),
            ("cursor/codec.py", 'struct.unpack(">i"', 'struct.unpack(">q"'),
        ),
        files={"tests/test_far_page.py": """
            from cursor.codec import decode, encode


            def test_far_page():
                assert decode(encode(100_000_000, 50)) == 5_000_000_000
        """},
        tests=("tests/test_far_page.py",),
    ),
)
