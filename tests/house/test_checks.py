"""Each check passes on what is here and fails on a planted fault: a check that cannot fail is none."""
import re
import shutil

import pytest

from conftest import ROOT


def test_layers(copy, call):
    assert call("script/check-layers", cwd=copy).returncode == 0
    (copy / "src/base/planted.c").write_text('#include "store/store.h"\n')
    (copy / "src/lost").mkdir()
    (copy / "src/lost/planted.c").write_text('#include "base/err.h"\n')
    p = call("script/check-layers", cwd=copy)
    assert p.returncode == 1
    assert "src/base/planted.c:1: base/ may not include store/" in p.stdout
    assert "src/lost is not in layers.txt" in p.stdout


@pytest.mark.parametrize("text, sentence", [
    ("int a; \n", "white space at the end"),
    ("int f(void)\n{\n\treturn 0;\n}\n", "tab: indent by four spaces"),
    ("int a;\r\n", "carriage return"),
    ("/* " + "TO" + "DO: more */\n", "do it or leave it out"),
    ("int a;\n" * 901, "900 lines are the most: 901"),
    ("/* planted.h - a line. */\n/* " + "é" * 115 + " */\n", "src/base/planted.h:2: 120 characters are the most: 121"),
    ("#ifndef PLANTED_H\n", "begin with what the file is for: /* planted.h - ..."),
    ("/* planted - a name without its ending. */\n", "begin with what the file is for: /* planted.h - ..."),
])
def test_style(copy, call, text, sentence):
    assert call("script/check-style", cwd=copy).stdout == ""
    (copy / "src/base/planted.h").write_text(text)
    p = call("script/check-style", cwd=copy)
    assert p.returncode == 1 and sentence in p.stdout and "src/base/planted.h" in p.stdout


def test_style_counts_characters_and_reads_tests(copy, call):
    (copy / "src/base/planted.h").write_text("/* planted.h - a line. */\n/* " + "é" * 114 + " */\n")
    (copy / "tests/e2e/planted.py").write_text("x = 1" + " + 1" * 29 + "\n")
    p = call("script/check-style", cwd=copy)
    assert p.returncode == 1 and p.stdout == "tests/e2e/planted.py:1: 120 characters are the most: 121\n"


def test_headers(copy, call):
    (copy / "src/base/planted.h").write_text("size_t zoo_planted(void);\n")
    p = call("script/check-headers", "cc", "-Iinclude -Isrc", "src/base/err.h", "src/base/planted.h", cwd=copy)
    assert p.returncode == 1
    assert "src/base/planted.h: does not compile alone" in p.stdout and "err.h" not in p.stdout


def plant_object(copy, call, path, code):
    """Compiles `code` as src file `path` of the copy; its other objects and libraries are those built here."""
    shutil.copytree(ROOT / "build/release", copy / "build/release", symlinks=True,
                    ignore=shutil.ignore_patterns("tests"))
    source = copy / path
    source.write_text(code)
    p = call("cc", "-c", source, "-o", copy / "build/release" / path.replace(".c", ".o"), cwd=copy)
    assert p.returncode == 0, p.stdout
    return call("script/check-symbols", "build/release", cwd=copy)


def test_rooms_below_cli_do_not_print_or_exit(copy, call):
    planted = {"puts": 'printf("hello\\n");', "stderr": 'fprintf(stderr, "x%d", 1);', "exit": "exit(1);",
               "abort": "abort();",
               "__assert_fail": "assert(zoo_planted_puts == 0);"}
    code = "#include <assert.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
    code += "".join(f"void zoo_planted_{name}(void) {{ {statement} }}\n" for name, statement in planted.items())
    p = plant_object(copy, call, "src/store/planted.c", code)
    assert p.returncode == 1
    assert sorted(p.stdout.splitlines()) == \
        sorted(f"src/store/planted.c: only src/cli prints and exits, nobody aborts: {n}" for n in planted)


def test_external_names_begin_with_zoo(copy, call):
    p = plant_object(copy, call, "src/store/planted.c", "int planted_open(void) { return 0; }\n")
    assert p.returncode == 1
    assert "src/store/planted.c: external name without zoo_: planted_open" in p.stdout


def test_exports_are_what_the_header_declares(copy, call):
    plant_object(copy, call, "src/store/planted.c", "")
    header = copy / "include/zooter.h"
    header.write_text(header.read_text().replace("ZOO_API const char *zoo_version(void);",
                                                 "ZOO_API int zoo_planted(void);"))
    p = call("script/check-symbols", "build/release", cwd=copy)
    assert p.returncode == 1
    for kind in ("shared", "static"):
        assert f"libzooter, {kind}:" in p.stdout
    assert p.stdout.count("< zoo_planted\n") == 2 and p.stdout.count("> zoo_version\n") == 2


@pytest.mark.parametrize("cc", ["gcc", "clang"])
def test_banned_functions_do_not_compile(tmp_path, call, cc):
    banned = re.findall(r"^#define (\w+)\(", (ROOT / "src/base/banned.h").read_text(), re.M)
    assert len(banned) > 20
    for name in banned:
        source = tmp_path / "planted.c"
        source.write_text(f"#include <string.h>\n#include <stdlib.h>\nvoid f(char *s); void f(char *s) {{ "
                          f"(void){name}(s, s); }}\n")
        p = call(cc, "-std=c17", "-D_GNU_SOURCE", f"-I{ROOT}/src", "-include", "base/banned.h", "-fsyntax-only", source)
        assert p.returncode != 0 and f"{name}_is_banned" in p.stdout, name


def test_docs(copy, call):
    zooter = ROOT / "build/release/zooter"
    assert call("script/check-docs", zooter, cwd=copy).stdout == ""
    (copy / "docs/cli.md").write_text("# Commands of long ago\n")
    (copy / "docs/planted.md").write_text("See [there](nowhere.md) and [here](cli.md).\n")
    with open(copy / "layers.txt", "a") as f:
        f.write("attic base\n")
    p = call("script/check-docs", zooter, cwd=copy)
    assert p.returncode == 1
    assert "docs/cli.md is not what the tables say" in p.stdout
    assert "says nothing of src/attic/" in p.stdout
    assert "link to nowhere.md leads nowhere" in p.stdout and "cli.md leads" not in p.stdout


def test_shell_and_cppcheck(copy, call):
    """Faults that only these two see."""
    (copy / "script/planted").write_text("#!/bin/sh\ncd $1\nrm -rf $2/*\n[[ -e x ]]\n")
    assert call("script/check-shell", cwd=copy).returncode == 1
    (copy / "src/base/planted.c").write_text("void zoo_planted(void);\nvoid zoo_planted(void)\n{\n    char a[2];\n    "
                                             "a[5] = 0;\n    (void)a;\n}\n")
    p = call("make", "check-cppcheck", cwd=copy)
    assert p.returncode != 0 and "src/base/planted.c:5:" in p.stdout
