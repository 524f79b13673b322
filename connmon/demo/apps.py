from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "connmon.demo"
    label = "demo"
