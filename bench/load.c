/* load - one load of a store as the arrays that training takes.
 *
 *     build/release/bench/load STORE REWARD-MODEL...
 *
 * Prints one JSON object: seconds of zoo_store_load() alone, the process's peak memory in MiB, the arrays' shape, and their sum, by which
 * two back ends are compared. bench/load makes the store and judges. */
#include <math.h>
#include <stdio.h>
#include <sys/resource.h>
#include "base/clock.h"
#include "store/store.h"

static double sum_of(const zoo_dataset *data)
{
    double sum = 0;

    for (size_t i = 0; i < data->m * data->n * data->k; i++)
        sum += isnan(data->rewards[i]) ? 0 : data->rewards[i];
    return sum;
}

static void print(const zoo_dataset *data, double seconds)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    printf("{\"seconds\": %.3f, \"peak_mib\": %.1f, \"queries\": %zu, \"experts\": %zu, \"reward_models\": %zu, \"sum\": %.17g}\n", seconds,
           (double)usage.ru_maxrss / 1024, data->n, data->k, data->m, sum_of(data));
}

int main(int argc, char **argv)
{
    zoo_store_filter filter = { 0 };
    zoo_dataset data = { 0 };
    zoo_store *store = NULL;
    uint64_t begun;
    zoo_err err;
    int rc;

    if (argc < 3) {
        fputs("load: usage: load STORE REWARD-MODEL...\n", stderr);
        return 2;
    }
    filter.reward_models = (zoo_texts){ (const char *const *)argv + 2, (size_t)argc - 2 };
    rc = zoo_store_open(&store, argv[1], ZOO_STORE_READ, NULL, &err);
    begun = zoo_clock_ns();
    if (!rc)
        rc = zoo_store_load(store, &filter, &data, &err);
    if (rc)
        fprintf(stderr, "load: %s\n", err.message);
    else
        print(&data, (double)(zoo_clock_ns() - begun) * 1e-9);
    zoo_dataset_release(&data);
    zoo_store_close(store);
    return rc ? 1 : 0;
}
