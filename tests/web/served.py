"""What the tests over real HTTP let granian serve: the application with settings of its own, no environment read."""

import os
from pathlib import Path

from integration.memory.inbox import Inbox
from integration.settings import GitHubSettings, JiraSettings, Settings
from integration.web.app import create_app

NOWHERE = Path("nowhere")

app = create_app(
    Settings(
        data_dir=NOWHERE,
        mappings=NOWHERE,
        redis_url="",
        database_url="",
        marker_key=b"k",
        github=GitHubSettings(webhook_secrets=("hook-secret",)),
        jira=(JiraSettings("dc", "https://jira.acme.example", path_secret="path-secret"),),
    ),
    Inbox.connect(os.environ["REDIS_URL"]),
    dict,
)
