"""schemathesis: whatever is sent, the REST routes answer as their OpenAPI says, and never with a 500."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from starlette.applications import Starlette

from tests.rolling import make_job
from vos import api, jobs
from vos.jobs import JobRunner
from vos.store import Store

CHECKS = [
    schemathesis.checks.not_a_server_error,
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.content_type_conformance,
    schemathesis.checks.response_schema_conformance,
    schemathesis.checks.unsupported_method,
]


@pytest.fixture(scope="module")
def served(tmp_path_factory, clip):
    with Store(tmp_path_factory.mktemp("cache")) as store, pytest.MonkeyPatch.context() as patch:
        runner = JobRunner(store)
        runner.wait(runner.submit(make_job(clip, 0), "d"), 60)
        patch.setattr(jobs, "runner", lambda: runner)
        app = Starlette(routes=api.routes)
        yield schemathesis.openapi.from_asgi("/api/openapi.json", app), store.page().rows[0].id
        runner.close()


@pytest.mark.parametrize("operation", api.operations, ids=lambda one: f"{one.method} {one.path}")
def test_answers_are_as_they_are_described(operation, served):
    schema, result_id = served

    @settings(
        max_examples=5,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema[operation.path][operation.method].as_strategy())
    def holds(case):
        if "result_id" in case.path_parameters and operation.method != "DELETE":
            case.path_parameters["result_id"] = result_id
        case.call_and_validate(checks=CHECKS)

    holds()
