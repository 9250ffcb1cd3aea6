#include "unit/cm.h"
#include <stdio.h>
#include <string.h>
#include "gateway/metrics.h"

static void has(const zoo_buf *page, const char *line)
{
    const char *at = strstr(page->data, line);

    if (!at || (at != page->data && at[-1] != '\n') || at[strlen(line)] != '\n')
        fail_msg("no line '%s' in:\n%s", line, page->data);
}

static void histograms_count_each_value_once_and_cumulate(void **state)
{
    static const char *const names[] = { "a", "org/b" };
    zoo_buf page = ZOO_BUF_INIT(1 << 20), small = ZOO_BUF_INIT(500);
    zoo_metrics m;

    (void)state;
    assert_int_equal(zoo_metrics_init(&m, names, 2, NULL), ZOO_OK);
    for (int i = 0; i < 3; i++)
        zoo_histogram_add(&m.route, ZOO_METRICS_ROUTE_FIRST, 1e-5);        /* on the edge: in the bucket */
    zoo_histogram_add(&m.route, ZOO_METRICS_ROUTE_FIRST, 3e-5);
    zoo_histogram_add(&m.route, ZOO_METRICS_ROUTE_FIRST, 1e6);
    m.of[1].requests[ZOO_OUTCOME_LEFT] = 7;
    m.reasons[ZOO_REASON_NO_TEXT] = 2;
    zoo_histogram_add(&m.of[1].duration, ZOO_METRICS_ANSWER_FIRST, 0.5);
    assert_int_equal(zoo_metrics_write(&m, 4, 5, &page), ZOO_OK);
    has(&page, "zooter_route_seconds_bucket{le=\"1e-05\"} 3");
    has(&page, "zooter_route_seconds_bucket{le=\"2.5e-05\"} 3");
    has(&page, "zooter_route_seconds_bucket{le=\"5e-05\"} 4");
    has(&page, "zooter_route_seconds_bucket{le=\"1\"} 4");
    has(&page, "zooter_route_seconds_bucket{le=\"+Inf\"} 5");
    has(&page, "zooter_route_seconds_count{} 5");
    has(&page, "zooter_requests_total{expert=\"org/b\",outcome=\"left\"} 7");
    has(&page, "zooter_decisions_total{reason=\"no-text\"} 2");
    has(&page, "zooter_request_seconds_bucket{expert=\"org/b\",le=\"0.25\"} 0");
    has(&page, "zooter_request_seconds_bucket{expert=\"org/b\",le=\"0.5\"} 1");
    has(&page, "zooter_request_seconds_sum{expert=\"org/b\"} 0.5");
    has(&page, "zooter_in_flight 4");
    has(&page, "zooter_route_queue 5");
    assert_int_equal(zoo_metrics_write(&m, 4, 5, &small), ZOO_ENOMEM);
    zoo_buf_release(&page);
    zoo_buf_release(&small);
    zoo_metrics_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(histograms_count_each_value_once_and_cumulate) };
    return cmocka_run_group_tests_name("gateway/metrics", tests, NULL, NULL);
}
