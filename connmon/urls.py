"""Pages at the root, the API under /api/v1/, health and metrics beside them."""

from django.urls import include, path

from api.health import healthz, readyz
from api.metrics import show_metrics

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", show_metrics, name="metrics"),
    path("api/v1/", include("api.urls")),
    path("", include("dashboard.urls")),
]

handler400 = "connmon.faults.bad_request"
handler403 = "dashboard.errors.permission_denied"
handler404 = "connmon.faults.page_not_found"
handler429 = "dashboard.errors.too_many_requests"  # allauth's name for it
handler500 = "connmon.faults.server_error"
