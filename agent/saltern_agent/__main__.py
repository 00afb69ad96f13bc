"""``python -m saltern_agent``."""

import sys

from saltern_agent.main import main

sys.exit(main())
