/* What a program in the sandbox must not be able to do. Each test runs real programs;
 * where no sandbox works all are skipped. */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "eval/sandbox.h"

static const zoo_sandbox_limits quick = { 1, 60000, (size_t)256 << 20, (size_t)8 << 20 };

struct run { zoo_sandbox_result result; zoo_buf output; double seconds; };

static void python(struct run *r, const char *source, const zoo_sandbox_limits *limits)
{
    static const char *const argv[] = { "/usr/bin/python3", "-I", "-S", "-", NULL };
    zoo_err err = { 0, "" };
    uint64_t begun = zoo_clock_ns();

    zoo_buf_clear(&r->output);
    assert_int_equal(zoo_sandbox_run(argv, source, strlen(source), limits, &r->output, &r->result, &err), ZOO_OK);
    r->seconds = (double)(zoo_clock_ns() - begun) * 1e-9;
    zoo_buf_add(&r->output, "", 0);
}

static int set_up(void **state)
{
    struct run *r = calloc(1, sizeof *r);

    r->output = (zoo_buf)ZOO_BUF_INIT(1 << 20);
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct run *r = *state;

    zoo_buf_release(&r->output);
    free(r);
    return 0;
}

static struct run *needs_sandbox(void **state)
{
    zoo_err err;

    if (zoo_sandbox_probe("/usr/bin/python3", &err)) {
        print_error("skip: no sandbox here: %s\n", err.message);
        skip();
    }
    return *state;
}

static void exit_status_output_and_signals_are_reported(void **state)
{
    struct run *r = needs_sandbox(state);

    python(r, "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)", &quick);
    assert_int_equal(r->result.outcome, ZOO_SANDBOX_EXITED);
    assert_int_equal(r->result.status, 7);
    assert_non_null(strstr(r->output.data, "out"));
    assert_non_null(strstr(r->output.data, "err"));
    python(r, "import os; os.kill(os.getpid(), 11)", &quick);
    assert_int_equal(r->result.status, 128 + 11);
}

/* A listener on this machine's loopback, which the program tries to reach. */
static void there_is_no_network(void **state)
{
    struct run *r = needs_sandbox(state);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char source[800];

    assert_false(bind(fd, (struct sockaddr *)&at, size) || listen(fd, 1) ||
                 getsockname(fd, (struct sockaddr *)&at, &size));
    snprintf(source, sizeof source,
             "import socket\n"
             "for family in (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, socket.AF_PACKET):\n"
             "    try: socket.socket(family, socket.SOCK_STREAM if family != 16 else socket.SOCK_RAW); print('SOCKET', "
             "family)\n"
             "    except OSError as e: print('refused', e.errno)\n"
             "try: socket.create_connection(('127.0.0.1', %d), 1); print('CONNECTED')\n"
             "except OSError as e: print('refused')\n"
             "socket.socketpair(); print('pair')\n", ntohs(at.sin_port));
    python(r, source, &quick);
    close(fd);
    assert_null(strstr(r->output.data, "SOCKET"));
    assert_null(strstr(r->output.data, "CONNECTED"));
    assert_non_null(strstr(r->output.data, "pair"));
}

static void nothing_outside_can_be_read_or_written(void **state)
{
    struct run *r = needs_sandbox(state);
    char secret[] = "/tmp/zooter-sandbox-XXXXXX", source[1500];
    int fd = mkstemp(secret);

    assert_true(fd >= 0);
    snprintf(source, sizeof source,
             "import os\n"
             "for p in ('/home', '/root', '/etc/passwd', '/etc/shadow', '/proc/1', '/sys', '/run', '/var', '/dev/mem', "
             "'/dev/shm', '%s'):\n"
             "    if os.path.exists(p): print('SEES', p)\n"
             "for p in ('/x', '/usr/x', '/bin/x', '/dev/x', '/lib/x', '/etc/x', '/usr/bin/python3', '/usr/lib/x'):\n"
             "    try: open(p, 'a'); print('WROTE', p)\n"
             "    except OSError: pass\n"
             "open('/tmp/mine', 'w').write('ok'); print(sorted(os.listdir('/tmp')))\n"
             "print('uid', os.getuid())\n", secret);
    python(r, source, &quick);
    close(fd);
    unlink(secret);
    assert_null(strstr(r->output.data, "SEES"));
    assert_null(strstr(r->output.data, "WROTE"));
    assert_non_null(strstr(r->output.data, "['mine']\nuid 65534"));
    python(r, "import os; print(os.listdir('/tmp'))", &quick);          /* nor what another program left */
    assert_string_equal(r->output.data, "[]\n");
}

