"""Which worker arrangement? The same jobs for each: five HTTP calls of 30 ms to a local server, as a verdict makes.

Interleaved rounds, medians, ratios to the first: the machine drifts, ratios less so. Prints the table of
docs/decisions/0002-workers.md. Run by `make bench`; needs redis-server, as `release-stages run` does.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests
from redis import Redis
from rq import Queue, Retry, SimpleWorker, Worker
from rq.timeouts import TimerDeathPenalty

sys.path.insert(0, str(Path(__file__).parent.parent))
from integration.running import EmbeddedRedis, answers, find_server

ARRANGEMENTS = ("fork", "simple", "2 simple", "8 threads")
CALLS, ANSWER_AFTER = 5, 0.030
session = requests.Session()


def job(url: str) -> None:
    """What is measured. A session that outlives the job keeps its connection; a fork starts without one."""
    for _ in range(CALLS):
        session.get(url, timeout=5).raise_for_status()


class Slow(BaseHTTPRequestHandler):
    """Answers after 30 ms and keeps the connection, as trackers do."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    last = 0.0  # when the last answer went out: what a worker needs to stop is not measured

    def do_GET(self) -> None:
        time.sleep(ANSWER_AFTER)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
        Slow.last = time.perf_counter()

    def log_message(self, *_: object) -> None:
        pass


class Threaded(SimpleWorker):
    """RQ's worker in a thread that is not the main one: no signals there, so the time-out needs a timer."""

    death_penalty_class = TimerDeathPenalty

    def _install_signal_handlers(self) -> None:
        pass


def work(socket: str, arrangement: str) -> None:
    """One process: empty the queue, then print seconds of CPU and the memory's high mark."""
    import github  # noqa: F401 - what a worker of ours has loaded
    import jira  # noqa: F401

    kind = Worker if arrangement == "fork" else SimpleWorker
    print("ready", flush=True)
    sys.stdin.readline()

    def empty(kind: type) -> None:
        connection = Redis(unix_socket_path=socket)
        queue = Queue("bench", connection=connection, serializer="json")
        kind([queue], connection=connection, serializer="json").work(burst=True, logging_level="ERROR")

    if arrangement == "8 threads":
        threads = [threading.Thread(target=empty, args=(Threaded,)) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    else:
        empty(kind)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(sum(each.ru_utime + each.ru_stime for each in used), used[0].ru_maxrss / 1024, flush=True)


def measure(socket: str, url: str, arrangement: str, jobs: int) -> tuple[float, float, float]:
    """Jobs per second, CPU milliseconds for each, MiB in all."""
    queue = Queue("bench", connection=Redis(unix_socket_path=socket), serializer="json")
    command = [sys.executable, __file__, "--socket", socket, "--arrangement", arrangement]
    count = 2 if arrangement == "2 simple" else 1
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    children = [subprocess.Popen(command, **pipes) for _ in range(count)]
    for each in children:
        each.stdout.readline()
    cpu_idle = sum(_cpu(each.pid) for each in children)
    for _ in range(jobs):
        queue.enqueue("bench.workers.job", url, retry=Retry(max=1), result_ttl=0, job_timeout=30)
    started = time.perf_counter()
    for each in children:
        each.stdin.write("go\n")
        each.stdin.flush()
    ends = [each.stdout.readline().split() for each in children]
    seconds = Slow.last - started
    for each in children:
        each.communicate()
    assert len(queue) == 0
    cpu = sum(float(end[0]) for end in ends) - cpu_idle
    return jobs / seconds, cpu / jobs * 1000, sum(float(end[1]) for end in ends)


def _cpu(pid: int) -> float:
    """Seconds that starting up has cost, which are not a job's."""
    import psutil

    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def main(rounds: int, jobs: int) -> None:
    """Measure all, interleaved, and print the table."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    binary = find_server(os.environ.get("PATH"))
    assert binary is not None, "no redis-server here"
    with tempfile.TemporaryDirectory() as home:
        redis = EmbeddedRedis(binary, Path(home), Path(home) / "s")
        child = subprocess.Popen(redis.command, shell=True, stdout=subprocess.DEVNULL)
        try:
            while not answers(redis.socket):
                time.sleep(0.05)
            found = {each: [] for each in ARRANGEMENTS}
            for _ in range(rounds):
                for each in ARRANGEMENTS:
                    found[each].append(measure(str(redis.socket), url, each, jobs))
        finally:
            child.terminate()
            child.wait()
    print_table(found)


def print_table(found: dict[str, list[tuple[float, float, float]]]) -> None:
    """Medians, and the ratio of throughput to the first line."""
    medians = {name: [statistics.median(column) for column in zip(*runs, strict=True)] for name, runs in found.items()}
    first = medians[ARRANGEMENTS[0]]
    print("| arrangement | jobs/s | ratio | CPU ms per job | ratio | MiB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, (rate, cpu, memory) in medians.items():
        print(f"| {name} | {rate:.1f} | {rate / first[0]:.2f} | {cpu:.1f} | {cpu / first[1]:.2f} | {memory:.0f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=30)
    parser.add_argument("--socket", help=argparse.SUPPRESS)
    parser.add_argument("--arrangement", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.arrangement:
        work(given.socket, given.arrangement)
    else:
        main(given.rounds, given.jobs)
