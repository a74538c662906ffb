"""Bodies of requests, read and checked in one go: by far faster than one after the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )


class JsonRoute(APIRoute):
    """A route whose handler reads its body so.

    A body that is refused is read again in two steps, which say what is wrong and where.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        wanted: Any = self.body_field.field_info.annotation if self.body_field else None
        model: type[BaseModel] | None = wanted

        class JsonRequest(Request):
            async def json(self) -> Any:
                body = await self.body()
                if model is not None:
                    try:
                        return model.model_validate_json(body)
                    except ValidationError:
                        pass
                try:
                    return from_json(body)
                except ValueError:
                    return json.loads(body)  # takes half a surrogate, which is refused by name

        async def handle(request: Request) -> Response:
            if model is not None and not _is_json(request.headers.get("content-type", "")):
                raise HTTPException(415, "Send the body as Content-Type: application/json.")
            return await handler(JsonRequest(request.scope, request.receive))

        return handle
