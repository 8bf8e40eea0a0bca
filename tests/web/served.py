"""What the tests over real HTTP let granian serve: the application with settings of its own, no environment read."""

import os
from pathlib import Path

from integration.admission import Admission
from integration.memory.inbox import Inbox
from integration.settings import GitHubSettings, JiraSettings, Settings
from integration.web.app import create_app
from integration.web.front import Front
from integration.web.receiving import Receiving
from integration.web.together import Together

NOWHERE = Path("nowhere")
BODY_WITHIN = 4.0  # seconds, of which a test can wait for more

settings = Settings(
    data_dir=NOWHERE,
    mappings=NOWHERE,
    redis_url="",
    database_url="",
    marker_key=b"k",
    github=GitHubSettings(webhook_secrets=("hook-secret",)),
    jira=(JiraSettings("dc", "https://jira.acme.example", path_secret="path-secret"),),
    admission=Admission("open"),
)
inbox = Inbox.connect(os.environ["REDIS_URL"])
app = Front(Receiving(settings, Together(inbox).keep), create_app(settings, inbox, dict), BODY_WITHIN)
