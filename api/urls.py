"""Everything under /api/v1/ but reports, which never reach Django (connmon/asgi.py)."""

from django.urls import path

from api.audit_views import AuditCsv, AuditJson, AuditView
from api.configuration_views import ConfigurationView, RevisionsView, RevisionView, RollBackView, RolloutView
from api.openapi import show_document
from api.views import ServersView, ServicesView

urlpatterns = [
    path("openapi.json", show_document, name="openapi"),
    path("services", ServicesView.as_view(), name="api-services"),
    path("servers", ServersView.as_view(), name="api-servers"),
    path("audit", AuditView.as_view(), name="api-audit"),
    path("audit.csv", AuditCsv.as_view(), name="api-audit-csv"),
    path("audit.json", AuditJson.as_view(), name="api-audit-json"),
    path("configuration", ConfigurationView.as_view(), name="api-configuration"),
    path("configuration/revisions", RevisionsView.as_view(), name="api-revisions"),
    path("configuration/revisions/<int:number>", RevisionView.as_view(), name="api-revision"),
    path("configuration/rollback", RollBackView.as_view(), name="api-rollback"),
    path("configuration/rollout", RolloutView.as_view(), name="api-rollout"),
]
