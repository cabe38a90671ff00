"""The edge to AWS's price list, which is public, and to the file in which its prices are kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from athena_flow.errors import AccessError, BadFile
from athena_flow.prices import Table, read_table

ENDPOINT = "https://pricing.us-east-1.amazonaws.com"
"""Where price lists lie; no credentials are asked for. Source: AWS Billing User Guide,
"Getting price list files manually"."""
PATH = "/offers/v1.0/aws/AmazonAthena/current/index.json"
"""All regions of the service in one file."""
SECONDS = 20
MOST_BYTES = 64 * 2**20
"""The file is some 1 MB."""
FILE_NAME = "prices.toml"


def fetch(endpoint: str | None) -> tuple[Any, str]:
    """The price list as it is now, and its address. Raises AccessError."""
    import urllib.request
    from http.client import HTTPException

    url = (endpoint or ENDPOINT).rstrip("/") + PATH
    if not url.startswith(("https://", "http://")):
        raise AccessError(f"{url}: neither http nor https")
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            body = answer.read(MOST_BYTES + 1)
            length = int(answer.headers.get("Content-Length") or 0)
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise AccessError(
            f"{url}: the price list cannot be read: {reason}",
            hint="the prices that are known stay as they are; or give --price-per-tb",
        ) from error
    if len(body) > MOST_BYTES or len(body) < length:
        raise AccessError(f"{url}: the price list broke off, or is none: {len(body):,} bytes")
    try:
        return json.loads(body), url
    except ValueError as error:
        raise AccessError(f"{url}: this is no price list: {error}") from None


def kept(file: Path) -> Table:
    """The rows that were kept in a file; none where there is no file. Raises BadFile."""
    try:
        return read_table(file.read_text("utf-8"), str(file))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"the price table {file} cannot be read: {error}") from None
    except BadFile as error:
        hint = "athena-flow prices --refresh writes it anew; or take it away"
        raise BadFile(error.message, hint=hint) from None
