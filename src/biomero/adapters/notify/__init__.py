"""Ways to people: e-mail, and webhooks."""

from biomero.adapters.notify.mail import EmailNotifier
from biomero.adapters.notify.webhook import WebhookNotifier

__all__ = ["EmailNotifier", "WebhookNotifier"]
