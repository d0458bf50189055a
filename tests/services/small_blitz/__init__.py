"""A small server that speaks OMERO's Ice interfaces: what running scripts needs, and nothing else.

It runs in an environment with omero-py, whose slice definitions it answers by; see `services.omero_grid`.
"""
