"""Settings to services: the one place that chooses adapters."""
