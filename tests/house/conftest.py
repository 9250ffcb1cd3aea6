"""The house: build, checks, install, scripts. These tests work in copies; what is built is taken from build/release."""
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def clean_env(**more):
    """The environment without what an outer make or runner put there."""
    drop = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "VARIANT", "STRICT", "LABEL", "ZOOTER")
    return {**{k: v for k, v in os.environ.items() if k not in drop}, **more}


@pytest.fixture
def call():
    """call("make", ..., cwd=...) -> CompletedProcess with both streams in .stdout."""
    def run(*args, cwd=ROOT, timeout=600, env=None, **kw):
        return subprocess.run([*map(str, args)], cwd=cwd, timeout=timeout, env=env or clean_env(), text=True,
                              errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, **kw)
    return run


@pytest.fixture
def copy(tmp_path):
    """A copy of the checkout without build/, to plant faults in."""
    to = tmp_path / "zooter"
    shutil.copytree(ROOT, to, symlinks=True, ignore=shutil.ignore_patterns("build", ".git", "__pycache__",
                                                                           ".pytest_cache"))
    return to
