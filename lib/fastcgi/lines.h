/* Newline-delimited JSON as an answer. */
#ifndef FASTCGI_LINES_H
#define FASTCGI_LINES_H

#include <cjson/cJSON.h>

#include "fastcgi/reply.h"
#include "intake/spool.h"

/* Appends a line, which it takes. */
int lines_add(struct spool *lines, cJSON *line, struct err *err);
int lines_send(const struct spool *lines, struct reply *reply, struct err *err);

#endif
