"""Little repositories with honest and dishonest fixes, and the verdict that each deserves."""

from tests.proof_corpus.case import Case
from tests.proof_corpus.dishonest_cures import CURES
from tests.proof_corpus.dishonest_pretences import PRETENCES
from tests.proof_corpus.dishonest_reds import REDS
from tests.proof_corpus.dishonest_shows import SHOWS
from tests.proof_corpus.dishonest_tests import CHANGED_TESTS
from tests.proof_corpus.honest_errors import ERRORS
from tests.proof_corpus.honest_files import FILES
from tests.proof_corpus.honest_races import RACES
from tests.proof_corpus.honest_resources import RESOURCES
from tests.proof_corpus.honest_values import VALUES

HONEST: dict[str, Case] = {case.name: case for case in (*VALUES, *RACES, *RESOURCES, *ERRORS, *FILES)}
DISHONEST: dict[str, Case] = {case.name: case for case in (*REDS, *CURES, *CHANGED_TESTS, *SHOWS, *PRETENCES)}
CASES: dict[str, Case] = {**HONEST, **DISHONEST}
