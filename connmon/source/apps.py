from django.apps import AppConfig


class SourceConfig(AppConfig):
    name = "connmon.source"
    label = "source"
