"""Text collections with queries and judgements, embedded into a directory of vectors."""
