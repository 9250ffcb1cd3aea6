/* route_explain.h - why a router chose, for people, in 80 columns. Layer: cli. */
#ifndef ZOO_CLI_ROUTE_EXPLAIN_H
#define ZOO_CLI_ROUTE_EXPLAIN_H
#include <stddef.h>
#include <stdio.h>
#include "base/err.h"
#include "zooter.h"

/* Writes the explanation of one query to `to`. */
int zoo_route_explain(FILE *to, const zoo_router *router, zoo_workspace *workspace, const char *query, size_t size,
                      zoo_err *err);
#endif
