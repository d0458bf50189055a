"""The server of OMERO.grid that runs scripts (``Processor-0``), with BIOMERO's environment and limits.

It is omero-py's own processor, subclassed: no file of OMERO is replaced. Nothing but omero-py and the
standard library is imported, so that it also runs in environments whose other packages are not BIOMERO's.
"""
