/* sandbox.c - one bubblewrap per program, watched from outside until it ends, talks too much or takes too long.
 *
 *     caller --fork--> bwrap (monitor) --clone--> init of the sandbox --fork--> the program
 *
 * The child is a session and process group of its own; killing the group kills the monitor, whose death kills the init
 * and with it every process of the namespace. bwrap writes {"exit-code": n} to a pipe only where the program was
 * started, which tells a program that failed from a sandbox that could not be built. */
#include "eval/sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "eval/sandbox_filter.h"

enum { MAX_ARGS = 128, FILTER_FD = 3, STATUS_FD = 4 };

const zoo_sandbox_limits zoo_sandbox_defaults = { 5, 10000, (size_t)512 << 20, (size_t)32 << 20 };

static const char *const environment[] = { "PATH=/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8", NULL };

/* Everything the child needs, made before the fork: between fork and exec nothing may be allocated. */
struct launch {
    const char *args[MAX_ARGS];
    size_t count;
    char size[24], links[4][64];
    const zoo_sandbox_limits *limits;
    int in, out, status, filter;       /* the child's ends */
    pid_t parent;
};

/* The caller's side of a running program; -1: closed. */
struct watch {
    pid_t pid;
    int pidfd, in, out, status;
};

static const char *find_bwrap(void)
{
    static const char *const places[] = { "/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap" };

    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (!access(places[i], X_OK))
            return places[i];
    return NULL;
}

static void add(struct launch *l, const char *const *words)
{
    for (; *words && l->count + 1 < MAX_ARGS; words++)
        l->args[l->count++] = *words;
    l->args[l->count] = NULL;
}

/* /bin, /lib...: links into /usr on today's systems, folders on older ones. */
static void add_system_folders(struct launch *l)
{
    static const char *const folders[] = { "/bin", "/sbin", "/lib", "/lib64" };

    for (size_t i = 0; i < 4; i++) {
        ssize_t n = readlink(folders[i], l->links[i], sizeof l->links[i] - 1);
        if (n > 0) {
            l->links[i][n] = '\0';
            add(l, (const char *[]){ "--symlink", l->links[i], folders[i], NULL });
        } else {
            add(l, (const char *[]){ "--ro-bind-try", folders[i], folders[i], NULL });
        }
    }
}

static int prepare(struct launch *l, const char *bwrap, const char *const *argv, zoo_err *err)
{
    static const char *const isolation[] = {
        "--unshare-all", "--unshare-user", "--die-with-parent", "--uid", "65534", "--gid", "65534", "--hostname",
            "sandbox",
        "--cap-drop", "ALL", "--seccomp", "3", "--json-status-fd", "4", NULL };
    static const char *const files[] = {
        "--ro-bind", "/usr", "/usr", "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache",
        "--dev-bind", "/dev/null", "/dev/null", "--dev-bind", "/dev/zero", "/dev/zero",
        "--dev-bind", "/dev/urandom", "/dev/urandom", NULL };

    snprintf(l->size, sizeof l->size, "%zu", l->limits->disk);
    add(l, (const char *[]){ bwrap, NULL });
    add(l, isolation);
    add(l, files);
    add_system_folders(l);
    add(l, (const char *[]){ "--size", l->size, "--tmpfs", "/tmp", "--chdir", "/tmp", "--remount-ro", "/", "--",
                             NULL });
    for (size_t i = 0; argv[i]; i++)
        if (i + l->count + 2 > MAX_ARGS)
            return zoo_fail(err, ZOO_EUSAGE, "too many arguments for a sandboxed program");
    add(l, argv);
    return ZOO_OK;
}

static int limit(int what, size_t value)
{
    struct rlimit r = { value, value };

    return setrlimit(what, &r);
}

/* Should memory run short all the same, the kernel is to take these processes first. */
static void volunteer_for_oom(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        ssize_t ignored = write(fd, "1000", 4);
        (void)ignored;
        close(fd);
    }
}

