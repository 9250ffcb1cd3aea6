"""script/bootstrap with stand-ins for dpkg-query, apt-get, id and sudo: what it does as root, through sudo,
and as nobody."""
import os

import pytest

from conftest import clean_env


@pytest.fixture
def bootstrap(copy, tmp_path, call):
    """bootstrap(missing, uid=..., sudo=..., args) -> (status, output, lines that apt-get was called with)."""
    tools = tmp_path / "tools"
    tools.mkdir()
    log = tmp_path / "apt.log"

    def put(name, body):
        path = tools / name
        path.write_text("#!/bin/sh\n" + body)
        path.chmod(0o755)

    def run(*groups, missing=(), uid=0, sudo=False, apt_status=0):
        log.write_text("")
        cases = "".join(f'*" {m} "*) exit 1 ;; ' for m in missing)
        put("dpkg-query", f'case " $* " in {cases} esac\necho installed\n')
        put("apt-get", f'echo "$DEBIAN_FRONTEND $*" >>{log}\nexit {apt_status}\n')
        put("id", f"echo {uid}\n")
        put("sudo", f'[ {int(sudo)} = 1 ] || exit 1\nif [ "$1" = -n ]; then shift; fi\necho sudo >>{log}\nexec "$@"\n')
        p = call("script/bootstrap", *groups, cwd=copy, env=clean_env(PATH=f"{tools}:{os.environ['PATH']}"))
        return p.returncode, p.stdout, log.read_text().splitlines()
    return run


def test_nothing_missing_is_quiet_and_asks_nobody(bootstrap):
    status, out, apt = bootstrap("build", "demo")
    assert (status, apt) == (0, [])
    assert out == "bootstrap: all there for: build demo\n"


def test_root_installs_what_is_missing_and_no_more(bootstrap):
    status, out, apt = bootstrap("build", missing=("make", "libcmocka-dev"))
    assert status == 0
    assert len(apt) == 2 and " update" in apt[0] and apt[1].endswith("install -q -y --no-install-recommends make")
    assert all(line.startswith("noninteractive ") for line in apt)
    assert "bootstrap: installing: make" in out


def test_sudo_is_used_where_it_needs_no_password(bootstrap):
    status, _, apt = bootstrap("build", missing=("gcc", "make"), uid=1000, sudo=True)
    assert status == 0 and "sudo" in apt and apt[-1].endswith("gcc make")


def test_elsewhere_it_says_what_to_install(bootstrap):
    status, out, apt = bootstrap("build", missing=("gcc", "make"), uid=1000)
    assert (status, apt) == (1, [])
    assert "apt-get install --no-install-recommends gcc make\n" in out


def test_a_failing_apt_is_a_failure(bootstrap):
    status, out, _ = bootstrap("build", missing=("gcc",), apt_status=100)
    assert status == 1 and "apt-get update failed" in out


def test_groups_are_checked(bootstrap):
    status, out, apt = bootstrap("buidl")
    assert (status, apt) == (2, []) and "no group 'buidl'" in out
