"""Containers and environments that workflows run in."""
