"""The pages' addresses."""

from django.urls import path

from dashboard.views import account, audit, configuration, live, setup

urlpatterns = [
    path("", account.home, name="home"),
    path("login/", account.log_in, name="login"),
    path("logout/", account.log_out, name="logout"),
    path("setup/<str:token>/", account.first_member, name="first-member"),
    path("games/new/", account.new_game, name="new-game"),
    path("g/<slug:slug>/", live.overview, name="overview"),
    path("g/<slug:slug>/chart.json", live.game_chart, name="game-chart"),
    path("g/<slug:slug>/services/<int:service_id>/", live.service, name="service"),
    path("g/<slug:slug>/services/<int:service_id>/chart.json", live.service_chart, name="service-chart"),
    path("g/<slug:slug>/services/<int:service_id>/registry", live.service_registry, name="service-registry"),
    path("g/<slug:slug>/servers/", live.servers, name="servers"),
    path("g/<slug:slug>/servers/table", live.servers_table, name="servers-table"),
    path("g/<slug:slug>/servers/<int:server_id>/", live.server, name="server"),
    path("g/<slug:slug>/servers/<int:server_id>/registry", live.server_registry, name="server-registry"),
    path("g/<slug:slug>/configuration/", configuration.configuration, name="configuration"),
    path("g/<slug:slug>/configuration/edit/", configuration.edit, name="edit-configuration"),
    path("g/<slug:slug>/configuration/revisions/<int:number>/", configuration.revision, name="revision"),
    path("g/<slug:slug>/configuration/revisions/<int:number>/restore/", configuration.restore, name="restore-revision"),
    path("g/<slug:slug>/audit/", audit.audit, name="audit"),
    path("g/<slug:slug>/audit/table", audit.audit_table, name="audit-table"),
    path("g/<slug:slug>/audit/audit.csv", audit.audit_csv, name="audit-csv"),
    path("g/<slug:slug>/audit/audit.json", audit.audit_json, name="audit-json"),
    path("g/<slug:slug>/setup/", setup.setup, name="setup"),
    path("g/<slug:slug>/setup/keys/", setup.create_key, name="create-key"),
    path("g/<slug:slug>/setup/keys/<str:key_id>/rotate/", setup.rotate_key, name="rotate-key"),
    path("g/<slug:slug>/setup/keys/<str:key_id>/revoke/", setup.end_key, name="revoke-key"),
    path("g/<slug:slug>/setup/demo/remove/", setup.end_demo, name="remove-demo"),
]
