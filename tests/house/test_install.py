"""What `make install` puts where, that a program links against it both ways,
and that uninstall takes exactly that away."""
import os
import shutil

import pytest

from conftest import ROOT, clean_env

VERSION = (ROOT / "VERSION").read_text().strip()
WARN = ("-std=c17", "-Wall", "-Wextra", "-Werror", "-pedantic")


def files_below(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    import subprocess
    folder = tmp_path_factory.mktemp("prefix")
    p = subprocess.run(["make", "install", f"PREFIX={folder}"], cwd=ROOT, env=clean_env(), capture_output=True,
                       text=True)
    assert p.returncode == 0, p.stdout + p.stderr
    return folder


@pytest.fixture
def pkg_config(prefix, call):
    def ask(*args):
        p = call("pkg-config", *args, "zooter", env=clean_env(PKG_CONFIG_PATH=str(prefix / "lib/pkgconfig")))
        assert p.returncode == 0, p.stdout
        return p.stdout.split()
    return ask


def test_install_and_uninstall_are_exact(tmp_path, call):
    stage = tmp_path / "stage"
    other = stage / "usr/bin/other"
    other.parent.mkdir(parents=True)
    other.write_text("somebody else's\n")
    assert call("make", "install", f"DESTDIR={stage}", "PREFIX=/usr", "LIBDIR=/usr/lib/triplet").returncode == 0
    names = call("build/release/zooter", "help", "--names").stdout.split()
    assert files_below(stage) == sorted([
        "usr/bin/other", "usr/bin/zooter", "usr/include/zooter.h", "usr/lib/triplet/libzooter.a",
        "usr/lib/triplet/libzooter.so",
        "usr/lib/triplet/libzooter.so.0", f"usr/lib/triplet/libzooter.so.{VERSION}",
        "usr/lib/triplet/pkgconfig/zooter.pc",
        "usr/share/bash-completion/completions/zooter", "usr/share/man/man1/zooter.1",
        # where there is an mpicc
        *(["usr/lib/zooter/zooter-mpi.so"] if (ROOT / "build/release/zooter-mpi.so").exists() else []),
        *[f"usr/share/man/man1/zooter-{n}.1" for n in names]])
    assert str(stage) not in (stage / "usr/lib/triplet/pkgconfig/zooter.pc").read_text()
    assert call("make", "uninstall", f"DESTDIR={stage}", "PREFIX=/usr", "LIBDIR=/usr/lib/triplet").returncode == 0
    assert files_below(stage) == ["usr/bin/other"]


def test_pkg_config_and_soname(prefix, pkg_config, call):
    assert pkg_config("--modversion") == [VERSION]
    assert pkg_config("--cflags", "--libs") == [f"-I{prefix}/include", f"-L{prefix}/lib", "-lzooter"]
    assert "libzooter.so.0" in call("objdump", "-p", prefix / "lib/libzooter.so").stdout


def test_the_header_is_c_and_cplusplus(prefix, tmp_path, call):
    for cc, std, name in (("cc", "-std=c11", "a.c"), ("g++", "-std=c++11", "a.cc")):
        if shutil.which(cc) is None:
            continue
        source = tmp_path / name
        source.write_text("#include <zooter.h>\nint main() { return zoo_version() == 0; }\n")
        p = call(cc, std, *WARN[1:], f"-I{prefix}/include", "-fsyntax-only", source)
        assert p.returncode == 0, p.stdout


@pytest.fixture(scope="module")
def router(prefix, tmp_path_factory):
    """A small router, made by the installed program: digits for one expert, letters for the other."""
    import json
    import subprocess
    folder = tmp_path_factory.mktemp("router")
    with open(folder / "rows.jsonl", "w") as f:
        for i in range(200):
            digits = i % 2
            f.write(json.dumps({"id": str(i), "split": "train", "subset": "sums" if digits else "words",
                                "query": f"What is {i} + {i * 7}?" if digits
                                else f"Spell the word {'abcdefghij'[i % 10] * (2 + i % 7)}",
                                "rewards": {"adder": digits, "speller": 1 - digits}}) + "\n")
    zooter = prefix / "bin/zooter"
    for args in (["import", "--store", folder / "s.db", folder / "rows.jsonl"],
                 ["train", "--store", folder / "s.db", "--split", "train", "--encoder", "ngram", "--out",
                  folder / "router"]):
        p = subprocess.run([zooter, *args], capture_output=True, text=True, timeout=300)
        assert p.returncode == 0, p.stderr
    return folder / "router"


@pytest.mark.parametrize("how", ["shared", "archive", "static"])
def test_the_example_runs(prefix, pkg_config, router, tmp_path, call, how):
    binary = tmp_path / "route"
    env = clean_env()
    if how == "shared":
        flags = pkg_config("--cflags", "--libs")
        env["LD_LIBRARY_PATH"] = str(prefix / "lib")
    else:
        flags = [f if f != "-lzooter" else "-l:libzooter.a" for f in pkg_config("--static", "--cflags", "--libs")]
        flags += ["-static"] if how == "static" else []
    p = call("cc", *WARN, ROOT / "examples/route.c", *flags, "-pthread", "-o", binary)
    assert p.returncode == 0, p.stdout
    p = call(binary, router, "What is 5 + 9?", "Spell the word bbb", "What is 70 + 1?", env=env)
    assert p.returncode == 0, p.stdout
    lines = p.stdout.splitlines()
    assert lines[0].startswith(f"libzooter {VERSION}, 2 experts; the first query goes to adder")
    assert [line.split("\t")[0] for line in lines[1:]] == ["adder", "speller", "adder"]
    p = call(binary, tmp_path / "nowhere", "x", env=env)
    assert p.returncode == 1 and str(tmp_path / "nowhere") in p.stdout
    assert ("libzooter" in call("ldd", binary).stdout) == (how == "shared")


def test_the_example_of_vectors_runs(prefix, pkg_config, tmp_path, call):
    binary = tmp_path / "embed"
    env = {**clean_env(), "LD_LIBRARY_PATH": str(prefix / "lib")}
    p = call("cc", *WARN, ROOT / "examples/embed.c", *pkg_config("--cflags", "--libs"), "-o", binary)
    assert p.returncode == 0, p.stdout
    p = call(binary, ROOT / "tests/golden/backbone-bin", "What is 5 + 9?", "What is 5 + 9?", "the moon", env=env)
    assert p.returncode == 0, p.stdout
    same, other = (line.split("\t") for line in p.stdout.splitlines())
    assert same == ["1.0000", "What is 5 + 9?"] and float(other[0]) < 1 and other[1] == "the moon"


def test_completion_completes(prefix, call):
    def complete(*words):
        script = ('. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _zooter; printf "%s\\n" "${COMPREPLY[@]}"')
        return call("bash", "-c", script, "bash", prefix / "share/bash-completion/completions/zooter", "zooter",
                    *words).stdout.split()
    assert complete("hel") == ["help"]
    assert {"help", "--version"} <= set(complete(""))
    assert complete("help", "--comp") == ["--completion"]
    assert complete("help", "trai") == []


def test_install_needs_no_root_and_reads_no_clock(prefix, tmp_path, call):
    """The same sources give the same files."""
    again = tmp_path / "again"
    assert call("make", "install", f"DESTDIR={again}", f"PREFIX={prefix}").returncode == 0
    for name in files_below(prefix):
        a, b = prefix / name, again / str(prefix).lstrip("/") / name
        assert os.readlink(a) == os.readlink(b) if a.is_symlink() else a.read_bytes() == b.read_bytes(), name


def test_where_the_checkout_lies_leaves_no_trace(copy, call):
    name = f"build/release/libzooter.so.{VERSION}"
    p = call("make", "-s", "-j2", name, cwd=copy)
    assert p.returncode == 0, p.stdout
    assert (copy / name).read_bytes() == (ROOT / name).read_bytes()
