"""Drives a run through its steps to its end; each step looks, then acts, then records."""
