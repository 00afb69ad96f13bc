"""``python -m saltern_api``: the program ``saltern-api``."""

import sys

from saltern_api.main import main

sys.exit(main())
