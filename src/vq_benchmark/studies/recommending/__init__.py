"""Search for the smallest configuration that reaches a goal, with as few passes over the base as possible."""
