"""Signs what is sent, by the Standard Webhooks specification. The only user of ``standardwebhooks``."""

from __future__ import annotations

from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook


class Signer:
    """Signs with one secret, ``whsec_`` and base64."""

    def __init__(self, secret: str) -> None:
        self._webhook = Webhook(secret)

    def headers(self, id_: str, seconds: int, body: str) -> dict[str, str]:
        """The headers by which a receiver knows who sent ``body``, and when (seconds since 1970)."""
        return {
            "webhook-id": id_,
            "webhook-timestamp": str(seconds),
            "webhook-signature": self._webhook.sign(id_, datetime.fromtimestamp(seconds, UTC), body),
        }
