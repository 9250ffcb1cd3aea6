/* hub_env.h - where the Hugging Face hub and its cache are, as the environment says,
 * with the names and defaults of huggingface_hub.
 * Layer: cli. */
#ifndef ZOO_CLI_HUB_ENV_H
#define ZOO_CLI_HUB_ENV_H
#include <limits.h>
#include "base/err.h"
#include "net/hub.h"

/* Owns the texts that `settings` points to. */
typedef struct zoo_hub_env {
    zoo_hub_settings settings;
    char endpoint[1024], cache[PATH_MAX], token[1024];
} zoo_hub_env;

/* HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HOME, HF_HUB_CACHE, XDG_CACHE_HOME, HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE,
 * HF_HUB_DISABLE_IMPLICIT_TOKEN, HF_HUB_DOWNLOAD_TIMEOUT, SSL_CERT_FILE. A sentence never shows the token. */
int zoo_hub_env_read(zoo_hub_env *env, zoo_err *err);
#endif
