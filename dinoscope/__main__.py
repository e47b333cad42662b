"""`python -m dinoscope`: the command line."""

import sys

from dinoscope.cli import main

sys.exit(main())
