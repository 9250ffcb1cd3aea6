/* children.c - runs this program's own commands as child processes, shows each, and leaves none behind; see
 * children.h. */
#include "cli/children.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"

enum { STOP_SECONDS = 5 };

/* ---- signals: blocked, and asked for while waiting, so that nothing is interrupted half-way ---- */

static void signals_of_interest(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGCHLD);
}

void zoo_children_begin(sigset_t *before)
{
    sigset_t set;

    signals_of_interest(&set);
    sigprocmask(SIG_BLOCK, &set, before);
}

void zoo_children_end(const sigset_t *before)
{
    sigprocmask(SIG_SETMASK, before, NULL);
}

/* Waits for a signal, at most `ms`. ZOO_OK: a child has changed, or time is up. */
static int wait_signal(unsigned ms, zoo_err *err)
{
    struct timespec limit = { ms / 1000, (long)(ms % 1000) * 1000000 };
    sigset_t set;
    int signal;

    signals_of_interest(&set);
    signal = sigtimedwait(&set, NULL, &limit);
    return signal > 0 && signal != SIGCHLD ? zoo_fail(err, ZOO_ECANCELED, "stopped on request") : ZOO_OK;
}

int zoo_children_check(zoo_err *err)
{
    return wait_signal(0, err);
}

/* ---- starting ---- */

static void show_word(FILE *to, const char *word)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:,=%+@";

    if (*word && strspn(word, plain) == strlen(word)) {
        fputs(word, to);
        return;
    }
    fputc('\'', to);
    for (; *word; word++)
        fputs(*word == '\'' ? "'\\''" : (char[]){ *word, '\0' }, to);
    fputc('\'', to);
}

void zoo_child_show(FILE *to, const char *const *argv, const char *out, const char *log)
{
    fputc('$', to);
    for (; *argv; argv++) {
        fputc(' ', to);
        show_word(to, *argv);
    }
    if (out) {
        fputs(" > ", to);
        show_word(to, out);
    }
    if (log) {
        fputs(" 2> ", to);
        show_word(to, log);
        fputs(" &", to);
    }
    fputc('\n', to);
    fflush(to);
}

static int redirect(const char *file, int from, int fallback)
{
    int fd = file ? open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : fallback;

    return fd < 0 || dup2(fd, from) < 0 ? -1 : 0;
}

/* In the child: never returns. 127: could not become the command. self: this program,
 * for where /proc is not mounted. */
static void become(const char *self, const char *dir, const char *const *argv, const char *out, const char *log,
                   pid_t parent)
{
    sigset_t none;

    sigemptyset(&none);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) || getppid() != parent || chdir(dir) ||
        redirect(log, STDERR_FILENO, STDERR_FILENO) || redirect(out, STDOUT_FILENO, STDERR_FILENO) ||
        sigprocmask(SIG_SETMASK, &none, NULL))
        _exit(127);
    execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
    execv(self, (char *const *)(uintptr_t)argv);
    _exit(127);
}

int zoo_child_start(zoo_child *child, const char *dir, const char *const *argv, const char *out, const char *log,
                    zoo_err *err)
{
    pid_t parent = getpid();
    char self[PATH_MAX];

    child->name = argv[1];
    if (!realpath((const char *)getauxval(AT_EXECFN), self))
        snprintf(self, sizeof self, "/proc/self/exe");
    child->pid = fork();
    if (child->pid == 0)
        become(self, dir, argv, out, log, parent);
    if (child->pid > 0)
        return ZOO_OK;
    child->pid = 0;
    return zoo_fail_errno(err, errno, "cannot start 'zooter %s'", argv[1]);
}

/* ---- waiting and stopping ---- */

/* 1: the child has ended, and *status is how. */
static int has_ended(zoo_child *child, int *status)
{
    if (waitpid(child->pid, status, WNOHANG) == 0)
        return 0;
    child->pid = 0;
    return 1;
}

static int fail_by_status(const char *name, int status, zoo_err *err)
{
    if (WIFSIGNALED(status))
        return zoo_fail(err, ZOO_EIO, "'zooter %s' was killed by signal %d", name, WTERMSIG(status));
    if (WEXITSTATUS(status))
        return zoo_fail(err, ZOO_EIO, "'zooter %s' failed with exit status %d", name, WEXITSTATUS(status));
    return ZOO_OK;
}

int zoo_child_finish(zoo_child *child, zoo_err *err)
{
    int status = 0, rc = ZOO_OK;

    while (!has_ended(child, &status))
        if ((rc = wait_signal(100, err))) {
            zoo_child_stop(child);
            return rc;
        }
    rc = zoo_children_check(err);               /* Ctrl-C reaches the child, too */
    return rc ? rc : fail_by_status(child->name, status, err);
}

int zoo_child_run(const char *dir, const char *const *argv, const char *out, zoo_err *err)
{
    zoo_child child;
    int rc = zoo_child_start(&child, dir, argv, out, NULL, err);

    return rc ? rc : zoo_child_finish(&child, err);
}

void zoo_child_stop(zoo_child *child)
{
    uint64_t end = zoo_clock_ns() + STOP_SECONDS * UINT64_C(1000000000);
    struct timespec pause = { 0, 10000000 };
    int status;

    if (child->pid <= 0)
        return;
    kill(child->pid, SIGTERM);
    while (zoo_clock_ns() < end) {
        if (has_ended(child, &status))
            return;
        nanosleep(&pause, NULL);
    }
    kill(child->pid, SIGKILL);
    waitpid(child->pid, &status, 0);
    child->pid = 0;
}

/* ---- ports ---- */

static int loopback_socket(struct sockaddr_in *address, unsigned port)
{
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_port = htons((uint16_t)port);
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

int zoo_child_wait_port(zoo_child *child, unsigned port, unsigned seconds, zoo_err *err)
{
    uint64_t end = zoo_clock_ns() + seconds * UINT64_C(1000000000);
    struct sockaddr_in address;
    int status, rc;

    do {
        int fd = loopback_socket(&address, port);
        int failed = fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address);
        if (fd >= 0)
            close(fd);
        if (!failed)
            return ZOO_OK;
        if (has_ended(child, &status)) {
            rc = fail_by_status(child->name, status, err);
            return rc ? rc : zoo_fail(err, ZOO_EIO, "'zooter %s' ended before it listened on port %u", child->name,
                                      port);
        }
        if ((rc = wait_signal(20, err)))
            return rc;
    } while (zoo_clock_ns() < end);
    return zoo_fail(err, ZOO_EIO, "'zooter %s' does not listen on port %u after %u s", child->name, port, seconds);
}

int zoo_child_free_port(unsigned *port, zoo_err *err)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int fd = loopback_socket(&address, 0), rc = ZOO_OK;

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) ||
        getsockname(fd, (struct sockaddr *)&address, &size))
        rc = zoo_fail_errno(err, errno, "cannot find a free port on 127.0.0.1");
    else
        *port = ntohs(address.sin_port);
    if (fd >= 0)
        close(fd);
    return rc;
}
