"""athena-flow: VPC flow logs in Amazon Athena, from a log format to rows and their price.

The public names load nothing heavy: no boto3, duckdb or typer.
"""

from athena_flow.errors import AthenaFlowError
from athena_flow.fields import FIELDS, Field
from athena_flow.layout import LAYOUTS, Layout, Partition
from athena_flow.logformat import LogFormat, parse_format
from athena_flow.table import TableSpec
from athena_flow.window import Window, parse_window

__version__ = "0.1.0"

__all__ = [
    "FIELDS",
    "LAYOUTS",
    "AthenaFlowError",
    "Field",
    "Layout",
    "LogFormat",
    "Partition",
    "TableSpec",
    "Window",
    "__version__",
    "parse_format",
    "parse_window",
]
