"""Addresses of a game that only read: charts, live states, pools, profiles, files, search."""

from django.urls import path

from dashboard.views import charts, files, live, pools, profiles, search

urlpatterns = [
    path("chart.json", charts.of_game, name="game-chart"),
    path("sparks.json", charts.sparks, name="game-sparks"),
    path("services/<int:service_id>/chart.json", charts.of_service, name="service-chart"),
    path("services/<int:service_id>/cohorts", live.service_cohorts, name="service-cohorts"),
    path("servers/<int:server_id>/chart.json", charts.of_server, name="server-chart"),
    path("live.json", live.state, name="live-state"),
    path("search.json", search.everything, name="search"),
    path("pools/", pools.pools, name="pools"),
    path("pools/table", pools.pools_table, name="pools-table"),
    path("profiles/", profiles.profiles, name="profiles"),
    path("pools/chart.json", charts.of_pools, name="pools-chart"),
    path("profiles/chart.json", charts.of_profiles, name="profiles-chart"),
    path("services/<int:service_id>/profiles/chart.json", charts.of_service_profiles, name="service-profiles-chart"),
    path("services.<str:form>", files.services, name="services-file"),
    path("services/<int:service_id>/registry.<str:form>", files.service_registry, name="service-registry-file"),
    path("servers/servers.<str:form>", files.servers, name="servers-file"),
    path("servers/<int:server_id>/registry.<str:form>", files.server_registry, name="server-registry-file"),
    path("pools/pools.<str:form>", files.pools, name="pools-file"),
    path("leaks/leaks.<str:form>", files.leaks, name="leaks-file"),
    path("cleanup/plans.<str:form>", files.plans, name="plans-file"),
]
