/* Answers and replies as anybody may send them, to the graders that run nothing and to the readers of replies. */
#include "fuzz.h"
#include "eval/grade_text.h"
#include "llm/chat.h"
#include "llm/reward_api.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *text = (const char *)bytes;
    zoo_buf folded = ZOO_BUF_INIT(1 << 24);
    zoo_chat_answer answer;
    double number;
    size_t n;

    if (!zoo_grade_fold(&folded, text, size)) {
        char letter = zoo_grade_choice(folded.data);
        MUST(!letter || (letter >= 'A' && letter <= 'J'));
        zoo_grade_number(folded.data, &number);
        zoo_grade_string(folded.data, "reference");
        const char *code = zoo_grade_find_code(folded.data, folded.size, &n);
        MUST(code >= folded.data && code + n <= folded.data + folded.size);
    }
    zoo_buf_release(&folded);
    if (!zoo_chat_read(&answer, text, size, NULL))
        zoo_chat_answer_release(&answer);
    for (int api = 0; api < 3; api++)
        zoo_reward_read(&number, &(zoo_reward_request){ (enum zoo_reward_api)api, "m", NULL, -1 }, text, size, NULL);
    return 0;
}
