"""The OpenAPI document: DRF's views come by themselves; reports stand before Django and are added from the Structs."""

from typing import Any

import msgspec
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.views import SpectacularJSONAPIView

from api.problems import CONTENT_TYPE, STATUSES
from connmon.wire import v1

# Here and not in urls.py: whoever imports it has KeyScheme registered too. The schemas that msgspec makes of the
# Structs are those of OpenAPI 3.1; 3.0 knows no null and no tuples.
show_document = SpectacularJSONAPIView.as_view(
    permission_classes=[], authentication_classes=[], custom_settings={"OAS_VERSION": "3.1.1"}
)


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself on definition
    """How a key is sent."""

    target_class = "api.authentication.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "cm_<id>_<secret>"}


_REFUSALS = (400, 401, 403, 408, 409, 413, 415, 422, 429, 500, 503)


def add_reports(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Adds `POST /api/v1/reports`, its messages and the key."""
    _, schemas = msgspec.json.schema_components(
        [v1.Report, v1.Answer, v1.Orders], ref_template="#/components/schemas/{name}"
    )
    components = result.setdefault("components", {})
    known = components.setdefault("schemas", {})
    added = schemas | {"Problem": _problem_schema()}
    if clash := known.keys() & added.keys():
        raise ValueError(f"Two schemas of the OpenAPI document share a name: {', '.join(sorted(clash))}.")
    known.update(added)
    result["paths"]["/api/v1/reports"] = {"post": _report_operation()}
    return result


def _report_operation() -> dict[str, Any]:
    return {
        "operationId": "send_report",
        "summary": "One report of one game server; 200 means committed and flushed.",
        "tags": ["reports"],
        "security": [{"key": []}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("Report")}}},
        "responses": {
            "200": {"description": "Taken.", "content": {"application/json": {"schema": _ref("Answer")}}},
            **{
                str(status): {
                    "description": ", ".join(code for code, value in STATUSES.items() if value == status),
                    "content": {CONTENT_TYPE: {"schema": _ref("Problem")}},
                }
                for status in _REFUSALS
            },
        },
    }


def _problem_schema() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "A refusal (RFC 9457).",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": text,
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            "code": {"type": "string"},
            "pointer": text,
            "retry_after": {"type": "integer", "description": "Seconds."},
        },
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
