"""How the record's events become rows of views; nothing is remembered between two events."""
