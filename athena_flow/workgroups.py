"""The edge to Athena's workgroups by boto3: found, created, updated."""

from __future__ import annotations

from typing import Any

from athena_flow.aws import asked
from athena_flow.errors import AthenaFlowError
from athena_flow.workgroup import Workgroup

MISSING = "is not found"
"""What Athena says of a workgroup that there is not: an InvalidRequestException like any other."""


class AwsWorkgroups:
    """A `workgroup.Workgroups`. Raises as `aws_failure`; retries are the client's."""

    def __init__(self, client: Any) -> None:  # a boto3 client, made at run time
        self._athena = client

    def find(self, name: str) -> Workgroup | None:
        try:
            answer = asked(f"workgroup {name}", self._athena.get_work_group, WorkGroup=name)
        except AthenaFlowError as error:
            if MISSING in error.message:
                return None
            raise
        group = answer["WorkGroup"]
        settings = group.get("Configuration") or {}
        engine = (settings.get("EngineVersion") or {}).get("SelectedEngineVersion") or ""
        return Workgroup(
            name=name,
            cutoff_bytes=settings.get("BytesScannedCutoffPerQuery"),
            enforced=bool(settings.get("EnforceWorkGroupConfiguration")),
            output_location=(settings.get("ResultConfiguration") or {}).get("OutputLocation"),
            managed_results=bool(
                (settings.get("ManagedQueryResultsConfiguration") or {}).get("Enabled")
            ),
            spark="spark" in engine.lower(),
            enabled=group.get("State", "ENABLED") == "ENABLED",
        )

    def create(self, wanted: Workgroup) -> bool:
        try:
            asked(
                f"creating workgroup {wanted.name}",
                self._athena.create_work_group,
                Name=wanted.name,
                Description="Queries of athena-flow, cut off by Athena above a limit",
                Configuration={
                    "ResultConfiguration": {"OutputLocation": wanted.output_location},
                    "EnforceWorkGroupConfiguration": wanted.enforced,
                    "BytesScannedCutoffPerQuery": wanted.cutoff_bytes,
                },
            )
        except AthenaFlowError as error:
            if "already" in error.message and self.find(wanted.name):
                return False
            raise
        return True

    def update(self, before: Workgroup, after: Workgroup) -> None:
        news: dict[str, object] = {}
        if after.cutoff_bytes != before.cutoff_bytes:
            news["BytesScannedCutoffPerQuery"] = after.cutoff_bytes
        if after.enforced != before.enforced:
            news["EnforceWorkGroupConfiguration"] = after.enforced
        if after.output_location != before.output_location:
            news["ResultConfigurationUpdates"] = {"OutputLocation": after.output_location}
        asked(
            f"updating workgroup {after.name}",
            self._athena.update_work_group,
            WorkGroup=after.name,
            ConfigurationUpdates=news,
        )
