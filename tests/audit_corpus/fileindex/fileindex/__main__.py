"""python -m fileindex"""

import sys

from fileindex.cli import main

sys.exit(main())
