"""The Celery application; its settings are Django's, under the prefix CELERY_."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "connmon.settings")

app = Celery("connmon")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.imports = ("connmon.tasks",)
