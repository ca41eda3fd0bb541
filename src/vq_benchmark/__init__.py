"""vq-benchmark: which vector quantizer, at which budget of bits, loses how much, how fast, on your own vectors."""

from importlib.metadata import version

__version__ = version("vq-benchmark")
