"""Real images for the reference workflows."""

from services.demo_images import demo_images

__all__ = ["demo_images"]
