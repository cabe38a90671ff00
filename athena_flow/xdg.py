"""Where this machine's user keeps what programs write. Source: XDG Base Directory Specification."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from athena_flow.errors import CannotWrite

_BELOW_HOME = {"STATE": "~/.local/state", "CACHE": "~/.cache"}


def folder(kind: Literal["STATE", "CACHE"]) -> Path:
    """Ours for what is to be remembered, or for what can be found out again.

    A variable whose path is not absolute is ignored, as the specification tells to. Raises
    CannotWrite.
    """
    variable = f"XDG_{kind}_HOME"
    said = Path(os.environ.get(variable, ""))
    try:
        root = said if said.is_absolute() else Path(_BELOW_HOME[kind]).expanduser()
    except RuntimeError:
        raise CannotWrite("there is no home directory", hint=f"set {variable}") from None
    return root / "athena-flow"
