"""Whether the words of an implementation speak for what a red test wanted, on documentation of many kinds."""

from __future__ import annotations

import pytest

from bot.audit.observed.support import Claim, Word, judge
from bot.audit.reading.program import Program
from bot.audit.vacuity.phrases import agree, meaning, oppose, stem

Row = tuple[str, tuple[str, ...], str, str, str, str]
"""Code, what of it was entered, the test's name and docstring, and what it wanted and got."""

PROMISED: tuple[Row, ...] = (
    ('''\
class Shelf:
    """Books by title."""
    def titles(self):
        """The titles, in alphabetical order whatever the order of arrival."""
        return list(self._books)
''', ('Shelf.titles',), 'test_titles_come_in_alphabetical_order', '',
     "['Ada', 'Bo', 'Cy']", "['Cy', 'Ada', 'Bo']"),
    ('''\
def slug(text):
    """A URL part. Umlauts are written out (ue for u with dots); runs of blanks become one hyphen."""
    return text.lower().replace(" ", "-")
''', ('slug',), 'test_runs_of_blanks_become_a_single_hyphen', '',
     "'a-b'", "'a---b'"),
    ('''\
class Cart:
    def remove(self, sku, n=1):
        """Take pieces out. A line with no pieces left disappears; an unknown SKU is ignored."""
        self.lines[sku] -= n
''', ('Cart.remove',), 'test_removing_an_unknown_sku_is_ignored', '',
     '', 'KeyError'),
    ('''\
def split_bill(total, people):
    """Shares in cents. They always sum up to the total: the first ones carry the remainder."""
    return [total // people] * people
''', ('split_bill',), 'test_shares_sum_up_to_the_total', '',
     '1000', '999'),
    ('''\
def parse_duration(text):
    """Seconds of '1h30m'. Upper and lower case mean the same."""
    return 1
''', ('parse_duration',), 'test_units_in_upper_case', 'Upper case is the same as lower case.',
     '5400', "'ValueError'"),
    ('''\
class Poller:
    # After a success the interval is reset to the initial one.
    def tick(self, ok):
        self.interval *= 2
''', ('Poller.tick',), 'test_success_resets_the_interval', '',
     '1', '8'),
    ('''\
def mask(email):
    """Hide an address in logs: the domain stays readable, of the rest only the first letter."""
    return "***"
''', ('mask',), 'test_domain_stays_readable', '',
     "'a***@example.org'", "'***'"),
    ('''\
class Ledger:
    def transfer(self, a, b, amount):
        """Move money. ValueError for amounts that are not positive; nothing is booked then."""
        self.log.append((a, b, amount))
''', ('Ledger.transfer',), 'test_negative_amounts_are_refused', '',
     'ValueError', ''),
    ('''\
class Bus:
    def publish(self, topic, event):
        """Call each subscriber once. One that raises does not keep the others from being called."""
        for f in self._subs[topic]: f(event)
''', ('Bus.publish',),
     'test_failing_subscriber_does_not_stop_the_others', 'One that raises must not keep the others from being called.',
     "['b']", 'RuntimeError'),
    ('''\
def chunked(items, n):
    """Lists of n items each; the last one may be shorter."""
    return [items[i:i+n] for i in range(0, len(items) - n, n)]
''', ('chunked',), 'test_last_chunk_may_be_shorter', '',
     '[[1, 2], [3]]', '[[1, 2]]'),
    ('''\
class Clock:
    @property
    def now(self):
        """Always in UTC, with a time zone."""
        return 1
''', ('Clock.now',), 'test_now_carries_a_time_zone', '',
     'datetime.timezone.utc', 'None'),
    ('''\
MAX_NAME_LENGTH = 40
def rename(user, name):
    """Give a user another name. Names longer than MAX_NAME_LENGTH are cut."""
    user.name = name
''', ('rename',), 'test_long_names_are_cut', '',
     '40', '55'),
    ('''\
class Inbox:
    def unread(self):
        """Unread messages, newest first. Archived ones do not count."""
        return self._all
''', ('Inbox.unread',), 'test_archived_messages_do_not_count', '',
     '1', '2'),
    ('''\
def merge(base, extra):
    """A new dict; neither argument is changed. Values of extra win."""
    base.update(extra)
    return base
''', ('merge',), 'test_arguments_are_left_unchanged', '',
     "{'a': 1}", "{'a': 2}"),
    ('''\
class Gate:
    """Three wrong codes in a row lock the gate for five minutes."""
    def enter(self, code):
        return True
''', ('Gate.enter',), 'test_gate_is_locked_after_three_wrong_codes', '',
     'False', 'True'),
    ('''\
def to_csv(rows):
    """Rows as CSV. Cells with a comma or a quote are quoted."""
    return ""
''', ('to_csv',), 'test_cells_with_a_comma_are_quoted', '',
     "'x,y'", "'a,b'"),
    ('''\
class Upload:
    def finish(self):
        """Move the file in place; the temporary file is removed, also on failure."""
        raise OSError
''', ('Upload.finish',), 'test_temporary_file_is_removed_on_failure', '',
     'False', 'True'),
    ('''\
class Session:
    timeout: int = 1800
    """Idle seconds until it ends; every request starts the count anew."""
    def touch(self):
        pass
''', ('Session.touch',), 'test_every_request_starts_the_count_anew', '',
     '0', '10'),
    ('''\
def percentile(values, p):
    """The nearest-rank percentile. An empty list gives None."""
    return sorted(values)[0]
''', ('percentile',), 'test_empty_list_gives_none', '',
     'None', 'IndexError'),
    ('''\
class Feed:
    def latest(self, n):
        """The n newest entries. Entries without a date come last."""
        return []
''', ('Feed.latest',), 'test_entries_without_date_come_last', '',
     "['b', 'a']", "['a', 'b']"),
    ('''\
def normalise_phone(text):
    """Digits only; a leading plus is kept."""
    return ""
''', ('normalise_phone',), 'test_leading_plus_is_preserved', '',
     "'+49'", "'49'"),
    ('''\
class Semaphore:
    """Waiters are served first come, first served."""
    def release(self): pass
''', ('Semaphore.release',), 'test_waiters_are_served_in_order_of_arrival', 'First come, first served.',
     '[1, 2]', '[2, 1]'),
    ('''\
def compress(data):
    """Payloads below 1 KiB are sent as they are."""
    return data
''', ('compress',), 'test_small_payloads_are_not_compressed', 'Below 1 KiB compression does not pay.',
     "b'abc'", "b'x'"),
    ('''\
class Scheduler:
    def cancel(self, job):
        """Cancelling a job twice is harmless."""
        raise KeyError
''', ('Scheduler.cancel',), 'test_cancelling_twice_is_harmless', '',
     '', 'KeyError'),
    ('''\
def page(items, number, size=20):
    """One page; numbers beyond the end give an empty list."""
    return items
''', ('page',), 'test_page_beyond_the_end_is_empty', '',
     '[]', '[1]'),
    ('''\
class Token:
    def verify(self, value):
        """Compare in constant time. Leading and trailing whitespace is stripped."""
        return False
''', ('Token.verify',), 'test_whitespace_around_token_is_stripped', '',
     'True', 'False'),
    ('''\
class Metrics:
    def observe(self, ms):
        """Record a duration. Negative durations raise ValueError."""
        self.x = ms
''', ('Metrics.observe',), 'test_negative_duration_raises', '',
     'ValueError', ''),
    ('''\
class Queue:
    max_size = 100
    def put(self, item):
        """Append. When it already holds max_size items the oldest is dropped."""
        self.items.append(item)
''', ('Queue.put',), 'test_full_queue_drops_the_oldest_item', '',
     '100', '101'),
    ('''\
def deep_get(data, path, default=None):
    """Value at a dotted path. Keys are matched ignoring case."""
    return default
''', ('deep_get',), 'test_keys_match_regardless_of_case', 'Keys are matched ignoring case, as in headers.',
     '1', 'None'),
)
"""The code contradicts what its documentation promises, and the test asks for that."""

