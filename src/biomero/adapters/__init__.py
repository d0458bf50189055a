"""One package a technology; they do not know each other."""
