"""`python -m worker.cli` is `marketmap`."""

from worker.cli.main import main

main()
