"""Adapters for one machine alone, where there is no cluster."""
