"""Scans of the packed codes of our own methods, with coded queries and integer arithmetic."""
