"""Which worker arrangement? The same runs for each: begin at the inbox, five calls of 30 ms to a local server, finish.

Interleaved rounds, medians, ratios to the first: the machine drifts, ratios less so. All workers of an arrangement
share one core; Redis and the server have the other. Prints the table of docs/decisions/0002-workers.md. Run by
`make bench`; needs redis-server, as `release-stages run` does. `--tls` puts TLS between workers and server, with a
certificate that is made for it; `openssl` must be installed.
"""

from __future__ import annotations

import argparse
import os
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import requests
from redis import Redis
from rq import SimpleWorker, Worker
from rq.timeouts import TimerDeathPenalty

sys.path.insert(0, str(Path(__file__).parent.parent))
from integration.memory import inbox as inbox_module
from integration.memory.inbox import QUEUE, Inbox
from integration.running import EmbeddedRedis, answers, find_server
from integration.stages.model import Ref
from workers import pool

JOB = "bench.workers.job"
CALLS, ANSWER_AFTER = 5, 0.030
ARRANGEMENTS = {  # name: kind, processes, threads of each, runs in a round
    "`rq.Worker`, a fork for each job": ("fork", 1, 1, 20),
    "`SimpleWorker`, one process": ("simple", 1, 1, 20),
    "`SimpleWorker`, two processes": ("simple", 2, 1, 40),
    "16 `SimpleWorker`s as threads": ("threads", 1, 16, 240),
    "ours, 8 threads": ("ours", 1, 8, 160),
    "ours, 16 threads": ("ours", 1, 16, 320),
    "ours, 2 x 8 threads": ("ours", 2, 8, 320),
    "ours, 2 x 16 threads": ("ours", 2, 16, 480),
}
mine = threading.local()


@cache
def inbox() -> Inbox:
    """One for each process."""
    return Inbox(Redis(unix_socket_path=os.environ["BENCH_REDIS"]))


def session() -> requests.Session:
    """One for each thread: it keeps its connection. A fork starts without one."""
    if not hasattr(mine, "session"):
        mine.session = requests.Session()
        mine.session.verify = os.environ.get("BENCH_CERTIFICATE") or True
        mine.session.trust_env = False
    found: requests.Session = mine.session
    return found


def job(ref: str) -> None:
    """What is measured."""
    run = inbox().begin(Ref.parse(ref))
    if run is None:
        return
    for _ in range(CALLS):
        session().get(os.environ["BENCH_URL"], timeout=5).raise_for_status()
    inbox().finish(run)


class Slow(BaseHTTPRequestHandler):
    """Answers after 30 ms and keeps the connection, as trackers do."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        time.sleep(ANSWER_AFTER)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


class Threaded(SimpleWorker):
    """RQ's worker in a thread that is not the main one: no signals there, so the time-out needs a timer."""

    death_penalty_class = TimerDeathPenalty

    def _install_signal_handlers(self) -> None:
        pass


