"""File formats, one module each, found by extension: see `vq_benchmark.datasets.formats.opening`."""