/* Only async-signal-safe calls: other threads of the caller may have held any lock. */
__attribute__((noreturn)) static void become_bwrap(struct launch *l)
{
    static const int signals[] = { SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD, SIGXCPU };
    sigset_t none;
    int in, out, filter, status;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != l->parent)
        _exit(127);
    setsid();
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    volunteer_for_oom();
    in = fcntl(l->in, F_DUPFD, 10);          /* out of the way of the numbers that are about to be given out */
    out = fcntl(l->out, F_DUPFD, 10);
    filter = fcntl(l->filter, F_DUPFD, 10);
    status = fcntl(l->status, F_DUPFD, 10);
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || dup2(filter, FILTER_FD) < 0 ||
        dup2(status, STATUS_FD) < 0 || syscall(SYS_close_range, STATUS_FD + 1, ~0u, 0))
        _exit(127);
    if (limit(RLIMIT_CPU, l->limits->cpu_seconds) || limit(RLIMIT_AS, l->limits->memory) ||
        limit(RLIMIT_FSIZE, l->limits->disk) || limit(RLIMIT_CORE, 0) || limit(RLIMIT_NOFILE, 256))
        _exit(127);
    execve(l->args[0], (char *const *)l->args, (char *const *)environment);
    _exit(127);
}

/* A pipe that holds the filter, ready to be read to its end. */
static int open_filter(zoo_err *err)
{
    struct sock_filter program[ZOO_SANDBOX_FILTER_MAX];
    size_t bytes = zoo_sandbox_filter(program) * sizeof *program;
    int ends[2];

    if (!bytes)
        return zoo_fail(err, ZOO_EIO, "there is no system call filter for this kind of processor");
    if (pipe2(ends, O_CLOEXEC))
        return zoo_fail_errno(err, errno, "opening a pipe");
    if (write(ends[1], program, bytes) != (ssize_t)bytes) {          /* far below a pipe's capacity */
        close(ends[0]);
        ends[0] = zoo_fail_errno(err, errno, "writing to a pipe");
    }
    close(ends[1]);
    return ends[0];
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int start(struct watch *w, struct launch *l, zoo_err *err)
{
    int in[2] = { -1, -1 }, out[2] = { -1, -1 }, status[2] = { -1, -1 }, rc = ZOO_EIO;

    *w = (struct watch){ -1, -1, -1, -1, -1 };
    l->filter = open_filter(err);
    if (l->filter < 0)
        return ZOO_EIO;
    /* A socket as stdin: writing to one whose reader died can be kept from raising SIGPIPE. */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) || pipe2(out, O_CLOEXEC) || pipe2(status, O_CLOEXEC)) {
        rc = zoo_fail_errno(err, errno, "opening pipes to a sandboxed program");
        goto out;
    }
    l->in = in[1], l->out = out[1], l->status = status[1], l->parent = getpid();
    w->pid = fork();
    if (w->pid == 0)
        become_bwrap(l);
    if (w->pid < 0) {
        rc = zoo_fail_errno(err, errno, "starting a sandboxed program");
        goto out;
    }
    w->in = in[0], w->out = out[0], w->status = status[0];
    in[0] = out[0] = status[0] = -1;
    fcntl(w->out, F_SETFL, O_NONBLOCK);
    fcntl(w->status, F_SETFL, O_NONBLOCK);          /* once bwrap has ended all that it wrote is there */
    w->pidfd = (int)syscall(SYS_pidfd_open, w->pid, 0);
    rc = w->pidfd < 0 ? zoo_fail_errno(err, errno, "watching a sandboxed program") : ZOO_OK;
out:
    close_fd(&l->filter);
    for (int i = 0; i < 2; i++) {
        close_fd(&in[i]);
        close_fd(&out[i]);
        close_fd(&status[i]);
    }
    return rc;
}

static void stop(struct watch *w)
{
    if (w->pid > 0) {
        kill(-w->pid, SIGKILL);
        kill(w->pid, SIGKILL);          /* the group does not exist before the child's setsid() */
        while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
            ;
        w->pid = -1;
    }
    close_fd(&w->pidfd);
    close_fd(&w->in);
    close_fd(&w->out);
    close_fd(&w->status);
}

/* Sends what stdin takes now; the end of the input, or of the reader, closes it. */
static void feed(struct watch *w, const char **input, size_t *left)
{
    ssize_t n = *left ? send(w->in, *input, *left, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0) {
        *input += n;
        *left -= (size_t)n;
    }
    if (n < 0 || !*left)
        close_fd(&w->in);
}

