"""`python -m qstash_dev` is `qstash-dev`."""

from qstash_dev.cli import main

main()
