"""``python -m superspike_brian`` is the ``superspike`` command."""

import sys

from .cli.main import main

if __name__ == "__main__":
    sys.exit(main())
