"""What makes vectors impossible or misleading to measure."""
