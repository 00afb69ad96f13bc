"""``python -m saltern_master``."""

import sys

from saltern_master.main import main

sys.exit(main())
