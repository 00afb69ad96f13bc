"""``python -m saltern_master``."""

import sys

from saltern.programs import saltern_master

sys.exit(saltern_master())
