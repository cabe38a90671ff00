"""athena-cost-guard's estimate of a statement, as the estimate bench asks for it.

    python tests/bench/guarded.py FILE.sql

A program of its own, so that it runs in a virtual environment of its own. Prints the bytes,
and the seconds without the imports; or what went wrong.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from athena_cost_guard import estimate  # type: ignore[import-not-found]  # the peer's environment


def main() -> None:
    sql = Path(sys.argv[1]).read_text("utf-8")
    began = time.perf_counter()
    try:
        found = estimate(sql, database="flow_logs", region="us-east-1")
        told = {"bytes": found.bytes_scanned, "partitions": found.partitions_matched}
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the peer's answer
        told = {"bytes": None, "error": f"{type(error).__name__}: {error}"}
    told["seconds"] = time.perf_counter() - began
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
