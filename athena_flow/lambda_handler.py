"""add-partitions as a Lambda function: the handler is ``athena_flow.lambda_handler:handler``.

Its settings are those of the command, from the environment (``ATHENA_FLOW_TABLE``,
``ATHENA_FLOW_SINCE``, ...) or an ``athena-flow.toml`` beside the code. An invocation that
overlaps another, or is cut off by its time limit, leaves nothing to repair.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from athena_flow import output, terminal
from athena_flow.partitions import check_applied
from athena_flow.ports import Applied, no_progress
from athena_flow.registering import added, planned
from athena_flow.settings import load

LONG = {"partitions", "statements", "strange"}
"""Keys of the document that grow with what lies in S3."""
MOST = 5_000
"""Partitions in an answer: about 200 bytes each. Source: AWS Lambda, quotas, 6 MB a response."""


def handler(event: object, context: object) -> dict[str, Any]:
    """Registers the partitions of the window; returns what ``add-partitions --as json`` prints.

    Of more than `MOST` partitions it returns the numbers without them: Lambda takes 6 MB.
    With ``ATHENA_FLOW_DRY_RUN`` it returns the plan alone, as the command does. Raises what
    the command ends in: a scheduler sees a failed invocation, and the next one does what is
    still undone. ``event`` and ``context`` are not read.
    """
    s = load({}, os.environ, Path.cwd())
    wanted = planned(s, no_progress)
    for note in wanted.found.notes():
        terminal.say(s, f"note: {note}")
    applied = Applied() if s.dry_run else added(s, wanted, no_progress)
    document = (
        output.planned_doc(wanted.spec, wanted.plan, wanted.found)
        if s.dry_run
        else output.added_doc(wanted.spec, wanted.plan, applied, wanted.found)
    )
    terminal.say(
        s,
        f"{wanted.spec.title}: wanted {document['wanted']}, present {document['present']},"
        f" added {document['added']}",
    )
    check_applied(wanted.spec, applied, wanted.found)
    if len(document["partitions"]) <= MOST:
        return document
    return {key: value for key, value in document.items() if key not in LONG}
