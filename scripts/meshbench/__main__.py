"""`python -m meshbench`."""

import sys

from meshbench.cli import main

sys.exit(main())
