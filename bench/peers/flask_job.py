"""What RQ's worker does for it: read the issue, comment. The imports are there before the first fork."""

import os

from github import Auth, Github

github = Github(
    auth=Auth.Token(os.environ.get("PEER_TOKEN", "none")),
    base_url=os.environ.get("PEER_API", "http://127.0.0.1"),
    retry=None,
    seconds_between_requests=0,
    seconds_between_writes=0,
    lazy=True,
)


def answer(place: str, number: int) -> None:
    issue = github.get_repo(place).get_issue(number)
    issue.complete()
    issue.create_comment("Support has not seen this yet.")


if __name__ == "__main__":
    import sys

    from redis import Redis
    from rq import Worker

    sys.modules["flask_job"] = sys.modules["__main__"]
    connection = Redis.from_url(os.environ["REDIS_URL"])
    Worker(["peer"], connection=connection).work(logging_level="ERROR")