MADE_UP: tuple[Row, ...] = (
    ('''\
class Shelf:
    def titles(self):
        """The titles, oldest first."""
        return list(self._books)
''', ('Shelf.titles',), 'test_titles_are_sorted_newest_first', 'The newest title comes first.',
     "['Cy', 'Ada']", "['Ada', 'Cy']"),
    ('''\
def slug(text):
    """A URL part in lower case; blanks become hyphens."""
    return 1
''', ('slug',), 'test_blanks_become_underscores', '',
     "'a_b'", "'a-b'"),
    ('''\
class Cart:
    def remove(self, sku):
        """Take a line out; an unknown SKU is ignored."""
''', ('Cart.remove',), 'test_unknown_sku_raises_key_error', '',
     'KeyError', ''),
    ('''\
RETRIES = 3
class Poller:
    def poll(self):
        """Ask until there is an answer, RETRIES times at most."""
''', ('Poller.poll',), 'test_poll_retries_five_times', 'Five attempts are made before it gives up.',
     '5', '3'),
    ('''\
class Lru:
    """A cache of a fixed size. When it is full, the least recently used entry is evicted."""
    def put(self, key, value): pass
''', ('Lru.put',), 'test_full_cache_raises_overflow_error', '',
     'OverflowError', ''),
    ('''\
class Token:
    """Valid for 15 minutes, and 30 seconds longer for clocks that differ."""
    def verify(self, now): return True
''', ('Token.verify',), 'test_expired_token_is_rejected_immediately', 'An expired token must be rejected at once.',
     'TokenExpired', ''),
    ('''\
class Pool:
    """At most four connections; further callers wait."""
    def acquire(self): return 1
''', ('Pool.acquire',),
     'test_acquire_raises_when_pool_is_exhausted', 'A fifth caller gets PoolExhausted instead of waiting.',
     'PoolExhausted', ''),
    ('''\
class Limiter:
    def wait_time(self):
        """Seconds until the next call is allowed."""
        return 0.5
''', ('Limiter.wait_time',), 'test_wait_time_is_in_milliseconds', '',
     '500', '0.5'),
    ('''\
def chunked(items, n):
    """Lists of n items each; the last one may be shorter."""
    return 1
''', ('chunked',), 'test_last_chunk_is_padded_with_none', '',
     '[[1, 2], [3, None]]', '[[1, 2], [3]]'),
    ('''\
def load(path):
    """Settings from a file. A missing file gives the defaults."""
    return 1
''', ('load',), 'test_missing_file_raises_configuration_error', '',
     'ConfigurationError', ''),
    ('''\
class Session:
    """Ends after 30 minutes without a request."""
    def touch(self): self.timeout = 1800
''', ('Session.touch',), 'test_session_timeout_is_one_hour', 'A session must last one hour.',
     '3600', '1800'),
    ('''\
def mask(email):
    """Hide an address in logs: the domain stays readable."""
    return 1
''', ('mask',), 'test_domain_is_masked_too', '',
     "'***@***'", "'***@example.org'"),
    ('''\
class Bus:
    def publish(self, topic, event):
        """Call each subscriber, in the order of subscription."""
''', ('Bus.publish',), 'test_subscribers_are_called_in_parallel', '',
     '0.1', '0.3'),
    ('''\
def round_price(x):
    """Half a cent is rounded to the even one."""
''', ('round_price',), 'test_half_a_cent_is_rounded_up', '',
     "Decimal('2.35')", "Decimal('2.34')"),
    ('''\
class Inbox:
    def page(self, n):
        """Pages count from 1; 0 is a ValueError."""
''', ('Inbox.page',), 'test_pages_count_from_zero', '',
     "'a'", 'ValueError'),
    ('''\
def authorise(key):
    """Unknown keys are answered with 403."""
''', ('authorise',), 'test_unknown_key_is_answered_with_unauthorized', 'Unknown keys get 401.',
     '401', '403'),
    ('''\
class Upload:
    """Files of up to 10 MB."""
    def send(self, data): pass
''', ('Upload.send',), 'test_upload_accepts_fifty_megabytes', '',
     '200', '413'),
    ('''\
class Job:
    def cancel(self):
        """Cancel it. A job that runs goes on to its end."""
''', ('Job.cancel',), 'test_cancel_interrupts_a_running_job', 'A running job must be killed when it is cancelled.',
     "'killed'", "'running'"),
    ('''\
def parse_bool(text):
    """yes, no, on, off; anything else is a ValueError."""
''', ('parse_bool',), 'test_anything_else_is_false', '',
     'False', 'ValueError'),
    ('''\
class Store:
    def add(self, key):
        """Add a key; adding it again does nothing."""
''', ('Store.add',), 'test_adding_a_duplicate_key_raises', 'Duplicate keys must be rejected with DuplicateKey.',
     'DuplicateKey', ''),
    ('''\
class Feed:
    def latest(self, n):
        """The n newest entries; entries without a date come first."""
        return []
''', ('Feed.latest',), 'test_entries_without_date_come_last', '',
     "['b', 'a']", "['a', 'b']"),
    ('''\
def normalise_phone(text):
    """Digits only; every other character is removed."""
    return ""
''', ('normalise_phone',), 'test_leading_plus_is_preserved', '',
     "'+49'", "'49'"),
    ('''\
class Breaker:
    """Opens after five failures in a row."""
    threshold = 5
    def call(self): pass
''', ('Breaker.call',),
     'test_breaker_opens_after_three_failures', 'The breaker must open after three failures in a row.',
     "'open'", "'closed'"),
    ('''\
class Scheduler:
    def cancel(self, job):
        """Cancelling an unknown job raises JobNotFound."""
''', ('Scheduler.cancel',), 'test_cancelling_unknown_job_is_ignored', '',
     '', 'JobNotFound'),
    ('''\
def page(items, number, size=20):
    """One page; numbers beyond the end raise IndexError."""
    return items
''', ('page',), 'test_page_beyond_the_end_is_empty', '',
     '', 'IndexError'),
    ('''\
class Hub:
    """Clients are dropped after 60 seconds of silence."""
    timeout = 60
    def ping(self): pass
''', ('Hub.ping',), 'test_client_is_dropped_after_thirty_seconds', 'A silent client is dropped after 30 seconds.',
     '30', '60'),
    ('''\
class Cache:
    def set(self, key, value, ttl=300):
        """Store a value; it expires after ttl seconds, 0 means never."""
''', ('Cache.set',), 'test_ttl_zero_expires_immediately', 'A TTL of zero must expire the value at once.',
     'None', "'x'"),
    ('''\
def send(msg):
    """Send a message. Failures are logged and not raised."""
''', ('send',), 'test_failure_to_send_is_raised', '',
     'ConnectionError', ''),
    ('''\
class Auth:
    def login(self, user, password):
        """User names are case sensitive."""
''', ('Auth.login',), 'test_user_names_are_case_insensitive', 'Names must match in any case.',
     'True', 'False'),
    ('''\
class Room:
    """A broadcast goes to all members, the sender included."""
    def broadcast(self, m): pass
''', ('Room.broadcast',), 'test_broadcast_does_not_go_to_the_sender', '',
     '[]', "['x']"),
)
"""The documentation says another thing than the test, or nothing of it."""


