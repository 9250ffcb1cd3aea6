"""What every end-to-end test needs: the program, free ports, servers that are stopped again,
the shared data where it is there."""
import contextlib
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ZOOTER = pathlib.Path(os.environ.get("ZOOTER", ROOT / "build" / "zooter")).resolve()
SHARED = ROOT.parent / "shared"
sys.path.append(str(ROOT / "tests"))
import postgres as postgres_module  # noqa: E402


@pytest.fixture(scope="session")
def zooter():
    """Path of the program under test."""
    assert ZOOTER.exists(), f"{ZOOTER} is missing: run make first, or set ZOOTER"
    return str(ZOOTER)


@pytest.fixture
def run(zooter):
    """run("import", "--store", ..., input=bytes) -> CompletedProcess with .stdout and .stderr as text."""
    def call(*args, input=None, timeout=120, **kw):
        data = input.encode() if isinstance(input, str) else input
        p = subprocess.run([zooter, *map(str, args)], input=data, capture_output=True, timeout=timeout, **kw)
        p.stdout = p.stdout.decode("utf-8", "replace")
        p.stderr = p.stderr.decode("utf-8", "replace")
        assert p.returncode >= 0, f"killed by signal {-p.returncode}\n{p.stderr}"
        assert "Sanitizer" not in p.stderr, p.stderr
        return p
    return call


@pytest.fixture(scope="session")
def shared():
    """The folder of real routing data beside the checkout; the test is skipped where there is none."""
    if not (SHARED / "data").is_dir():
        pytest.skip("needs ../shared")
    return SHARED


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL of the tests' own: .database() -> URL of a new, empty one, .sql(url, "..."), .restart("immediate"),
    .stop() and .start(). A test that stops it starts it again."""
    if not postgres_module.available():
        pytest.skip("needs PostgreSQL (Debian: postgresql)")
    with contextlib.closing(postgres_module.Server()) as server:
        yield server


def free_port():
    """A port below those that the system gives to outgoing connections,
    any of which might take it before the server does."""
    while True:
        port = random.randrange(15000, 32000)
        with socket.socket() as s:
            with contextlib.suppress(OSError):
                s.bind(("127.0.0.1", port))
                return port


@pytest.fixture
def server(zooter, tmp_path):
    """server("sim", "--port", port, ..., url=...) starts the program and waits until `url` answers;
    stopped after the test."""
    with contextlib.ExitStack() as stack:
        count = [0]

        def start(*args, url, env=None, wait=30):
            count[0] += 1
            log = tmp_path / f"server-{count[0]}.log"
            with open(log, "wb") as out:
                p = subprocess.Popen([zooter, *map(str, args)], stdout=out, stderr=out,
                                     env={**os.environ, **(env or {})})
            p.log = log

            def stop():
                if p.poll() is None:
                    p.send_signal(signal.SIGTERM)
                    try:
                        p.wait(20)
                    except subprocess.TimeoutExpired:
                        p.kill()
                        p.wait()
                text = log.read_text(errors="replace")
                assert "Sanitizer" not in text, text
            stack.callback(stop)
            end = time.monotonic() + wait
            while True:
                try:
                    urllib.request.urlopen(url, timeout=5).close()
                    return p
                except urllib.error.HTTPError:
                    return p
                except OSError:
                    assert p.poll() is None, f"ended with {p.returncode}: {log.read_text(errors='replace')}"
                    assert time.monotonic() < end, log.read_text(errors="replace")
                    time.sleep(0.05)
        yield start
