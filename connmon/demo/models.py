"""That the Demo game was removed, so that it is not made again."""

from django.db import models


class DemoRemoval(models.Model):
    at = models.DateTimeField()