def _judged(row: Row) -> tuple[Word, str]:
    code, reached, name, doc, expected, actual = row
    program = Program.build({"app/__init__.py": "", "app/mod.py": code}, {})
    claim = Claim(name, (doc,) if doc else (), expected, actual)
    return judge(program, tuple(f"app/mod.py::{one}" for one in reached), claim)


@pytest.mark.parametrize("row", PROMISED, ids=[f"{at}-{row[2]}" for at, row in enumerate(PROMISED)])
def test_documentation_that_promises_what_a_test_wants_speaks_for_it(row: Row) -> None:
    word, sentence = _judged(row)
    assert word is Word.SUPPORTED
    assert sentence


@pytest.mark.parametrize("row", MADE_UP, ids=[f"{at}-{row[2]}" for at, row in enumerate(MADE_UP)])
def test_documentation_on_the_subject_that_says_another_thing_does_not(row: Row) -> None:
    assert _judged(row)[0] is not Word.SUPPORTED


def test_the_name_of_the_test_itself_is_no_word_of_the_code() -> None:
    code = (
        'class Policy:\n    """The cap also holds after the jitter."""\n\n'
        '    def delay(self):\n        return self.x\n')
    test = "def test_cap_holds_after_jitter():\n    pass\n"
    program = Program.build({"app/mod.py": code}, {"tests/test_mod.py": test})
    entered = ("app/mod.py::Policy.delay", "tests/test_mod.py::test_cap_holds_after_jitter")
    assert judge(program, entered, Claim("test_cap_holds_after_jitter", (), "300", "448.5"))[0] is Word.SUPPORTED


