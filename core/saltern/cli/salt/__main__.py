"""``python -m saltern.cli.salt``."""

import sys

from saltern.cli.salt.program import main

sys.exit(main())
