"""Growing of labels into cells."""
