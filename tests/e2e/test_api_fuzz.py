"""The lane's HTTP API against its own OpenAPI document, with requests that fit it and that do not.

Each answer must be one that the document allows, in form and content; no request may be answered
by a fault of the server, and none may reach the core that the document forbids.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import cycle

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from agent.api.openapi import document
from agent.api.routes import ROUTES
from agent.domain.outcome import ActOutcome
from agent.domain.text import Text
from tests.api_kit import TOKEN, Lane, serving

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]
#: Answered by the server itself, for any path and method; the document names them nowhere.
EVERYWHERE = {404, 405}
SCHEMA = schemathesis.openapi.from_dict(document(ROUTES))
OPERATIONS = [
    found.ok()
    for found in SCHEMA.get_all_operations()
    if found.ok().path != "/v1/events"  # a stream that never ends
]


class ActingLane(Lane):
    """Refuses and takes what is done by hand, in turn."""

    codes = cycle(("", "no_such_line", "not_allowed"))

    def submit_act(self, act, reply):
        reply(ActOutcome(Text("said"), next(self.codes)))


@pytest.fixture(scope="module")
def port():
    with serving(ActingLane()) as port:
        yield port


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.name.lower())
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda op: f"{op.method} {op.path}")
def test_every_answer_is_one_that_the_document_allows(port, operation, mode):
    @settings(
        max_examples=20,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def fuzz(case):
        response = case.call(
            base_url=f"http://127.0.0.1:{port}",
            headers={"authorization": f"Bearer {TOKEN}"},
            timeout=10,
        )
        if response.status_code not in EVERYWHERE:
            case.validate_response(response, checks=CHECKS)

    with suppress(Unsatisfiable):  # of a request without any input, none can be wrong
        fuzz()
