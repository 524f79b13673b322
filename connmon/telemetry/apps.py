from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    name = "connmon.telemetry"
    label = "telemetry"
