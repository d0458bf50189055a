"""Use cases, ports and the run engine."""