static void the_environment_and_open_files_stay_outside(void **state)
{
    struct run *r = needs_sandbox(state);
    int fd = dup(1);          /* without close-on-exec */

    setenv("OPENAI_API_KEY", "sk-secret", 1);
    python(r, "import os\nprint(sorted(os.environ))\n"
              "open_ones = []\n"
              "for fd in range(3, 256):\n"
              "    try: os.fstat(fd); open_ones.append(fd)\n"
              "    except OSError: pass\n"
              "print(open_ones)\n", &quick);
    unsetenv("OPENAI_API_KEY");
    close(fd);
    assert_null(strstr(r->output.data, "OPENAI"));
    assert_non_null(strstr(r->output.data, "'HOME', 'LANG', 'PATH'"));
    assert_non_null(strstr(r->output.data, "\n[]\n"));
}

static void a_fork_bomb_does_not_get_past_its_first_fork(void **state)
{
    struct run *r = needs_sandbox(state);

    python(r, "import os, threading\n"
              "for f in (os.fork, os.forkpty, lambda: os.posix_spawn('/usr/bin/true', ['true'], {})):\n"
              "    try: f(); print('FORKED')\n"
              "    except OSError as e: print('refused')\n"
              "t = threading.Thread(target=print, args=('thread',)); t.start(); t.join()\n", &quick);
    assert_null(strstr(r->output.data, "FORKED"));
    assert_non_null(strstr(r->output.data, "refused\nrefused\nrefused\nthread\n"));
}

static void memory_and_disk_have_limits(void **state)
{
    struct run *r = needs_sandbox(state);

    python(r, "x = []\ntry:\n    while True: x.append(bytearray(1 << 24))\n"
              "except MemoryError:\n    n = len(x); x = None; print('stopped at', n < 16)\n", &quick);
    assert_string_equal(r->output.data, "stopped at True\n");
    python(r, "import os\ntry: os.memfd_create('m'); print('MEMFD')\nexcept OSError: pass\n"
              "n = 0\ntry:\n    for i in range(100):\n"
              "        f = open(f'/tmp/{i}', 'wb', buffering=0); n += f.write(b'x' * (1 << 20))\n"
              "        if n > (16 << 20): print('TOO MUCH')\n"
              "except OSError as e: print('stopped', n <= 8 << 20)\n", &quick);
    assert_string_equal(r->output.data, "stopped True\n");
}

static void an_endless_loop_is_stopped_by_the_processor_limit_and_sleep_by_the_wall_clock(void **state)
{
    struct run *r = needs_sandbox(state);
    zoo_sandbox_limits short_wall = quick;

    python(r, "while True: pass", &quick);
    assert_int_equal(r->result.outcome, ZOO_SANDBOX_EXITED);
    assert_true(r->result.status > 128);
    short_wall.wall_ms = 500;
    python(r, "import os, time\nos.close(1); os.close(2)\ntime.sleep(100)", &short_wall);
    assert_int_equal(r->result.outcome, ZOO_SANDBOX_TIMEOUT);
    assert_true(r->seconds > 0.45 && r->seconds < 30);          /* not the 100 s that it sleeps */
    /* a program that ignores signals and closes its ends is gone as well */
    python(r, "import os, signal, time\nos.setsid() if os.getpid() != os.getsid(0) else None\n"
              "[signal.signal(s, signal.SIG_IGN) for s in (1, 2, 3, 15)]\ntime.sleep(100)", &short_wall);
    assert_int_equal(r->result.outcome, ZOO_SANDBOX_TIMEOUT);
}

static void a_gigabyte_of_output_is_cut_off(void **state)
{
    struct run *r = needs_sandbox(state);

    python(r, "import sys\nfor i in range(1024): sys.stdout.write('x' * (1 << 20))", &quick);
    assert_int_equal(r->result.outcome, ZOO_SANDBOX_OUTPUT);
    assert_true(r->output.size <= (size_t)1 << 20);
}

