"""Read models of the REST API."""

from typing import Any

from rest_framework import serializers


class ServiceSerializer(serializers.Serializer[Any]):
    """A service with its counters over all reporting servers."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    servers = serializers.IntegerField(help_text="Servers that report it now.")
    live = serializers.IntegerField()
    opened = serializers.IntegerField(help_text="Since the boot of each reporting server.")
    closed = serializers.IntegerField(help_text="Since the boot of each reporting server.")
    idle = serializers.IntegerField()
    orphaned = serializers.IntegerField()
    stale = serializers.IntegerField()


class GameServerSerializer(serializers.Serializer[Any]):
    """One running game server."""

    id = serializers.CharField(help_text="63 bits, as text: larger than JSON's safe numbers.")
    name = serializers.CharField()
    boot = serializers.CharField()
    agent = serializers.CharField()
    place_version = serializers.IntegerField(allow_null=True)
    reporting = serializers.BooleanField(help_text="False: silent for longer than three report intervals.")
    received_at = serializers.DateTimeField(help_text="When its last report was taken.")
    seq = serializers.IntegerField(help_text="Of that report.")
    players = serializers.IntegerField()
    memory_mb = serializers.FloatField(allow_null=True)
    live = serializers.IntegerField(help_text="Connections at its last report.")
