"""The OpenAPI 3.1 document of a table of routes."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from agent.api.answers import Refusal
from agent.api.messages import JSON, PROBLEM_JSON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.api.routes import Route

REF = "#/components/schemas/{name}"


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """JSON-ready; the schemas are those that the bodies are decoded and encoded by."""
    types = [Refusal] + [
        struct for route in routes for struct in (route.body, *route.answers.values()) if struct
    ]
    _, schemas = msgspec.json.schema_components(types, ref_template=REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Lanetally lane",
            "version": "1",
            "description": "Money is in minor units, quantities in thousandths, weight in grams.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "security": [{}, {"token": []}] if route.is_open else [{"token": []}],
        "responses": {
            **{str(s): _response(s, route.media_type, t) for s, t in route.answers.items()},
            **{str(s): _response(s, PROBLEM_JSON, Refusal) for s in route.refusals},
        },
    }
    names = re.findall(r"{(\w+)}", route.path)
    if names or route.query:
        operation["parameters"] = [
            *({"name": n, "in": "path", "required": True, "schema": _schema(n)} for n in names),
            *(
                {"name": n, "in": "query", "description": what, "schema": _schema(n)}
                for n, what in route.query.items()
            ),
        ]
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(JSON, route.body)}
    return operation


def _schema(name: str) -> dict[str, str]:
    """Of a parameter: its unit tells what it is."""
    return {"type": "integer" if name.endswith(("_no", "_minor")) else "string"}


def _response(status: int, media_type: str, struct: type[msgspec.Struct] | None) -> dict[str, Any]:
    return {
        "description": HTTPStatus(status).phrase,
        "content": _content(media_type, struct),
    }


def _content(media_type: str, struct: type[msgspec.Struct] | None) -> dict[str, Any]:
    schema = {"$ref": REF.format(name=struct.__name__)} if struct else {"type": "object"}
    return {media_type: {"schema": schema}}
