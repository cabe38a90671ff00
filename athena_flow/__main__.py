"""``python -m athena_flow``."""

from athena_flow.cli import main

main()
