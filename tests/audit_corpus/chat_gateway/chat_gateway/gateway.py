"""One websocket from handshake to close."""
from __future__ import annotations

from typing import Any

from .auth import InvalidToken, TokenSigner
from .connections import CLOSE_TRY_AGAIN, CLOSE_UNAUTHORIZED, ConnectionManager, TooManyConnections
from .readiness import ReadinessValidator
from .router import MessageRouter, RoutingError


class ClientGone(Exception):
    """Raised by a websocket's `receive_text` when the peer is gone."""


class Gateway:
    def __init__(
        self,
        validator: ReadinessValidator,
        manager: ConnectionManager,
        router: MessageRouter,
        signer: TokenSigner,
    ) -> None:
        self.validator = validator
        self.manager = manager
        self.router = router
        self.signer = signer

    async def handle(self, websocket: Any, token: str) -> int:
        """Serve one client until it goes; the number of frames routed.

        Not ready: closed with 1013. Bad token: closed with 4401. A bad frame is answered with an error
        frame and does not end the connection. The connection is always unregistered at the end.
        """
        if not self.validator.is_accepting():
            await websocket.close(code=CLOSE_TRY_AGAIN)
            return 0
        try:
            user_id = self.signer.verify(token)
        except InvalidToken:
            await websocket.close(code=CLOSE_UNAUTHORIZED)
            return 0
        try:
            connection = await self.manager.connect(websocket, user_id)
        except TooManyConnections:
            return 0
        routed = 0
        try:
            await websocket.send_json({"type": "welcome", "connection_id": connection.id})
            while True:
                raw = await websocket.receive_text()
                self.manager.touch(connection.id)
                try:
                    await self.router.route(connection, raw)
                    routed += 1
                except RoutingError as exc:
                    await websocket.send_json({"type": "error", "code": exc.code, "detail": str(exc)})
        except ClientGone:
            return routed
        finally:
            await self.manager.disconnect(connection.id)
