"""`python -m vq_benchmark`: the program, where its script is not on the path."""

from vq_benchmark.cli.main import main

main()
