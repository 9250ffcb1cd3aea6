/* children.h - runs this program's own commands as child processes, shows each, and leaves none behind.
 *
 *     zoo_children_begin(&before);                          // from here on SIGINT and SIGTERM only end the waiting
 *     zoo_child_start(&sim, dir, argv, NULL, "sim.log", &err);      // a server
 *     zoo_child_wait_port(&sim, 8001, 10, &err);
 *     zoo_child_run(dir, argv, "eval.json", &err);          // a command, to its end
 *     zoo_child_stop(&sim);
 *     zoo_children_end(&before);
 *
 * A child is told to end (SIGTERM) when this process dies, however it dies. What it prints goes to stderr, or to files.
 * Layer: cli. Threads: the process has one. */
#ifndef ZOO_CLI_CHILDREN_H
#define ZOO_CLI_CHILDREN_H
#include <signal.h>
#include <stdio.h>
#include <sys/types.h>
#include "base/err.h"

typedef struct zoo_child { pid_t pid; const char *name; } zoo_child;       /* pid 0: not running */

void zoo_children_begin(sigset_t *before);
void zoo_children_end(const sigset_t *before);
/* ZOO_ECANCELED where SIGINT or SIGTERM has come. */
int zoo_children_check(zoo_err *err);

/* "$ zooter train --out router > OUT", quoted for a shell; with `log` " 2> LOG &" instead. NULL: no redirection. */
void zoo_child_show(FILE *to, const char *const *argv, const char *out, const char *log);
/* Starts this program with argv (argv[0] "zooter", ends with NULL) in the folder `dir`; stdout into the file `out`,
 * stderr into the file `log` of that folder where they are not NULL. The words of argv must outlive the child. */
int zoo_child_start(zoo_child *child, const char *dir, const char *const *argv, const char *out, const char *log,
                    zoo_err *err);
/* Waits for its end. ZOO_EIO where its exit status is not 0, ZOO_ECANCELED on a signal: then it is stopped. */
int zoo_child_finish(zoo_child *child, zoo_err *err);
/* Starts and finishes. */
int zoo_child_run(const char *dir, const char *const *argv, const char *out, zoo_err *err);
/* Until the port of 127.0.0.1 takes connections. ZOO_EIO where the child ends, or `seconds` pass. */
int zoo_child_wait_port(zoo_child *child, unsigned port, unsigned seconds, zoo_err *err);
/* SIGTERM, and SIGKILL after five seconds. Not running is fine. */
void zoo_child_stop(zoo_child *child);

/* A port of 127.0.0.1 that nobody listens on now. */
int zoo_child_free_port(unsigned *port, zoo_err *err);
#endif
