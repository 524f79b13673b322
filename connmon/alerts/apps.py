from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "connmon.alerts"
    label = "alerts"
