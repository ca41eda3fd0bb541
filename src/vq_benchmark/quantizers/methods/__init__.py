"""The quantizers, one file for each method."""
