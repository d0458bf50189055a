"""Tables that workflows write: CSV, TSV and Parquet."""

from biomero.adapters.tables.files import TableFiles

__all__ = ["TableFiles"]
