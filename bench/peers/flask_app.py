"""Plain Flask: check the signature, `Queue.enqueue`. Served by gunicorn; the job is worked off by RQ's fork worker."""

import hashlib
import hmac
import os

from flask import Flask, abort, request
from redis import Redis
from rq import Queue

SECRET = os.environ["PEER_SECRET"].encode()
app = Flask(__name__)
queue = Queue("peer", connection=Redis.from_url(os.environ["REDIS_URL"]))


@app.post("/webhooks/github")
def receive() -> tuple[str, int]:
    wanted = "sha256=" + hmac.new(SECRET, request.get_data(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(request.headers.get("X-Hub-Signature-256", ""), wanted):
        abort(401)
    told = request.get_json()
    queue.enqueue("flask_job.answer", told["repository"]["full_name"], told["issue"]["number"], result_ttl=0)
    return "", 202
