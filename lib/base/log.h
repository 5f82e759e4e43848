/* Structured log lines on stderr: one JSON object a line, with time, level, program, request id and fields.
 *
 * Thread-safe; a line is one write(2). Values are escaped here, so bytes from outside can be passed as
 * they are. Secrets are never passed to it. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* program is kept by pointer. Lines above level are dropped (default LOG_INFO). */
void log_init(const char *program, enum log_level level);

/* The calling thread's request id, put on each of its lines until changed; NULL for none. Copied, at most
 * 64 bytes. */
void log_request_id(const char *id);

/* log_write(LOG_WARN, "label kept", "dataset", name, "label", label, NULL): pairs of key and value, ended
 * by NULL. A NULL value is written as null. Keys are none of time, level, program, request_id, message,
 * cut. Values and lines that are too long are cut, and the line then says "cut":true. errno is kept. */
void log_write(enum log_level level, const char *message, ...) __attribute__((sentinel));

#endif
