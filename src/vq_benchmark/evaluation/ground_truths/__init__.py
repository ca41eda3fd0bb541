"""The exact neighbours of queries: computed, given, checked, stored, and the queries that are in the base."""