static void dangerous_system_calls_are_refused(void **state)
{
    struct run *r = needs_sandbox(state);

    python(r, "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
              "ok = lambda name, *a: getattr(libc, name)(*a) != -1 and print('ALLOWED', name)\n"
              "ok('ptrace', 0, 0, 0, 0)\nok('unshare', 0x10000000)\nok('mount', b'none', b'/tmp', b'tmpfs', 0, None)\n"
              "ok('personality', 0x0040000)\nok('setns', 0, 0)\nok('chroot', b'/tmp')\n"
#ifdef __x86_64__
              "ok('syscall', 321, 0, 0, 0)\nok('syscall', 425, 1, 0)\nok('syscall', 298, 0, 0, 0, 0, 0)\nok('syscall', "
              "250, 0, 0)\n"
              "ok('syscall', 0x40000000 + 39)\n"          /* the x32 door to getpid */
#endif
              "print('done')\n", &quick);
    assert_string_equal(r->output.data, "done\n");
}

static void *run_one(void *context)
{
    static const char *const argv[] = { "/usr/bin/python3", "-I", "-S", "-", NULL };
    int *status = context;
    zoo_buf output = ZOO_BUF_INIT(1000);
    zoo_sandbox_result result = { ZOO_SANDBOX_TIMEOUT, -1 };
    char source[60];

    snprintf(source, sizeof source, "import sys; sys.exit(%d)", *status);
    for (int i = 0; i < 5 && *status >= 0; i++)
        if (zoo_sandbox_run(argv, source, strlen(source), &zoo_sandbox_defaults, &output, &result, NULL) ||
            result.status != *status)
            *status = -1;
    zoo_buf_release(&output);
    return NULL;
}

static void several_programs_run_at_once(void **state)
{
    pthread_t threads[4];
    int status[4] = { 10, 20, 30, 40 };

    needs_sandbox(state);
    for (int i = 0; i < 4; i++)
        assert_false(pthread_create(&threads[i], NULL, run_one, &status[i]));
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; i++)
        assert_int_equal(status[i], 10 * (i + 1));
}

static void a_program_that_does_not_exist_is_an_error_and_not_a_result(void **state)
{
    static const char *const argv[] = { "/usr/bin/no-such-program", NULL };
    struct run *r = needs_sandbox(state);
    zoo_err err = { 0, "" };

    assert_int_equal(zoo_sandbox_run(argv, NULL, 0, &quick, &r->output, &r->result, &err), ZOO_EIO);
    assert_non_null(strstr(err.message, "no-such-program"));
    assert_int_equal(zoo_sandbox_probe("/usr/bin/no-such-program", &err), ZOO_EIO);
    assert_non_null(strstr(err.message, "apt-get install"));
}

static void input_of_any_size_reaches_the_program(void **state)
{
    static const char *const argv[] = { "/usr/bin/wc", "-c", NULL };
    struct run *r = needs_sandbox(state);
    size_t size = (size_t)3 << 20;
    char *big = calloc(1, size);

    assert_int_equal(zoo_sandbox_run(argv, big, size, &quick, &r->output, &r->result, NULL), ZOO_OK);
    assert_string_equal(r->output.data, "3145728\n");
    assert_int_equal(zoo_sandbox_run((const char *const[]){ "/usr/bin/true", NULL }, big, size, &quick, &r->output,
                                     &r->result, NULL), ZOO_OK);
    assert_int_equal(r->result.status, 0);
    free(big);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(exit_status_output_and_signals_are_reported),
        TEST(there_is_no_network),
        TEST(nothing_outside_can_be_read_or_written),
        TEST(the_environment_and_open_files_stay_outside),
        TEST(a_fork_bomb_does_not_get_past_its_first_fork),
        TEST(memory_and_disk_have_limits),
        TEST(an_endless_loop_is_stopped_by_the_processor_limit_and_sleep_by_the_wall_clock),
        TEST(a_gigabyte_of_output_is_cut_off),
        TEST(dangerous_system_calls_are_refused),
        TEST(several_programs_run_at_once),
        TEST(a_program_that_does_not_exist_is_an_error_and_not_a_result),
        TEST(input_of_any_size_reaches_the_program),
    };
    return cmocka_run_group_tests_name("eval/sandbox", tests, NULL, NULL);
}
