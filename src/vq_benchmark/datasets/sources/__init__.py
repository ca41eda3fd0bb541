"""Vectors read by row range: streams, and wrappers around them."""
