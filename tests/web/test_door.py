"""The door: whom it lets in, what it lets through without a visitor, and what it says to all others."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

from integration.admission import Admission
from integration.memory.inbox import Inbox
from integration.settings import Settings
from integration.web.app import create_app
from integration.web.entrance.visitors import Role, current, needs


def make_settings(tmp_path: Path, admission: Admission, redis_url: str = "redis://127.0.0.1:1") -> Settings:
    return Settings(tmp_path, tmp_path / "m.yaml", redis_url, "sqlite://", b"k" * 32, admission=admission)


def make_app(settings: Settings, redis_client: redis.Redis) -> Flask:
    """The application with three pages more: one for each role."""
    app = create_app(settings, Inbox(redis_client), dict)
    app.add_url_rule("/board", "board", lambda: current().name)
    app.add_url_rule("/party", "party", needs(Role.MEMBER)(lambda: current().name))
    app.add_url_rule("/operations", "operations", needs(Role.ADMIN)(lambda: current().name), methods=["GET", "POST"])
    return app


@pytest.fixture
def open_client(tmp_path: Path, redis_client: redis.Redis) -> FlaskClient:
    return make_app(make_settings(tmp_path, Admission("open")), redis_client).test_client()


# --- open, and off ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/board", "/operations"])
def test_at_one_machine_everything_is_open_and_the_page_says_so(open_client: FlaskClient, path: str) -> None:
    assert open_client.get(path).status_code == 200
