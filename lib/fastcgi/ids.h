/* Samples that a request lists by their ids. Any thread. */
#ifndef FASTCGI_IDS_H
#define FASTCGI_IDS_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The body's "ids", of which there may be `most`; they may name the same sample twice, or one that is not there.
 * ERR_BAD_REQUEST for anything else. The caller frees *out, which is NULL after a failure. */
int ids_read(const cJSON *list, size_t most, int64_t **out, size_t *count, struct err *err);

#endif
