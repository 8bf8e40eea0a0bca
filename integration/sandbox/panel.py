"""What both trackers share: the index, the page of faults, and the same as JSON under `/_sandbox/`."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, jsonify, make_response, redirect, render_template, request

from integration.sandbox.faults import Fault
from integration.sandbox.hooks import Delivery
from integration.sandbox.world import World

_FIELDS = ("match", "kind", "status", "seconds", "times")
_KINDS = ("latency", "before", "after", "rate_limit", "secondary_rate_limit")


def blueprint(world: World) -> Blueprint:
    """The shared pages of one world."""
    panel = Blueprint("panel", __name__)

    @panel.get("/")
    def index() -> str:
        people, repos = world.people.values(), list(world.github.repos.values())
        return render_template("sandbox_index.html", world=world, people=people, repos=repos)

    @panel.get("/faults")
    def faults() -> str:
        teams = {slug: world.github.team_visible.get(slug, True) for slug in world.github.teams}
        deliveries = world.hooks.deliveries[:-21:-1]
        armed, holding = world.faults.armed(), world.hooks.holding
        return render_template("sandbox_faults.html", armed=armed, holding=holding, teams=teams, deliveries=deliveries)

    @panel.post("/faults/add")
    def add() -> Response:
        form = request.form
        kind, status = form.get("kind", ""), form.get("status", 502, int)
        if kind == "hangup":
            kind, status = "after", 0
        asked = {"match": form.get("match", ""), "kind": kind, "status": status}
        world.faults.add(_fault(asked | {"seconds": form.get("seconds", 0, int), "times": form.get("times", 1, int)}))
        return _to_faults()

    @panel.post("/faults/clear")
    def clear() -> Response:
        world.faults.clear()
        return _to_faults()

    @panel.post("/faults/webhooks")
    def webhooks() -> Response:
        _webhooks(world, request.form.get("do", ""), request.form.get("redeliver", 0, int))
        return _to_faults()

    @panel.post("/faults/teams")
    def teams() -> Response:
        for slug in (request.form.get("hide", ""), request.form.get("show", "")):
            if slug in world.github.teams:
                world.github.team_visible[slug] = slug == request.form.get("show")
        return _to_faults()

    _json(panel, world)
    return panel


def _json(panel: Blueprint, world: World) -> None:
    @panel.get("/_sandbox/people")
    def people() -> Response:
        fields = ("login", "name", "account_id", "role", "teams", "groups", "token")
        return jsonify([{field: getattr(one, field) for field in fields} for one in world.people.values()])

    @panel.get("/_sandbox/faults")
    def armed() -> Response:
        return jsonify([{name: getattr(fault, name) for name in _FIELDS} | {"left": left}
                        for fault, left in world.faults.armed()])  # fmt: skip

    @panel.post("/_sandbox/faults")
    def arm() -> tuple[Response, int]:
        try:
            world.faults.add(_fault(request.get_json(force=True)))
        except (TypeError, ValueError, re.error) as error:
            allowed = f"match (a pattern on 'METHOD /path'), kind ({', '.join(_KINDS)}), status, seconds, times"
            return jsonify(error=f"{error}; a fault has {allowed}"), 400
        return jsonify(armed=len(world.faults.armed())), 201

    @panel.delete("/_sandbox/faults")
    def disarm() -> tuple[str, int]:
        world.faults.clear()
        return "", 204

    @panel.get("/_sandbox/deliveries")
    def deliveries() -> Response:
        return jsonify([_delivery(one) for one in world.hooks.deliveries])

    @panel.post("/_sandbox/deliveries/<int:number>/attempts")
    def redeliver(number: int) -> tuple[Response, int]:
        try:
            return jsonify(_delivery(world.hooks.redeliver(number))), 202
        except KeyError:
            return jsonify(error=f"there is no delivery {number}; GET /_sandbox/deliveries lists them"), 404

    @panel.post("/_sandbox/webhooks/<act>")
    def hold_or_release(act: str) -> Response:
        _webhooks(world, act, 0)
        return jsonify(holding=world.hooks.holding)


def _webhooks(world: World, act: str, redeliver: int) -> None:
    hooks = world.hooks
    if redeliver:
        hooks.redeliver(redeliver)
    elif act == "drop":
        hooks.drop_next(1)
    elif act == "double":
        hooks.double_next(1)
    elif act == "hold":
        hooks.hold()
    elif act in ("release", "reversed"):
        hooks.release("reversed" if act == "reversed" else "as_sent")


def _fault(asked: Any) -> Fault:
    if not isinstance(asked, dict) or "match" not in asked or asked.get("kind") not in _KINDS:
        raise ValueError("match or kind is missing or unknown")
    return Fault(**{name: asked[name] for name in _FIELDS if name in asked})


def _delivery(one: Delivery) -> dict[str, Any]:
    return {
        "id": one.id,
        "guid": one.guid,
        "style": one.hook.style,
        "event": one.event,
        "url": one.hook.url,
        "headers": one.headers,
        "body": one.body.decode(),
        "status": one.status,
        "attempts": one.attempts,
        "lost": one.lost,
    }


def _to_faults() -> Response:
    return make_response(redirect("/faults", 303))
