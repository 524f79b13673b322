"""The Celery application; its settings are Django's, under the prefix CELERY_."""

import gc
import os
from logging.config import dictConfig
from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_postrun, task_prerun, worker_before_create_process
from django.conf import settings

from connmon.core import logs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "connmon.settings")

app = Celery("connmon")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.imports = ("connmon.tasks",)


@setup_logging.connect
def log_as_everybody(**_: Any) -> None:
    """Celery would set up handlers and a format of its own; with this it leaves logging alone."""
    dictConfig(settings.LOGGING)


@worker_before_create_process.connect
def keep_memory_shared(**_: Any) -> None:
    """What the worker has loaded stays one copy for all its children: their collectors leave it alone."""
    gc.collect()
    gc.freeze()


@task_prerun.connect
def name_task(task_id: str, task: Any, **_: Any) -> None:
    """Lines that are written while a task runs carry its name and id."""
    logs.about.set({"task": task.name, "task_id": task_id})


@task_postrun.connect
def forget_task(**_: Any) -> None:
    logs.about.set({})
