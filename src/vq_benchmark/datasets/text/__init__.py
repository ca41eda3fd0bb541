"""Text collections with queries and judgements, and how they become a directory of vectors."""
