"""Fakes and contract suites, for our tests and for users of the library."""
