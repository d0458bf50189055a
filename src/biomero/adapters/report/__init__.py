"""Pictures and pages about a run."""

from biomero.adapters.report.writer import HtmlReport

__all__ = ["HtmlReport"]
