"""``python -m saltern_master.up``."""

import sys

from saltern.programs import saltern_up

sys.exit(saltern_up())
