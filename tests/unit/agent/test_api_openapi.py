"""The document says what the routes do, because it is made of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from agent.api.openapi import document
from agent.api.routes import ROUTES

DOCUMENT: dict[str, Any] = json.loads(msgspec.json.encode(document(ROUTES)))


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_route_is_in_the_document_and_nothing_else() -> None:
    written = {
        (method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item
    }

    assert written == {(route.method, route.path) for route in ROUTES}


def test_every_reference_leads_somewhere() -> None:
    schemas = DOCUMENT["components"]["schemas"]

    assert {ref.rpartition("/")[2] for ref in references(DOCUMENT)} == set(schemas)


def test_the_posted_total_is_described_field_by_field() -> None:
    total = DOCUMENT["components"]["schemas"]["TotalBody"]

    assert total["required"] == ["total_id"]
    assert total["additionalProperties"] is False
    assert {"item_count", "amount_minor", "lines", "tenders", "taxes"} <= set(total["properties"])


def test_only_reading_without_secrets_goes_without_a_token() -> None:
    without = {
        path
        for path, item in DOCUMENT["paths"].items()
        for operation in item.values()
        if {} in operation["security"]
    }

    assert without == {"/v1/health", "/openapi.json", "/v1/screen/session"}
