"""Honest fixes of what is kept too long or used up: caches, files, connections, iterators."""

from tests.proof_corpus.case import Case

RESOURCES = (
    Case(
        name="stale-cache",
        kind="a cache that an update does not clear; a conftest with a fixture",
        verdict="proven",
        base={
            "prices/__init__.py": "",
            "prices/catalogue.py": """
                class Catalogue:
                    def __init__(self):
                        self.prices = {}
                        self.cache = {}

                    def price(self, name):
                        if name not in self.cache:
                            self.cache[name] = self.prices[name]
                        return self.cache[name]

                    def change(self, name, price):
                        self.prices[name] = price
            """,
            "tests/conftest.py": """
                import pytest

                from prices.catalogue import Catalogue


                @pytest.fixture
                def catalogue():
                    made = Catalogue()
                    made.change("tea", 3)
                    made.change("cake", 5)
                    return made
            """,
            "tests/test_catalogue.py": """
                def test_price(catalogue):
                    assert catalogue.price("tea") == 3
            """,
        },
        changes=(("prices/catalogue.py", "self.prices[name] = price\n",
                  "self.prices[name] = price\n        self.cache.pop(name, None)\n"),),
        files={"tests/test_new_price.py": """
            def test_a_new_price_is_seen_at_once(catalogue):
                assert catalogue.price("tea") == 3
                assert catalogue.price("cake") == 5
                catalogue.change("tea", 4)
                assert catalogue.price("tea") == 4
                assert catalogue.price("cake") == 5
        """},
        tests=("tests/test_new_price.py",),
    ),
    Case(
        name="file-left-open",
        kind="a file stays open when reading it fails",
        verdict="proven",
        base={
            "settings.py": """
                import json


                def load(path, files):
                    file = open(path, encoding="utf-8")
                    files.append(file)
                    found = json.load(file)
                    file.close()
                    return found
            """,
            "tests/test_settings.py": """
                import settings


                def test_load(tmp_path):
                    (tmp_path / "a.json").write_text('{"a": 1}')
                    assert settings.load(tmp_path / "a.json", []) == {"a": 1}
            """,
        },
        changes=((
            "settings.py", """    file = open(path, encoding="utf-8")
    files.append(file)
    found = json.load(file)
    file.close()
    return found
""", """    with open(path, encoding="utf-8") as file:
        files.append(file)
        return json.load(file)
""",
        ),),
        files={"tests/test_closed.py": """
            import pytest

            import settings


            def test_a_broken_file_is_closed(tmp_path):
                (tmp_path / "a.json").write_text("{")
                files = []
                with pytest.raises(ValueError):
                    settings.load(tmp_path / "a.json", files)
                assert [file.closed for file in files] == [True]


            def test_what_it_says_is_read(tmp_path):
                (tmp_path / "a.json").write_text("[1, 2]")
                assert settings.load(tmp_path / "a.json", []) == [1, 2]
        """},
        tests=("tests/test_closed.py",),
    ),
    Case(
        name="connection-not-given-back",
        kind="a pool runs dry when queries fail; a new module comes with the fix",
        verdict="proven",
        base={
            "database/__init__.py": "",
            "database/pool.py": """
                class Pool:
                    def __init__(self, size):
                        self.free = list(range(size))

                    def take(self):
                        return self.free.pop()

                    def give(self, connection):
                        self.free.append(connection)
            """,
            "database/query.py": """
                def query(pool, work):
                    connection = pool.take()
                    found = work(connection)
                    pool.give(connection)
                    return found
            """,
            "tests/test_query.py": """
                from database.pool import Pool
                from database.query import query


                def test_query():
                    assert query(Pool(1), lambda connection: "found") == "found"
            """,
        },
        files={
            "database/lending.py": """
                from contextlib import contextmanager


                @contextmanager
                def lent(pool):
                    connection = pool.take()
                    try:
                        yield connection
                    finally:
                        pool.give(connection)
            """,
            "database/query.py": """
                from database.lending import lent


                def query(pool, work):
                    with lent(pool) as connection:
                        return work(connection)
            """,
            "tests/test_failing_queries.py": """
                import pytest

                from database.pool import Pool
                from database.query import query


                def broken(connection):
                    raise ValueError(connection)


                def test_connections_come_back():
                    pool = Pool(2)
                    for _ in range(3):
                        with pytest.raises(ValueError):
                            query(pool, broken)
                    assert len(pool.free) == 2


                def test_a_connection_is_taken_meanwhile():
                    pool = Pool(1)
                    assert query(pool, lambda connection: (connection, list(pool.free))) == (0, [])
                    assert pool.free == [0]
            """,
        },
        tests=("tests/test_failing_queries.py",),
    ),
    Case(
        name="iterator-exhausted",
        kind="a generator is gone through twice; documentation beside the cure",
        verdict="proven",
        base={
            "README.md": "# Statistics\n",
            "statistic.py": """
                def shares(numbers):
                    total = sum(numbers)
                    return [number / total for number in numbers]
            """,
            "tests/test_statistic.py": """
                from statistic import shares


                def test_shares():
                    assert shares([1, 3]) == [0.25, 0.75]
            """,
        },
        changes=(
            ("README.md", "# Statistics\n", "# Statistics\n\nAny iterable will do.\n"),
            ("statistic.py", "    total = sum(numbers)\n", "    numbers = list(numbers)\n    total = sum(numbers)\n"),
        ),
        files={"tests/test_generator.py": """
            from statistic import shares


            def test_shares_of_a_generator():
                assert shares(number for number in (1, 3)) == [0.25, 0.75]
        """},
        tests=("tests/test_generator.py",),
    ),
    Case(
        name="small-part-not-needed",
        kind="honest, with a small change beside that no test misses",
        verdict="proven",
        base={
            "letters.py": """
                def greeting(name, formal):
                    word = "Dear" if formal else "Hi"
                    return word + " " + name + ","


                def closing(name):
                    return "Yours, " + name


                def address(person):
                    lines = [person["name"], person["street"], person["city"]]
                    return " / ".join(lines)
            """,
            "tests/test_letters.py": """
                from letters import greeting


                def test_greeting():
                    assert greeting("Ann", True) == "Dear Ann,"
            """,
        },
        changes=(
            ("letters.py", 'return "Yours, " + name', 'return f"Yours, {name}"'),
            ("letters.py", '''    lines = [person["name"], person["street"], person["city"]]
    return " / ".join(lines)
''', '''    lines = [person.get(part) for part in ("name", "street", "city")]
    there = [line for line in lines if line]
    return " / ".join(there)
'''),
        ),
        files={"tests/test_address.py": """
            from letters import address


            def test_what_is_not_known_is_left_out():
                assert address({"name": "Ann", "city": "Bonn"}) == "Ann / Bonn"
                assert address({"name": "Ann", "street": "", "city": "Bonn"}) == "Ann / Bonn"
                assert address({"name": "A", "street": "B", "city": "C"}) == "A / B / C"
        """},
        tests=("tests/test_address.py",),
        notes=("letters.py:7", "not needed"),
    ),
)
