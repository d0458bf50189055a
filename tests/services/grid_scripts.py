"""Scripts for OMERO, as a user uploads them."""

from __future__ import annotations

from pathlib import Path

_HEAD = """
import json, os, subprocess, sys, time
import omero.scripts as scripts
from omero.rtypes import rstring
client = scripts.client("test.py", "a script of tests", scripts.Long("n", default=1), version="1.0")
"""

GREETS = f"""{_HEAD}
print("to the output")
sys.stderr.write("to the error output")
client.setOutput("Message", rstring("hello %s" % client.getInput("n", unwrap=True)))
client.closeSession()
"""

TELLS = f"""{_HEAD}
import omero_version
print(json.dumps(dict(env=dict(os.environ), prefix=sys.prefix, omero=omero_version.omero_version)))
client.closeSession()
"""

MAKES_A_FILE = f"""{_HEAD}
from omero.rtypes import robject
with open("table.csv", "w") as table:
    table.write("image,cells\\n" + "".join("%s,7\\n" % number for number in range(20000)))
client.setOutput("Table", robject(client.upload("table.csv")))
client.closeSession()
"""

ADDS_UP_AN_IMAGE = f"""{_HEAD}
from omero.gateway import BlitzGateway, MapAnnotationWrapper
connection = BlitzGateway(client_obj=client)
image = connection.getObject("Image", client.getInput("n", unwrap=True))
total = int(image.getPrimaryPixels().getPlane(0, 1, 0).sum())
pairs = MapAnnotationWrapper(connection)
pairs.setValue([["total", str(total)]])
pairs.save()
image.linkAnnotation(pairs)
client.setOutput("Message", rstring("%s: %s" % (image.getName(), total)))
client.closeSession()
"""

FAILS = f"""{_HEAD}
print("so far so good", flush=True)
sys.exit(3)
"""


def leaves_processes(started: Path, *, is_stubborn: bool = False, ends: bool = False) -> str:
    """Return a script with children, some in sessions of their own; it writes a file, then waits."""
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" if is_stubborn else ""
    last = "sys.exit(0)" if ends else "time.sleep(3600)"
    return f"""{_HEAD}
{ignore}
subprocess.Popen(["sleep", "3600"])
subprocess.Popen(["sh", "-c", "setsid sleep 3600 & setsid sleep 3600 & wait"], start_new_session=True)
print("they run", flush=True)
open({str(started)!r}, "w").close()
{last}
"""


def waits_for(file: Path, started: Path) -> str:
    """Return a script that says that it has started, and ends when a file is there."""
    return f"""{_HEAD}
open({str(started)!r}, "w").close()
while not os.path.exists({str(file)!r}):
    time.sleep(0.02)
"""


def takes_memory(mb: int) -> str:
    """Return a script whose child takes memory and keeps it."""
    return f"""{_HEAD}
subprocess.run([sys.executable, "-c", "import time; x = bytearray(b'x' * {mb} * 2**20); time.sleep(3600)"])
"""
