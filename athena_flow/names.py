"""Column names of other people's tables -> flow-log fields.

AWS's own guide named columns otherwise until 2022 (``sourceaddress``, ``numbytes``,
``starttime``), and many tables still do. A name is matched when it leaves no doubt, and
otherwise not at all. Source: git history of the Athena User Guide, "vpc-flow-logs".
"""

from __future__ import annotations

import re

from athena_flow.fields import NAMES

_OLD = {
    "account": "account-id",
    "sourceaddress": "srcaddr",
    "destinationaddress": "dstaddr",
    "sourceport": "srcport",
    "destinationport": "dstport",
    "numpackets": "packets",
    "numbytes": "bytes",
    "starttime": "start",
    "endtime": "end",
    "status": "log-status",
    "direction": "flow-direction",
}
_BARE = {name.replace("-", ""): name for name in NAMES}


def field_of_column(column: str) -> str | None:
    """The field that a column holds by its name, written with or without separators."""
    bare = re.sub(r"[-_]", "", column.lower())
    return _BARE.get(bare) or _OLD.get(bare)
