from django.apps import AppConfig


class LeaksConfig(AppConfig):
    name = "connmon.leaks"
    label = "leaks"
