"""Programs for environments with OMERO's clients, unmodified; tests start them as processes."""
