"""Everything under /api/v1/ but reports, which never reach Django (connmon/asgi.py)."""

from django.urls import path
from drf_spectacular.views import SpectacularJSONAPIView

from api.views import ServersView, ServicesView

schema = SpectacularJSONAPIView.as_view(permission_classes=[], authentication_classes=[])

urlpatterns = [
    path("openapi.json", schema, name="openapi"),
    path("services", ServicesView.as_view(), name="api-services"),
    path("servers", ServersView.as_view(), name="api-servers"),
]
