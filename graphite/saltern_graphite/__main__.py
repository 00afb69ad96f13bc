"""``python -m saltern_graphite``."""

import sys

from saltern_graphite.main import main

sys.exit(main())
