"""The worker as a process: its log, how it says how it is, and its beginning and end."""
