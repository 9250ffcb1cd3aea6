/* yaml.c - settings files: libcyaml with errors as one sentence; see yaml.h. */
#include "base/yaml.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/fs.h"

enum { MAX_BYTES = 4 << 20 };

/* cyaml reports an error in several log lines: what is wrong, then a trace of where, innermost first. */
struct report { char what[300], where[200]; };

__attribute__((format(printf, 3, 0))) static void collect(cyaml_log_t level, void *context, const char *fmt,
                                                          va_list args)
{
    struct report *report = context;
    char line[300], *text = line;

    (void)level;
    vsnprintf(line, sizeof line, fmt, args);
    line[strcspn(line, "\n")] = '\0';
    if (!strncmp(text, "Load: ", 6))
        text += 6;
    if (!strcmp(text, "Backtrace:"))
        return;
    if (strstr(text, "(line: ")) {
        while (*text == ' ')
            text++;
        if (!report->where[0])
            snprintf(report->where, sizeof report->where, "%.199s", text);
    } else if (!report->what[0]) {
        size_t n = strlen(text);
        snprintf(report->what, sizeof report->what, "%.*s", (int)(n && text[n - 1] == '.' ? n - 1 : n), text);
    }
}

/* cyaml places an unexpected key at its mapping. Where exactly one line has that key, the line is it; else 0. */
static size_t line_of_key(const char *text, const char *key)
{
    size_t length = strlen(key), number = 1, found = 0, hits = 0;

    for (const char *line = text; line; number++) {
        const char *at = line + strspn(line, " -");
        if (length && !strncmp(at, key, length) && at[length] == ':') {
            found = number;
            hits++;
        }
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return hits == 1 ? found : 0;
}

int zoo_yaml_load(void **out, const char *path, const cyaml_schema_value_t *schema, zoo_err *err)
{
    struct report report = { "", "" };
    cyaml_config_t config = { .log_fn = collect, .log_ctx = &report, .mem_fn = cyaml_mem,
                              .log_level = CYAML_LOG_ERROR, .flags = CYAML_CFG_NO_ALIAS };
    char *text;
    size_t size;
    cyaml_err_t rc;
    int failed = zoo_fs_read(&text, &size, path, MAX_BYTES, err);

    *out = NULL;
    if (failed)
        return failed;
    rc = cyaml_load_data((const uint8_t *)text, size, &config, schema, (cyaml_data_t **)out, NULL);
    static const char unexpected[] = "Unexpected key: ";
    size_t line = strncmp(report.what, unexpected, sizeof unexpected - 1)
                      ? 0 : line_of_key(text, report.what + sizeof unexpected - 1);
    free(text);
    if (line)
        snprintf(report.where, sizeof report.where, "line: %zu", line);
    if (rc == CYAML_OK && *out)
        return ZOO_OK;
    *out = NULL;
    if (rc == CYAML_ERR_OOM)
        return zoo_fail_nomem(err);
    if (rc == CYAML_OK)
        return zoo_fail(err, ZOO_EFORMAT, "%s: no settings in it", path);
    return zoo_fail(err, ZOO_EFORMAT, "%s: %s%s%s", path, report.what[0] ? report.what : cyaml_strerror(rc),
                    report.where[0] ? ", " : "", report.where);
}

void zoo_yaml_free(void *data, const cyaml_schema_value_t *schema)
{
    static const cyaml_config_t config = { .mem_fn = cyaml_mem };

    if (data)
        cyaml_free(&config, schema, data, 0);
}
