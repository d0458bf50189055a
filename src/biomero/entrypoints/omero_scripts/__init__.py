"""Scripts of OMERO: each shows a form, asks the run engine over its socket, and says how it went.

They hold no password and know no database. If a script is killed, the runs that it asked for go on.
"""
