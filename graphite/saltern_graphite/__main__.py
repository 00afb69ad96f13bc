"""``python -m saltern_graphite``."""

import sys

from saltern.programs import saltern_graphite

sys.exit(saltern_graphite())
