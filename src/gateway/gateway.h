/* gateway.h - OpenAI-compatible traffic in, one expert asked.
 *
 *     zoo_gateway_new(&gateway, &config, &log, &err);       // opens the router, listens
 *     zoo_gateway_run(gateway);                             // until SIGTERM or SIGINT, then drains
 *     zoo_gateway_free(gateway);
 *
 * See docs/gateway.md for what it answers. One loop, on the caller's thread; the router runs on threads of its own.
 * Layer: gateway. */
#ifndef ZOO_GATEWAY_GATEWAY_H
#define ZOO_GATEWAY_GATEWAY_H
#include "base/buf.h"
#include "base/log.h"
#include "gateway/config.h"

typedef struct zoo_gateway zoo_gateway;

/* `config` and `log` must outlive it. Their errors are those of the router, the settings and the address. */
int zoo_gateway_new(zoo_gateway **out, const zoo_gateway_config *config, const zoo_log *log, zoo_err *err);
/* "http://127.0.0.1:8080" */
const char *zoo_gateway_url(const zoo_gateway *gateway);
/* Until SIGTERM or SIGINT; then no more is accepted, what runs is brought to its end within the drain limit, a second
 * signal ends at once. */
int zoo_gateway_run(zoo_gateway *gateway, zoo_err *err);
void zoo_gateway_free(zoo_gateway *gateway);                 /* NULL is fine */

/* What new() checks, without listening. *summary, where not NULL, is filled with one line for people. */
int zoo_gateway_check(const zoo_gateway_config *config, const zoo_log *log, zoo_buf *summary, zoo_err *err);
#endif