/* 1: all that is there was taken; 0: more than may be kept. */
static int take(struct watch *w, zoo_buf *output)
{
    char block[8192];

    while (w->out >= 0) {
        ssize_t n = read(w->out, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return 1;
        if (n <= 0)
            close_fd(&w->out);
        else if (zoo_buf_add(output, block, (size_t)n)) {
            size_t room = output->max - output->size;
            zoo_buf_add(output, block, room < (size_t)n ? room : 0);
            return 0;
        }
    }
    return 1;
}

/* Until the program ends by itself (ZOO_SANDBOX_EXITED) or has to be stopped. */
static int attend(struct watch *w, const char *input, size_t left, unsigned wall_ms, zoo_buf *output)
{
    uint64_t deadline = zoo_clock_ns() + (uint64_t)wall_ms * 1000000;

    for (;;) {
        struct pollfd fds[3] = { { w->in, POLLOUT, 0 }, { w->out, POLLIN, 0 }, { w->pidfd, POLLIN, 0 } };
        uint64_t now = zoo_clock_ns();

        if (now >= deadline)
            return ZOO_SANDBOX_TIMEOUT;
        if (poll(fds, 3, (int)((deadline - now) / 1000000 + 1)) < 0)
            continue;          /* interrupted */
        if (fds[0].revents)
            feed(w, &input, &left);
        if (fds[1].revents && !take(w, output))
            return ZOO_SANDBOX_OUTPUT;
        if (fds[2].revents)
            return take(w, output) ? ZOO_SANDBOX_EXITED : ZOO_SANDBOX_OUTPUT;
    }
}

/* The program's exit status from bwrap's report; -1: it never started. */
static int read_status(int fd)
{
    char text[4096];
    size_t size = 0;
    ssize_t n;
    const char *code;

    while (size < sizeof text - 1 && (n = read(fd, text + size, sizeof text - 1 - size)) > 0)
        size += (size_t)n;
    text[size] = '\0';
    code = strstr(text, "\"exit-code\": ");
    return code ? (int)strtol(code + strlen("\"exit-code\": "), NULL, 10) : -1;
}

static int fail_to_start(const zoo_buf *output, size_t before, zoo_err *err)
{
    const char *said = output->data && output->size > before ? output->data + before : "bwrap: no reason given";

    return zoo_fail(err, ZOO_EIO, "the sandbox could not be built: %.*s", (int)strcspn(said, "\n"), said);
}

int zoo_sandbox_run(const char *const *argv, const void *input, size_t size, const zoo_sandbox_limits *limits,
                    zoo_buf *output, zoo_sandbox_result *result, zoo_err *err)
{
    struct launch launch = { .limits = limits };
    struct watch watch;
    const char *bwrap = find_bwrap();
    size_t before = output->size;
    int rc;

    if (!bwrap)
        return zoo_fail(err, ZOO_EIO, "bubblewrap is not installed (Debian: apt-get install bubblewrap)");
    rc = prepare(&launch, bwrap, argv, err);
    if (!rc)
        rc = start(&watch, &launch, err);
    else
        return rc;
    if (!rc) {
        result->outcome = attend(&watch, input, size, limits->wall_ms, output);
        if (result->outcome == ZOO_SANDBOX_EXITED) {
            result->status = read_status(watch.status);
            if (result->status < 0)
                rc = fail_to_start(output, before, err);
        } else {
            result->status = 128 + SIGKILL;
        }
    }
    stop(&watch);
    return rc;
}

int zoo_sandbox_probe(const char *program, zoo_err *err)
{
    const char *const argv[] = { "/usr/bin/true", NULL };
    zoo_buf output = ZOO_BUF_INIT(4096);
    zoo_sandbox_result result = { ZOO_SANDBOX_EXITED, 0 };
    int rc;

    if (access(program, X_OK))
        return zoo_fail(err, ZOO_EIO, "%s is not installed (Debian: apt-get install %s)", program,
                        strrchr(program, '/') + 1);
    rc = zoo_sandbox_run(argv, NULL, 0, &zoo_sandbox_defaults, &output, &result, err);
    zoo_buf_release(&output);
    if (rc == ZOO_EIO && find_bwrap())
        return zoo_fail_within(err, "bubblewrap needs /proc and user namespaces, which a plain chroot and many "
                                    "containers do not allow (run it outside, or allow them: sysctl "
                                    "kernel.unprivileged_userns_clone=1)");
    if (!rc && (result.outcome != ZOO_SANDBOX_EXITED || result.status))
        return zoo_fail(err, ZOO_EIO, "a sandboxed /usr/bin/true ended with status %d", result.status);
    return rc;
}
