#!/usr/bin/env python3
"""postgres.py COMMAND...: runs COMMAND beside a PostgreSQL of its own, whose URL is in ZOO_TEST_POSTGRES,
and stops it afterwards.

As a module: Server() starts one in a temporary folder from Debian's package; where there is none, available() is false.
Who asks over its
Unix socket is trusted; over TCP (127.0.0.1) the role `zoo` has the password `secret`.
As root it runs as the user `postgres`, for PostgreSQL refuses to be root. It dies with the process that started it."""
import contextlib
import itertools
import os
import pathlib
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROLE, PASSWORD = "zoo", "secret"


def programs():
    """The folder of the newest PostgreSQL's programs; None: there is none."""
    found = [p for p in pathlib.Path("/usr/lib/postgresql").glob("*/bin")
             if (p / "initdb").exists() and re.fullmatch(r"\d+", p.parent.name)]
    return max(found, key=lambda p: int(p.parent.name), default=None)


def available():
    return programs() is not None


def free_port():
    while True:
        port = random.randrange(15000, 32000)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


class Server:
    def __init__(self):
        self.bin = programs()
        # not TMPDIR: a socket's path has 107 bytes at most
        self.folder = tempfile.mkdtemp(prefix="zooter-pg-", dir="/tmp")
        self.port = free_port()
        self.process = None
        self.names = (f"db{n}" for n in itertools.count(1))
        self.user = []
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            self.user = ["--reuid", "postgres", "--regid", "postgres", "--init-groups"]
        try:
            self._as_user(self.bin / "initdb", "-D", f"{self.folder}/data", "-U", "postgres", "-A", "trust", "-E",
                          "UTF8", "--locale=C", "-N")
            pathlib.Path(self.folder,
                         "data/pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 "
                                                        "scram-sha-256\n")
            self.start()
            self.sql(self.url("postgres"), f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}' SUPERUSER")
        except BaseException:
            self.close()
            raise

    def _as_user(self, *command):
        p = subprocess.run(["setpriv", *self.user, *map(str, command)], capture_output=True, text=True, cwd="/")
        assert p.returncode == 0, p.stdout + p.stderr

    def start(self):
        """Until it answers."""
        settings = {"port": self.port, "unix_socket_directories": self.folder, "listen_addresses": "127.0.0.1",
                    "fsync": "off",
                    "max_connections": 60, "shared_buffers": "32MB"}
        with open(f"{self.folder}/log", "ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", *self.user, "--pdeathsig", "INT", str(self.bin / "postgres"), "-D", f"{self.folder}/data",
                 *itertools.chain.from_iterable(("-c", f"{k}={v}") for k, v in settings.items())],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
        end = time.monotonic() + 60
        while subprocess.run([self.bin / "pg_isready", "-q", "-h", self.folder, "-p", str(self.port)]).returncode:
            text = pathlib.Path(self.folder, "log").read_text(errors="replace")
            assert self.process.poll() is None and time.monotonic() < end, text
            time.sleep(0.05)

    def stop(self, mode="fast"):
        """mode: fast or immediate, as pg_ctl has them."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT if mode == "fast" else signal.SIGQUIT)
            self.process.wait(60)

    def restart(self, mode="fast"):
        self.stop(mode)
        self.start()

    def close(self):
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, name):
        return f"postgresql://postgres@{self.folder.replace('/', '%2F')}:{self.port}/{name}"

    def tcp(self, name):
        """For PGPASSWORD=secret."""
        return f"postgresql://{ROLE}@127.0.0.1:{self.port}/{name}"

    def database(self):
        """The URL of a new, empty database."""
        name = next(self.names)
        self.sql(self.url("postgres"), f"CREATE DATABASE {name}")
        return self.url(name)

    def sql(self, url, text):
        """Rows as lines, columns parted by '|'."""
        p = subprocess.run([self.bin / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", text, url],
                           capture_output=True, text=True)
        assert p.returncode == 0, p.stderr
        return p.stdout.rstrip("\n")


def main():
    if not sys.argv[1:] or not available():
        sys.exit(__doc__ if not sys.argv[1:] else "needs PostgreSQL (Debian: postgresql)")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.closing(Server()) as server:
        sys.exit(subprocess.run(sys.argv[1:],
                                env={**os.environ, "ZOO_TEST_POSTGRES": server.url("postgres")}).returncode)


if __name__ == "__main__":
    main()
