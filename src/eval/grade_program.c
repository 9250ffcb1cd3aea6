/* grade_program.c - runs an answer's Python program and the row's tests, in the sandbox and nowhere else.
 *
 * A driver reads a token and both sources from stdin, so that nothing of them is on a disk, executes them in one module
 * named "answer" (a main guard does not fire) and prints the token when the tests have ended. An exit status of 0
 * without the token as the last output is a program that left early, and counts as failed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include "eval/grade_text.h"
#include "eval/graders.h"
#include "eval/sandbox.h"

enum { MAX_OUTPUT = 1 << 20, MAX_SOURCE = 8 << 20, TOKEN_SIZE = 32 };

#define PYTHON "/usr/bin/python3"

static const char driver[] =
    "import posix, sys\n"          /* built in: 'os' and 'types' are files, and cost a fifth of the time to start */
    "source = sys.stdin.buffer\n"
    "token = source.readline()\n"
    "program = source.read(int(source.readline()))\n"
    "tests = source.read()\n"
    "answer = sys.modules['answer'] = type(sys)('answer')\n"
    "exec(compile(program, 'answer.py', 'exec'), answer.__dict__)\n"
    "exec(compile(tests, 'tests.py', 'exec'), answer.__dict__)\n"
    "sys.stdout.flush()\n"
    "posix.write(1, token)\n"
    "posix._exit(0)\n";

/* The fenced block whose opening fence is at `fence`: its text, and where it ends.
 * A block that is never closed goes to the end. */
static const char *block_at(const char *fence, const char *end, size_t *size)
{
    const char *start = memchr(fence, '\n', (size_t)(end - fence)), *close;

    if (!start)
        return NULL;
    start++;
    close = memmem(start, (size_t)(end - start), "\n```", 4);
    *size = (size_t)((close ? close + 1 : end) - start);
    return start;
}

static int is_python(const char *fence)
{
    static const char *const names[] = { "python", "py\n", "py\r", "Python", "python3" };

    fence += strspn(fence, "` ");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strncmp(fence, names[i], strlen(names[i])))
            return 1;
    return 0;
}

const char *zoo_grade_find_code(const char *answer, size_t size, size_t *code_size)
{
    const char *end = answer + size, *found = NULL;
    int found_python = 0;

    *code_size = size;
    for (const char *at = answer; at < end;) {
        size_t n;
        const char *fence = memmem(at, (size_t)(end - at), "```", 3), *block = fence ? block_at(fence, end, &n) : NULL;
        if (!block)
            break;
        if (!found || is_python(fence)) {
            if (is_python(fence) || !found_python) {
                found = block;
                *code_size = n;
            }
            found_python |= is_python(fence);
        }
        at = block + n;
        at += (size_t)(end - at) >= 3 && !memcmp(at, "```", 3) ? 3 : 0;
    }
    return found ? found : answer;
}

static int make_token(char token[TOKEN_SIZE + 1], zoo_err *err)
{
    uint64_t words[2];

    if (getrandom(words, sizeof words, 0) != (ssize_t)sizeof words)
        return zoo_fail(err, ZOO_EIO, "the system has no random numbers");
    snprintf(token, TOKEN_SIZE + 1, "%016" PRIx64 "%016" PRIx64, words[0], words[1]);
    return ZOO_OK;
}

static int ends_with(const zoo_buf *output, const char *token)
{
    size_t n = strlen(token);

    return output->size >= n + 1 && !memcmp(output->data + output->size - n - 1, token, n);
}

int zoo_grade_program(const char *answer, size_t size, const char *tests, zoo_err *err)
{
    static const char *const argv[] = { PYTHON, "-I", "-S", "-B", "-c", driver, NULL };
    zoo_buf input = ZOO_BUF_INIT(MAX_SOURCE), output = ZOO_BUF_INIT(MAX_OUTPUT);
    zoo_sandbox_result result;
    char token[TOKEN_SIZE + 1];
    size_t code_size;
    const char *code = zoo_grade_find_code(answer, size, &code_size);
    int rc = make_token(token, err);

    if (!rc && (zoo_buf_addf(&input, "%s\n%zu\n", token, code_size) || zoo_buf_add(&input, code, code_size) ||
                zoo_buf_add_str(&input, tests)))
        /* no program is that long: failed */
        rc = size + strlen(tests) < MAX_SOURCE - 100 ? zoo_fail_nomem(err) : 1;
    if (rc > 0)
        rc = 0;
    else if (!rc && !(rc = zoo_sandbox_run(argv, input.data, input.size, &zoo_sandbox_defaults, &output, &result, err)))
        rc = result.outcome == ZOO_SANDBOX_EXITED && result.status == 0 && ends_with(&output, token);
    zoo_buf_release(&input);
    zoo_buf_release(&output);
    return rc;
}

int zoo_grader_probe_program(zoo_err *err)
{
    return zoo_sandbox_probe(PYTHON, err);
}
