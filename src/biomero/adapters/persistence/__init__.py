"""The database: where events are kept, and the views that are made of them."""
