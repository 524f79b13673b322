"""Which log-in services the log-in page offers beside the password."""

from typing import Any

from allauth.socialaccount.adapter import get_adapter
from django import template

register = template.Library()


@register.simple_tag(takes_context=True)
def log_in_services(context: dict[str, Any]) -> list[Any]:
    """The configured OpenID Connect issuer, or nothing."""
    found: list[Any] = get_adapter().list_providers(context["request"])
    return found
