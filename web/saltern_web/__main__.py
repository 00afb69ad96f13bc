"""``python -m saltern_web``."""

import sys

from saltern.programs import saltern_web

sys.exit(saltern_web())
