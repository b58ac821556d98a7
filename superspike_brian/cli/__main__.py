"""``python -m superspike_brian.cli``."""

import sys

from .main import main

sys.exit(main())
