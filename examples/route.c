/* route.c - libzooter from a program: one query routed, then many from two threads that share one router.
 *
 *     cc route.c $(pkg-config --cflags --libs zooter) -pthread -o route
 *     ./route my-router "What is 12 * 31?" "Translate 'good night' into French." */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zooter.h>

struct job {
    const zoo_router *router;
    char **queries;
    zoo_decision *decisions;
    size_t first, end;              /* queries[first .. end) are this thread's */
    zoo_err err;                    /* code ZOO_OK: all went well */
};

/* A thread: its own workspace, the shared router. */
static void *work(void *arg)
{
    struct job *job = arg;
    zoo_workspace *workspace;
    int rc = zoo_workspace_new(&workspace, job->router, &job->err);

    for (size_t i = job->first; !rc && i < job->end; i++)
        rc = zoo_router_route(job->router, workspace, job->queries[i], strlen(job->queries[i]), NULL, &job->decisions[i], &job->err);
    job->err.code = rc;
    zoo_workspace_free(workspace);
    return NULL;
}

/* queries[0..n) on two threads; 0, or -1 with the sentence on stderr. */
static int route_all(const zoo_router *router, char **queries, size_t n, zoo_decision *decisions)
{
    struct job jobs[2] = {
        { .router = router, .queries = queries, .decisions = decisions, .first = 0, .end = n / 2 },
        { .router = router, .queries = queries, .decisions = decisions, .first = n / 2, .end = n },
    };
    pthread_t second;
    int status = 0;

    if (pthread_create(&second, NULL, work, &jobs[1])) {
        fprintf(stderr, "no second thread\n");
        return -1;
    }
    work(&jobs[0]);
    pthread_join(second, NULL);
    for (size_t i = 0; i < 2; i++)
        if (jobs[i].err.code) {
            fprintf(stderr, "%s\n", jobs[i].err.message);
            status = -1;
        }
    return status;
}

int main(int argc, char **argv)
{
    zoo_err err;
    zoo_router *router = NULL;
    zoo_workspace *workspace = NULL;
    zoo_decision decision, *decisions = NULL;
    size_t n = argc > 2 ? (size_t)argc - 2 : 0;
    int status = EXIT_FAILURE;

    if (n == 0) {
        fprintf(stderr, "usage: route ROUTER QUERY...\n");
        return 2;
    }
    if (zoo_router_open(&router, argv[1], &err) || zoo_workspace_new(&workspace, router, &err) ||
        zoo_router_route(router, workspace, argv[2], strlen(argv[2]), NULL, &decision, &err)) {
        fprintf(stderr, "%s\n", err.message);
        goto done;
    }
    printf("libzooter %s, %zu experts; the first query goes to %s (%.0f%%)\n", zoo_version(), zoo_router_expert_count(router),
           zoo_router_expert(router, decision.expert), 100 * (double)decision.probability);

    decisions = calloc(n, sizeof *decisions);
    if (!decisions || route_all(router, argv + 2, n, decisions))
        goto done;
    for (size_t i = 0; i < n; i++)
        printf("%s\t%.3f\t%s\n", zoo_router_expert(router, decisions[i].expert), (double)decisions[i].probability, argv[i + 2]);
    status = EXIT_SUCCESS;
done:
    free(decisions);
    zoo_workspace_free(workspace);
    zoo_router_close(router);
    return status;
}
