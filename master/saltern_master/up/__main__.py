"""``python -m saltern_master.up``."""

import sys

from saltern_master.up.main import main

sys.exit(main())
