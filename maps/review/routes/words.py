"""Words of the pages, and the description of what the console answers."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from maps.review.access.roles import Role, needs
from maps.review.catalogues import chosen, languages, words

router = APIRouter(tags=["pages"])


@router.get("/api/words")
@needs(Role.VIEWER)
def catalogue(language: Annotated[str, Query(max_length=20)] = "en") -> dict[str, Any]:
    """Return the pages' words in the language that fits best, by the English ones."""
    best = chosen(language)
    return {"language": best, "languages": list(languages()), "words": words(best)}


@router.get("/api/openapi.json")
@needs(Role.VIEWER)
def description(request: Request) -> dict[str, Any]:
    """Return the OpenAPI description of everything the console answers."""
    told: dict[str, Any] = request.app.openapi()
    return told
