"""Measurements on labels."""
