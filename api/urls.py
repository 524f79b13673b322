"""Everything under /api/v1/ but reports, which never reach Django (connmon/asgi.py)."""

from django.urls import path

from api import alert_views as alerts
from api import leak_views as leaks
from api import source_views as source
from api.audit_views import AuditCsv, AuditJson, AuditView
from api.cleanup_views import (
    EmergencyView,
    ExecuteView,
    OrdersView,
    OrderView,
    PlansView,
    PlanView,
    StopView,
    SweepsView,
    UndoView,
)
from api.configuration_views import ConfigurationView, RevisionsView, RevisionView, RollBackView, RolloutView
from api.history_views import HistoryView, ProfilesView
from api.metrics import GameMetricsView
from api.openapi import show_document
from api.source_change_views import ChangesView, ChangeView
from api.views import ServersView, ServicesView

urlpatterns = [
    path("openapi.json", show_document, name="openapi"),
    path("metrics", GameMetricsView.as_view(), name="api-metrics"),
    path("services", ServicesView.as_view(), name="api-services"),
    path("servers", ServersView.as_view(), name="api-servers"),
    path("history", HistoryView.as_view(), name="api-history"),
    path("profiles", ProfilesView.as_view(), name="api-profiles"),
    path("audit", AuditView.as_view(), name="api-audit"),
    path("audit.csv", AuditCsv.as_view(), name="api-audit-csv"),
    path("audit.json", AuditJson.as_view(), name="api-audit-json"),
    path("configuration", ConfigurationView.as_view(), name="api-configuration"),
    path("configuration/revisions", RevisionsView.as_view(), name="api-revisions"),
    path("configuration/revisions/<int:number>", RevisionView.as_view(), name="api-revision"),
    path("configuration/rollback", RollBackView.as_view(), name="api-rollback"),
    path("configuration/rollout", RolloutView.as_view(), name="api-rollout"),
    path("cleanup/emergency", EmergencyView.as_view(), name="api-emergency"),
    path("cleanup/sweeps", SweepsView.as_view(), name="api-sweeps"),
    path("cleanup/plans", PlansView.as_view(), name="api-plans"),
    path("cleanup/plans/<int:plan_id>", PlanView.as_view(), name="api-plan"),
    path("cleanup/plans/<int:plan_id>/execute", ExecuteView.as_view(), name="api-execute"),
    path("cleanup/plans/<int:plan_id>/undo", UndoView.as_view(), name="api-undo"),
    path("cleanup/plans/<int:plan_id>/stop", StopView.as_view(), name="api-stop"),
    path("cleanup/plans/<int:plan_id>/orders", OrdersView.as_view(), name="api-orders"),
    path("cleanup/plans/<int:plan_id>/orders/<slug:order_id>", OrderView.as_view(), name="api-order"),
    path("leaks", leaks.LeaksView.as_view(), name="api-leaks"),
    path("leaks/tidiness", leaks.TidinessView.as_view(), name="api-tidiness"),
    path("leaks/<int:number>", leaks.LeakView.as_view(), name="api-leak"),
    path("leaks/<int:number>/cohorts", leaks.CohortsView.as_view(), name="api-leak-cohorts"),
    path("leaks/<int:number>/assign", leaks.AssignView.as_view(), name="api-leak-assign"),
    path("leaks/<int:number>/ignore", leaks.IgnoreView.as_view(), name="api-leak-ignore"),
    path("leaks/<int:number>/link", leaks.LinkView.as_view(), name="api-leak-link"),
    path("source", source.SourcesView.as_view(), name="api-sources"),
    path("source/<int:number>", source.SourceView.as_view(), name="api-source"),
    path("source/<int:number>/findings", source.FindingsView.as_view(), name="api-source-findings"),
    path("source/<int:number>/changes", ChangesView.as_view(), name="api-source-changes"),
    path("source/<int:number>/changes/<int:change>", ChangeView.as_view(), name="api-source-change"),
    path("source/<int:number>/patch", source.PatchView.as_view(), name="api-source-patch"),
    path("alerts", alerts.ActiveAlertsView.as_view(), name="api-alerts"),
    path("alerts/history", alerts.AlertHistoryView.as_view(), name="api-alert-history"),
    path("alerts/<int:number>/snooze", alerts.SnoozeView.as_view(), name="api-alert-snooze"),
    path("alerts/rules", alerts.AlertRulesView.as_view(), name="api-alert-rules"),
    path("alerts/rules/<int:number>", alerts.AlertRuleView.as_view(), name="api-alert-rule"),
    path("alerts/silences", alerts.SilencesView.as_view(), name="api-alert-silences"),
    path("alerts/silences/<int:number>", alerts.SilenceView.as_view(), name="api-alert-silence"),
    path("alerts/destinations", alerts.DestinationsView.as_view(), name="api-alert-destinations"),
    path("alerts/destinations/<int:number>", alerts.DestinationView.as_view(), name="api-alert-destination"),
    path("alerts/destinations/<int:number>/test", alerts.DestinationTestView.as_view(), name="api-alert-test"),
    path("alerts/deliveries", alerts.DeliveriesView.as_view(), name="api-alert-deliveries"),
    path("alerts/deliveries/<int:number>", alerts.DeliveryView.as_view(), name="api-alert-delivery"),
    path("alerts/deliveries/<int:number>/retry", alerts.RetryView.as_view(), name="api-alert-retry"),
]
