"""Aggregates, values and rules: pure, with no clock, disk or network."""
