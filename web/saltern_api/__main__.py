"""``python -m saltern_api``."""

import sys

from saltern.programs import saltern_api

sys.exit(saltern_api())
