"""Floor 5: tables and figures made from results."""
