"""``python -m biomero.entrypoints.processor``."""

from __future__ import annotations

import sys

from biomero.entrypoints.processor.server import main

if __name__ == "__main__":
    sys.exit(main())
