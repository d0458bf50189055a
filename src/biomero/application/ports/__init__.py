"""What the use cases need from the world, in their words."""
