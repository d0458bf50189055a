"""What programs beside the worker, such as scripts of OMERO, ask the engine: JSON over a local socket."""
