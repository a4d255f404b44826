"""Honest fixes of races, of a missing await, and of what is done in the wrong order."""

from tests.proof_corpus.case import Case

RACES = (
    Case(
        name="race-of-threads",
        kind="read, change, write without a lock; a src layout, a fix of three places",
        verdict="proven",
        base={
            "src/stock/__init__.py": "",
            "src/stock/store.py": """
                class Store:
                    def __init__(self):
                        self.rows = {}

                    def read(self, name):
                        return self.rows.get(name, 0)

                    def write(self, name, count):
                        self.rows[name] = count
            """,
            "src/stock/counter.py": """
                class Counter:
                    def __init__(self, store):
                        self.store = store

                    def add(self, name, count):
                        there = self.store.read(name)
                        self.store.write(name, there + count)
            """,
            "tests/test_counter.py": """
                from stock.counter import Counter
                from stock.store import Store


                def test_adds():
                    store = Store()
                    Counter(store).add("tea", 2)
                    assert store.read("tea") == 2
            """,
        },
        changes=(
            ("src/stock/counter.py", "class Counter:", "import threading\n\n\nclass Counter:"),
            ("src/stock/counter.py", "self.store = store\n",
             "self.store = store\n        self._lock = threading.Lock()\n"),
            ("src/stock/counter.py", """        there = self.store.read(name)
        self.store.write(name, there + count)
""", """        with self._lock:
            there = self.store.read(name)
            self.store.write(name, there + count)
"""),
        ),
        files={"tests/test_two_threads.py": """
            import threading

            from stock.counter import Counter
            from stock.store import Store


            class SlowStore(Store):
                def __init__(self):
                    super().__init__()
                    self.both = threading.Barrier(2)

                def read(self, name):
                    there = super().read(name)
                    try:
                        self.both.wait(0.1)  # where nothing keeps the other out, it reads the same
                    except threading.BrokenBarrierError:
                        pass
                    return there


            def test_no_count_is_lost():
                store = SlowStore()
                counter = Counter(store)
                threads = [threading.Thread(target=counter.add, args=("tea", 1)) for _ in range(2)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                assert store.rows["tea"] == 2
        """},
        tests=("tests/test_two_threads.py",),
    ),
    Case(
        name="race-of-tasks",
        kind="an await between check and act; asyncio, a package of three modules",
        verdict="proven",
        base={
            "gateway/__init__.py": "",
            "gateway/backend.py": """
                import asyncio


                class Backend:
                    def __init__(self):
                        self.opened = 0

                    async def connect(self):
                        self.opened += 1
                        await asyncio.sleep(0)
                        return f"connection {self.opened}"
            """,
            "gateway/pool.py": """
                class Pool:
                    def __init__(self, backend):
                        self.backend = backend
                        self.connection = None

                    async def get(self):
                        if self.connection is None:
                            self.connection = await self.backend.connect()
                        return self.connection
            """,
            "gateway/client.py": """
                async def ask(pool, text):
                    return f"{await pool.get()}: {text}"
            """,
            "tests/test_client.py": """
                import asyncio

                from gateway.backend import Backend
                from gateway.client import ask
                from gateway.pool import Pool


                def test_asks():
                    assert asyncio.run(ask(Pool(Backend()), "hi")) == "connection 1: hi"
            """,
        },
        changes=(
            ("gateway/pool.py", "class Pool:", "import asyncio\n\n\nclass Pool:"),
            ("gateway/pool.py", "self.connection = None\n",
             "self.connection = None\n        self.lock = asyncio.Lock()\n"),
            ("gateway/pool.py", """        if self.connection is None:
            self.connection = await self.backend.connect()
        return self.connection
""", """        async with self.lock:
            if self.connection is None:
                self.connection = await self.backend.connect()
            return self.connection
"""),
        ),
        files={"tests/test_one_connection.py": """
            import asyncio

            from gateway.backend import Backend
            from gateway.client import ask
            from gateway.pool import Pool


            def test_many_clients_share_a_connection():
                async def scenario():
                    backend = Backend()
                    pool = Pool(backend)
                    said = await asyncio.gather(*(ask(pool, "hi") for _ in range(3)))
                    return backend.opened, said

                assert asyncio.run(scenario()) == (1, ["connection 1: hi"] * 3)
        """},
        tests=("tests/test_one_connection.py",),
    ),
    Case(
        name="missing-await",
        kind="a coroutine is made and never run; unittest's own asyncio tests",
        verdict="proven",
        base={
            "orders/__init__.py": "",
            "orders/accept.py": """
                async def accept(order, store):
                    if order["count"] < 1:
                        return "refused"
                    store.save(order)
                    return "accepted"
            """,
            "tests/test_accept.py": """
                import unittest

                from orders.accept import accept


                class AcceptTest(unittest.IsolatedAsyncioTestCase):
                    async def test_refuses_none(self):
                        self.assertEqual(await accept({"count": 0}, None), "refused")
            """,
        },
        changes=(("orders/accept.py", "store.save(order)", "await store.save(order)"),),
        files={"tests/test_saved.py": """
            import unittest

            from orders.accept import accept


            class Store:
                def __init__(self):
                    self.saved = []

                async def save(self, order):
                    self.saved.append(order)


            class SavedTest(unittest.IsolatedAsyncioTestCase):
                async def test_an_accepted_order_is_saved(self):
                    store = Store()
                    self.assertEqual(await accept({"count": 1}, store), "accepted")
                    self.assertEqual(store.saved, [{"count": 1}])
        """},
        tests=("tests/test_saved.py",),
    ),
    Case(
        name="start-up-order",
        kind="the service takes work before its handlers are there; four modules",
        verdict="proven",
        base={
            "worker/__init__.py": "",
            "worker/queue.py": """
                class Queue:
                    def __init__(self, waiting=()):
                        self.waiting = list(waiting)
                        self.handlers = {}
                        self.lost = []

                    def start(self):
                        while self.waiting:
                            job = self.waiting.pop(0)
                            self.handlers.get(job, self.lost.append)(job)
            """,
            "worker/handlers.py": """
                def register(queue, done):
                    queue.handlers["mail"] = done.append
            """,
            "worker/main.py": """
                from worker import handlers


                def run(queue):
                    done = []
                    queue.start()
                    handlers.register(queue, done)
                    return done
            """,
            "tests/test_queue.py": """
                from worker.queue import Queue


                def test_unknown_jobs_are_kept():
                    queue = Queue(["what"])
                    queue.start()
                    assert queue.lost == ["what"]
            """,
        },
        changes=((
            "worker/main.py", "    queue.start()\n    handlers.register(queue, done)\n",
            "    handlers.register(queue, done)\n    queue.start()\n",
        ),),
        files={"tests/test_first_jobs.py": """
            from worker.main import run
            from worker.queue import Queue


            def test_what_waits_at_the_start_is_done():
                queue = Queue(["mail", "mail"])
                assert run(queue) == ["mail", "mail"]
                assert queue.lost == []
        """},
        tests=("tests/test_first_jobs.py",),
    ),
)