def serve(home: Path, certificate: str) -> None:
    """The server's process: says where it listens, and answers until it is killed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    if certificate:
        wrapped = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        wrapped.load_cert_chain(certificate, home / "key.pem")
        server.socket = wrapped.wrap_socket(server.socket, server_side=True)
    print(f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()


def work(kind: str, threads: int) -> None:
    """One worker process, until it is killed."""
    import github  # noqa: F401 - what a worker of ours has loaded
    import jira  # noqa: F401

    inbox_module.RECONCILE = JOB  # what a run that ends wakes
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    url = f"unix://{os.environ['BENCH_REDIS']}"
    if kind == "ours":
        pool.HouseJob.offered = {JOB: job}
        sys.exit(pool.Crew(url, threads, inbox(), session).work())
    rq_worker = {"fork": Worker, "simple": SimpleWorker, "threads": Threaded}[kind]

    def listen() -> None:
        connection = Redis.from_url(url)
        rq_worker([QUEUE], connection=connection, serializer="json").work(logging_level="ERROR")

    if kind != "threads":
        listen()
    for _ in range(threads):
        threading.Thread(target=listen).start()


def measure(kind: str, processes: int, threads: int, runs: int) -> tuple[float, float, float]:
    """Runs per second, CPU milliseconds for each, MiB of each process."""
    client = Redis(unix_socket_path=os.environ["BENCH_REDIS"])
    client.flushall()
    command = [sys.executable, __file__, "--work", kind, "--threads", str(threads)]
    children = [psutil.Process(subprocess.Popen(command).pid) for _ in range(processes)]
    try:
        while inbox().workers_seen() < processes * threads:
            time.sleep(0.05)
        _runs(threads * processes)  # warm: each thread has its connection
        before = sum(map(_cpu, children))
        started = time.perf_counter()
        _runs(runs)
        seconds, used = time.perf_counter() - started, sum(map(_cpu, children)) - before
        memory = max(each.memory_info().rss for each in children) / 2**20
    finally:
        for each in children:
            each.send_signal(signal.SIGKILL)
            each.wait()
    return runs / seconds, used / runs * 1000, memory


def _runs(count: int) -> None:
    """Hint at so many issues, and wait until all are worked off."""
    for number in range(count):
        inbox().hint(Ref("github", "", "acme/app", number + 1))
    while inbox().depth():
        time.sleep(0.002)


def _cpu(process: psutil.Process) -> float:
    """Seconds, with those of the children that have ended."""
    times = process.cpu_times()
    return times.user + times.system + times.children_user + times.children_system


def certificate_in(home: Path) -> str:
    """A certificate for 127.0.0.1, made now."""
    made = home / "cert.pem"
    command = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {home / 'key.pem'} -out {made} -days 2 -subj /CN=bench"
    )
    command += " -addext subjectAltName=IP:127.0.0.1"
    subprocess.run(command.split(), check=True, capture_output=True)
    return str(made)


def main(rounds: int, only: str, tls: bool) -> None:
    """Measure all, interleaved, and print the table."""
    binary = find_server(os.environ.get("PATH"))
    assert binary is not None, "no redis-server here"
    chosen = {name: each for name, each in ARRANGEMENTS.items() if only in name}
    inbox_module.RECONCILE = JOB
    with tempfile.TemporaryDirectory() as kept:
        home = Path(kept)
        certificate = certificate_in(home) if tls else ""
        redis = EmbeddedRedis(binary, home, home / "s")
        command = [sys.executable, __file__, "--serve", kept, "--certificate", certificate]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        child = subprocess.Popen(redis.command, shell=True, stdout=subprocess.DEVNULL)
        try:
            assert server.stdout
            os.environ |= {"BENCH_URL": server.stdout.readline().strip(), "BENCH_REDIS": str(redis.socket)}
            os.environ |= {"BENCH_CERTIFICATE": certificate, "PYTHONPATH": str(Path(__file__).parent.parent)}
            while not answers(redis.socket):
                time.sleep(0.05)
            for each in (os.getpid(), server.pid, child.pid):
                os.sched_setaffinity(each, {min(os.sched_getaffinity(0))})
            found = {name: [] for name in chosen}
            for _ in range(rounds):
                for name, each in chosen.items():
                    found[name].append(measure(*each))
        finally:
            for each in (server, child):
                each.terminate()
                each.wait()
    print_table(found)


def print_table(found: dict[str, list[tuple[float, float, float]]]) -> None:
    """Medians, and the ratios to the first line."""
    medians = {name: [statistics.median(column) for column in zip(*runs, strict=True)] for name, runs in found.items()}
    first = next(iter(medians.values()))
    print("| arrangement | runs/s | ratio | CPU ms per run | ratio | MiB of a process |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, (rate, cpu, memory) in medians.items():
        print(f"| {name} | {rate:.1f} | {rate / first[0]:.2f} | {cpu:.1f} | {cpu / first[1]:.2f} | {memory:.0f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="arrangements with this in their name")
    parser.add_argument("--tls", action="store_true")
    for hidden in ("--work", "--threads", "--serve", "--certificate"):
        parser.add_argument(hidden, help=argparse.SUPPRESS, default="")
    given = parser.parse_args()
    if given.work:
        work(given.work, int(given.threads))
    elif given.serve:
        serve(Path(given.serve), given.certificate)
    else:
        main(given.rounds, given.only, given.tls)
