/* A question of any bytes to a simulated expert: an answer that ends, the same again,
 * and text that is a task asks itself back. */
#include "fuzz.h"
#include <stdlib.h>
#include <string.h>
#include "sim/expert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char answer[ZOO_SIM_TEXT_SIZE], again[ZOO_SIM_TEXT_SIZE], query[ZOO_SIM_TEXT_SIZE], *text = malloc(size + 1);
    zoo_sim_config config;
    zoo_sim_task task;

    MUST(text && zoo_sim_config_uniform(&config, 2, NULL) == ZOO_OK);
    memcpy(text, data, size);
    text[size] = '\0';
    MUST(zoo_sim_answer(&config, &config.experts[0], text, size, answer) == strlen(answer));
    zoo_sim_answer(&config, &config.experts[0], text, size, again);
    MUST(*answer && !strcmp(answer, again));
    zoo_sim_is_right(text, size, answer);
    if (zoo_sim_match(text, size, &task))
        MUST(!zoo_sim_ask(&task, query, sizeof query) && strlen(query) == size && !memcmp(query, text, size));
    zoo_sim_config_release(&config);
    free(text);
    return 0;
}
