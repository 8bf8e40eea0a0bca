"""gidgethub on aiohttp, as its documentation has it: check, parse, dispatch to a function that does nothing."""

import os

from aiohttp import web
from gidgethub import routing, sansio

SECRET = os.environ["PEER_SECRET"]
router = routing.Router()


@router.register("issues", action="labeled")
async def labeled(event: sansio.Event) -> None:
    pass


async def receive(request: web.Request) -> web.Response:
    event = sansio.Event.from_http(request.headers, await request.read(), secret=SECRET)
    await router.dispatch(event)
    return web.Response(status=202)


app = web.Application()
app.router.add_post("/webhooks/github", receive)
web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=None, print=None)
