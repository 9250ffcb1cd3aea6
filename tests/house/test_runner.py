"""The runner can fail: on a failing test, a crash, a test that never ran, no tests at all,
and a skip that is not allowed."""
import sys

import pytest

from conftest import ROOT, clean_env

RUNNER = ROOT / "script/run-tests"
PROGRAM = """
#include "unit/cm.h"
#include <stdlib.h>
static void passes(void **state) { (void)state; }
static void fails(void **state) { (void)state; assert_int_equal(1, 2); }
static void skips(void **state) { (void)state; skip(); }
static void crashes(void **state) { (void)state; abort(); }
static void leaves(void **state) { (void)state; exit(0); }
int main(void)
{
    const struct CMUnitTest tests[] = { %s };
    return cmocka_run_group_tests_name("planted", tests, NULL, NULL);
}
"""


@pytest.fixture
def program(tmp_path, call):
    """program("passes", "fails") -> path of a cmocka program with these tests."""
    count = [0]

    def build(*tests):
        count[0] += 1
        source = tmp_path / f"test_planted{count[0]}.c"
        source.write_text(PROGRAM % ", ".join(f"cmocka_unit_test({t})" for t in tests))
        binary = source.with_suffix("")
        p = call("cc", "-w", f"-I{ROOT}/tests", source, "-lcmocka", "-o", binary)
        assert p.returncode == 0, p.stdout
        return binary
    return build


@pytest.fixture
def runner(call, tmp_path):
    def run(*args):
        p = call(RUNNER, "--python", sys.executable, "--report", tmp_path / "report", *args)
        return p.returncode, p.stdout.splitlines()[-1], p.stdout
    return run


def test_programs_are_counted(program, runner):
    assert runner(program("passes", "passes"))[:2] == (0, "2 passed, 0 failed, 0 skipped")
    status, last, out = runner("--label", "asan", program("passes", "fails", "skips"), program("passes"))
    assert (status, last) == (1, "asan: 2 passed, 1 failed, 1 skipped")
    assert "# 0x1 != 0x2" in out and "FAILED" in out and "SKIPPED" in out


@pytest.mark.parametrize("how, says", [("crashes", "killed by SIGABRT after 1 of 3"),
                                       ("leaves", "exit status 0 after 1 of 3")])
def test_a_program_that_ends_early_fails(program, runner, how, says):
    status, last, out = runner(program("passes", how, "passes"))
    assert (status, last) == (1, "1 passed, 1 failed, 0 skipped") and says in out


def test_nothing_run_is_a_failure(runner):
    assert runner()[:2] == (1, "0 passed, 0 failed, 0 skipped")
    assert runner("/nowhere/test_x")[0] == 1


def test_pytest_is_counted_and_skips_can_be_refused(tmp_path, program, runner):
    tests = tmp_path / "test_some.py"
    tests.write_text("import pytest\ndef test_a(): pass\ndef test_b(): pytest.skip('needs ../shared')\n")
    assert runner("--strict", tests, program("passes"))[:2] == (0, "2 passed, 0 failed, 1 skipped")
    tests.write_text(tests.read_text() + "def test_c(): pytest.skip('not today')\n")
    assert runner(tests)[:2] == (0, "1 passed, 0 failed, 2 skipped")
    status, last, out = runner("--strict", tests)
    assert (status, last) == (1, "1 passed, 1 failed, 1 skipped") and "not today" in out
    tests.write_text(tests.read_text()
                     + "def test_d(): assert 0\n@pytest.fixture\ndef x(): assert 0\ndef test_e(x): pass\n")
    assert runner(tests)[:2] == (1, "1 passed, 2 failed, 2 skipped")
    tests.write_text("import nowhere_to_be_found\n")
    assert runner(tests)[0] == 1


def test_reports_are_summed(tmp_path, call):
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_text("passed\tx::y\t\nskipped\tx::z\tno sandbox here\n")
    b.write_text("passed\tx::y\t\n")
    p = call(RUNNER, "--sum", a, b)
    assert (p.returncode, p.stdout) == (0, "2 passed, 0 failed, 1 skipped\n")
    b.write_text("failed\tx::y\twhy\n")
    assert call(RUNNER, "--sum", a, b).returncode == 1
    assert call(RUNNER, "--sum", a, tmp_path / "missing", env=clean_env()).returncode != 0


def test_programs_run_under_an_emulator(program, runner, tmp_path):
    emulator = tmp_path / "emulator"
    emulator.write_text("#!/bin/sh\n[ \"$1\" = --fast ] || exit 9\nshift\nexec \"$@\"\n")
    emulator.chmod(0o755)
    assert runner("--under", f"{emulator} --fast", program("passes"))[:2] == (0, "1 passed, 0 failed, 0 skipped")
    assert runner("--under", f"{emulator} --slow", program("passes"))[0] == 1
