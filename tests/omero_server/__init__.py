"""The test server: a small OMERO server for tests, which real clients speak to over real Ice.

It runs as a process of its own, in an environment with omero-py, by whose slice definitions it answers; see
`services.omero_server` for how tests start one, and ``README.md`` for what it does not do.
"""
