"""``python -m thermal_bms``: the command line."""

import sys

from thermal_bms.cli import main

sys.exit(main())
