from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "connmon.registry"
    label = "registry"
