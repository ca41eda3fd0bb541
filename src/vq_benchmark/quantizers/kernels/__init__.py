"""Compiled loops over rows. Each row is computed alone: its result does not depend on other rows or threads."""
