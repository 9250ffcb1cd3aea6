"""What the benchmarks on PostgreSQL share: a database of their own on a server they are given, dropped afterwards."""
import contextlib
import os
import subprocess
import sys
import urllib.parse


def psql(url, *commands, **more):
    arguments = [x for c in commands for x in ("-c", c)]
    p = subprocess.run(["psql", "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", url, *arguments], capture_output=True, text=True, **more)
    if p.returncode:
        sys.exit(f"psql: {p.stderr.strip()}")
    return p.stdout


@contextlib.contextmanager
def new_database(url):
    """The URL of an empty database (encoding UTF8) on the server of `url`."""
    name = f"zooter_bench_{os.getpid()}"
    psql(url, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    try:
        yield urllib.parse.urlunsplit(urllib.parse.urlsplit(url)._replace(path="/" + name))
    finally:
        psql(url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextlib.contextmanager
def new_store(url, path):
    """For --store: a new database on the server of `url`; the file `path` where that is None."""
    if not url:
        yield str(path)
        return
    with new_database(url) as database:
        yield database
