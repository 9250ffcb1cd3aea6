/* listen.c - "127.0.0.1:8080" to a listening socket; see listen.h. */
#include "net/listen.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "net/http_server.h"

enum { BACKLOG = 1024 };

struct address {
    union { struct sockaddr any; struct sockaddr_in v4; struct sockaddr_in6 v6; } to;
    socklen_t size;
    int is_every;                 /* every address of the machine */
};

static int parse_host(struct address *a, const char *host, unsigned port)
{
    memset(a, 0, sizeof *a);
    if (!*host || !strcmp(host, "*")) {
        a->is_every = 1;
        host = "::";
    } else if (!strcmp(host, "localhost")) {
        host = "127.0.0.1";
    }
    if (inet_pton(AF_INET, host, &a->to.v4.sin_addr) == 1) {
        a->to.v4.sin_family = AF_INET;
        a->to.v4.sin_port = htons((uint16_t)port);
        a->size = sizeof a->to.v4;
        return 0;
    }
    if (inet_pton(AF_INET6, host, &a->to.v6.sin6_addr) == 1) {
        a->to.v6.sin6_family = AF_INET6;
        a->to.v6.sin6_port = htons((uint16_t)port);
        a->size = sizeof a->to.v6;
        return 0;
    }
    return -1;
}

static int parse(struct address *a, const char *listen, zoo_err *err)
{
    const char *colon = strrchr(listen, ':'), *digits = colon ? colon + 1 : listen;
    char host[64] = "localhost", *end;
    unsigned long port = strtoul(digits, &end, 10);
    size_t n = colon ? (size_t)(colon - listen) : 0;

    if (*digits < '0' || *digits > '9' || *end || port > 65535 || n >= sizeof host)
        goto wrong;
    if (colon) {
        int bracketed = n >= 2 && listen[0] == '[' && listen[n - 1] == ']';
        if (!bracketed && memchr(listen, ':', n))
            goto wrong;
        snprintf(host, sizeof host, "%.*s", (int)(bracketed ? n - 2 : n), bracketed ? listen + 1 : listen);
    }
    if (!parse_host(a, host, (unsigned)port))
        return ZOO_OK;
wrong:
    return zoo_fail(err, ZOO_EUSAGE,
                    "'%s' is no address to listen on: expected ADDRESS:PORT such as 127.0.0.1:8080, [::1]:8080, "
                    ":8080 for every address, or a port alone for loopback", listen);
}

int zoo_http_listen_check(const char *listen, zoo_err *err)
{
    struct address a;

    return parse(&a, listen, err);
}

int zoo_http_listen_is_loopback(const char *listen)
{
    struct address a;

    if (parse(&a, listen, NULL))
        return 0;
    if (a.to.any.sa_family == AF_INET)
        return ntohl(a.to.v4.sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&a.to.v6.sin6_addr);
}

static int open_socket(const struct address *a)
{
    int on = 1, off = 0, saved;
    int fd = socket(a->to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) ||
        (a->is_every && a->to.any.sa_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off)) ||
        bind(fd, &a->to.any, a->size) || listen(fd, BACKLOG)) {
        saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static void describe(const struct address *a, unsigned *port, char *url, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "";

    if (a->to.any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &a->to.v4.sin_addr, host, sizeof host);
        *port = ntohs(a->to.v4.sin_port);
        snprintf(url, size, "http://%s:%u", host, *port);
    } else {
        inet_ntop(AF_INET6, &a->to.v6.sin6_addr, host, sizeof host);
        *port = ntohs(a->to.v6.sin6_port);
        snprintf(url, size, "http://[%s]:%u", host, *port);
    }
}

int zoo_listen(int *fd, unsigned *port, char *url, size_t size, const char *listen, zoo_err *err)
{
    struct address a;
    int failed = parse(&a, listen, err);

    if (failed)
        return failed;
    *fd = open_socket(&a);
    if (*fd < 0 && a.is_every && errno == EAFNOSUPPORT) {         /* a machine without IPv6 */
        parse_host(&a, "0.0.0.0", ntohs(a.to.v6.sin6_port));
        *fd = open_socket(&a);
    }
    if (*fd < 0 && errno == EADDRINUSE)
        return zoo_fail(err, ZOO_EIO, "%s is in use: another program listens there; stop it or choose another port",
                        listen);
    if (*fd < 0)
        return zoo_fail_errno(err, errno, "cannot listen on %s", listen);
    a.size = sizeof a.to;
    if (getsockname(*fd, &a.to.any, &a.size)) {
        int why = errno;
        close(*fd);
        return zoo_fail_errno(err, why, "cannot listen on %s", listen);
    }
    describe(&a, port, url, size);
    return ZOO_OK;
}
