/* Structured log lines on stderr: one JSON object a line, with time, level, program, request id and fields.
 *
 * Thread-safe; a line is one write(2). Values are escaped here, so bytes from outside can be passed as they are.
 * Never pass it secrets. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Keeps program by pointer. Lines above level are dropped (default LOG_INFO). */
void log_init(const char *program, enum log_level level);

/* Sets the calling thread's request id, which all its lines bear until it changes; NULL for none. Copied, at most 64
 * bytes. */
void log_request_id(const char *id);

/* log_write(LOG_WARN, "label kept", "dataset", name, "label", label, NULL): pairs of key and value, ended by NULL. A
 * NULL value is written as null. No key may be time, level, program, request_id, message or cut. Values and lines
 * that are too long are cut, and the line then says "cut":true. Keeps errno. */
void log_write(enum log_level level, const char *message, ...) __attribute__((sentinel));

#endif
