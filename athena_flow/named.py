"""The edge to Athena's named queries: those of one workgroup, listed and written by boto3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from athena_flow.aws import asked
from athena_flow.errors import EngineError, NotFound
from athena_flow.publish import Named

BATCH = 50
"""Ids in one BatchGetNamedQuery, and on a page of ListNamedQueries. Source: Athena API reference,
NamedQueryIds and MaxResults."""


class WorkgroupQueries:
    """A `publish.NamedQueries`. Raises NotFound, and as `aws_failure`; retries are the client's."""

    def __init__(self, client: Any, workgroup: str) -> None:  # a boto3 client, made at run time
        self._athena, self.workgroup = client, workgroup

    def all(self) -> Iterator[Named]:
        doing = f"workgroup {self.workgroup}"
        try:
            asked(doing, self._athena.get_work_group, WorkGroup=self.workgroup)
        except EngineError as error:  # Athena has no error of its own for it
            if "not found" not in error.message.lower():
                raise
            raise NotFound(error.message, hint="name one with --workgroup") from None
        token: dict[str, str] = {}
        while True:
            page = asked(
                f"listing the named queries of {doing}",
                self._athena.list_named_queries,
                WorkGroup=self.workgroup,
                MaxResults=BATCH,
                **token,
            )
            yield from self._read(page.get("NamedQueryIds", []))
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def _read(self, ids: list[str]) -> Iterator[Named]:
        if not ids:
            return
        answer = asked(
            "reading named queries", self._athena.batch_get_named_query, NamedQueryIds=ids
        )
        found = list(answer.get("NamedQueries", []))
        for undone in answer.get("UnprocessedNamedQueryIds", []):
            one = self._one(undone["NamedQueryId"])
            found += [one] if one else []
        for entry in found:
            yield Named(
                entry["Name"],
                entry.get("Description") or "",
                entry["Database"],
                entry["QueryString"],
                entry["NamedQueryId"],
            )

    def _one(self, number: str) -> Any:
        """One that a batch left undone; None if somebody has removed it meanwhile."""
        try:
            read = self._athena.get_named_query
            return asked(f"reading named query {number}", read, NamedQueryId=number)["NamedQuery"]
        except NotFound:
            return None

    def create(self, wanted: Named) -> None:
        asked(
            f"creating the named query {wanted.name}",
            self._athena.create_named_query,
            Name=wanted.name,
            Description=wanted.description,
            Database=wanted.database,
            QueryString=wanted.sql,
            WorkGroup=self.workgroup,
        )

    def update(self, wanted: Named) -> None:
        asked(
            f"updating the named query {wanted.name}",
            self._athena.update_named_query,
            NamedQueryId=wanted.id,
            Name=wanted.name,
            Description=wanted.description,
            QueryString=wanted.sql,
        )

    def remove(self, found: Named) -> None:
        try:
            remove = self._athena.delete_named_query
            asked(f"removing the named query {found.name}", remove, NamedQueryId=found.id)
        except NotFound:
            return


def prepared_text(client: Any, workgroup: str, name: str) -> str:  # a boto3 client, as above
    """The text of a prepared statement. Raises NotFound, and as `aws_failure`."""
    answer = asked(
        f"reading prepared statement {name} of workgroup {workgroup}",
        client.get_prepared_statement,
        StatementName=name,
        WorkGroup=workgroup,
    )
    return str(answer["PreparedStatement"]["QueryStatement"])
