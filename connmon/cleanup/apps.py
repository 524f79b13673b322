from django.apps import AppConfig


class CleanupConfig(AppConfig):
    name = "connmon.cleanup"
    label = "cleanup"
