"""python -m vos."""

import sys

from vos.cli import main

sys.exit(main())
