"""What OMERO.grid starts as ``Processor-0`` (``python -m runProcessor``), found in the node's folder first.

omero-py has a module of that name; this one stands before it without replacing anything.
"""

import sys

from biomero.entrypoints.processor.server import main

if __name__ == "__main__":
    sys.exit(main())
