"""The scripts as OMERO gets them: copied or uploaded to ``lib/scripts/biomero``, and not imported."""
