/* listen.h - "127.0.0.1:8080" to a listening socket. Layer: net. */
#ifndef ZOO_NET_LISTEN_H
#define ZOO_NET_LISTEN_H
#include <stddef.h>
#include "base/err.h"

/* Binds and listens, non-blocking, TCP_NODELAY for what it accepts. *fd, *port and url[0..size) on success. For
 * `listen` see http_server.h. */
int zoo_listen(int *fd, unsigned *port, char *url, size_t size, const char *listen, zoo_err *err);
#endif
