from django.apps import AppConfig


class ConfigurationConfig(AppConfig):
    name = "connmon.configuration"
    label = "configuration"
