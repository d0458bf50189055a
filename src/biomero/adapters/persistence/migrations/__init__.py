"""How the tables of views came to be what they are, step by step, for Alembic.

A step that changes the columns of a view deletes that view's position too, so that it is built anew.
"""