@pytest.mark.parametrize(("one", "other"), [
    ("retries", "retried"), ("stopped", "stop"), ("caches", "caching"), ("translated", "translation"),
    ("dates", "date"), ("kept", "keeps"), ("ordered", "ordering"),
])
def test_the_forms_of_a_word_have_one_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_words_of_one_meaning_and_numbers_in_words_are_one() -> None:
    assert meaning("skipped") == meaning("ignore")
    assert meaning("ten") == "10"
    assert meaning("skipped") != meaning("kept")


@pytest.mark.parametrize(("one", "other", "against"), [
    ("newest first", "oldest first", True), ("inclusive", "exclusive limits", True), ("newest first", "newest", False),
    ("first and last", "last", False), ("case sensitive", "insensitive", True),
])
def test_opposites(one: str, other: str, against: bool) -> None:
    assert oppose(one, other) is against


@pytest.mark.parametrize(("phrase", "sentence", "agrees"), [
    ("test_blank_lines_are_not_counted", "Blank lines do not count.", True),
    ("test_blank_lines_are_counted", "Blank lines do not count.", False),
    ("test_blank_lines_are_skipped", "Blank lines are ignored.", True),
    ("test_limit_is_five_per_user", "At most three per user.", False),
    ("test_500_errors_are_retried", "Errors of 5xx are retried.", False),
    ("test_frames_above_the_limit_are_refused", "Frames of more than 64 KiB are an error.", True),
])
def test_a_name_agrees_with_a_sentence_that_ends_as_it_does(phrase: str, sentence: str, agrees: bool) -> None:
    assert bool(agree(phrase, sentence, frozenset(), is_name=True)) is agrees
