"""The answer in words: the smallest configuration that reaches a goal, and what choosing it means."""
