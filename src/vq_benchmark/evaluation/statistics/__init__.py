"""Sums without rounding, intervals, and tests of one configuration against another."""
