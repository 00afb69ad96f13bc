"""``python -m saltern_agent``."""

import sys

from saltern.programs import saltern_agent

sys.exit(saltern_agent())
