"""What the web processes run: reports before everything, agents' and browsers' sockets, Django for the rest."""

import gc
import os
from typing import Final

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "connmon.settings")
django_application = get_asgi_application()

from api.bodies import serve_bounded  # noqa: E402  (these need Django to be set up)
from api.edges import Edges  # noqa: E402
from api.ingest import Receive, Scope, Send  # noqa: E402
from connmon.core import request_ids  # noqa: E402
from dashboard.consumers import LiveConsumer  # noqa: E402

REPORTS: Final = "/api/v1/reports"
AGENT: Final = "/ws/v1/agent"

edges = Edges()
browsers = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter([path("ws/v1/live", LiveConsumer.as_asgi())])))


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """One ASGI connection."""
    kind = scope["type"]
    if kind == "lifespan":
        await _live(receive, send)
        return
    if kind == "http" and scope["path"] == REPORTS:  # gets an id when it is refused: making one takes 2 µs
        await edges.reports(scope, receive, send)
        return
    send = request_ids.sending(send, request_ids.begin(scope, settings.PROXIES))
    if kind == "http":
        await serve_bounded(django_application, settings.PROXIES.applied(scope), receive, send)
    elif scope["path"] == AGENT:
        await edges.agent(scope, receive, send)
    else:
        await browsers(settings.PROXIES.applied(scope), receive, send)


async def _live(receive: Receive, send: Send) -> None:
    """Start and stop of this process."""
    await receive()  # lifespan.startup
    # What is loaded by now stays: the collector need not walk it again and again (p99 of ingest 30 -> 6 ms).
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    await edges.start()
    await send({"type": "lifespan.startup.complete"})
    await receive()  # lifespan.shutdown
    await edges.stop()
    await send({"type": "lifespan.shutdown.complete"})
