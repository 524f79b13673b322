"""The room's entry in INSTALLED_APPS; it brings `manage.py up` and no tables."""

from django.apps import AppConfig


class RuntimeConfig(AppConfig):
    name = "connmon.runtime"
    label = "runtime"
