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

/* What a thread works for, which all its lines bear: "" is none. */
struct log_request {
	char id[65];
	char traceparent[56]; /* of W3C's Trace Context: which request of another service this one is part of */
};
/* Sets the calling thread's; NULL is none. What is too long is cut. */
void log_request(const char *id, const char *traceparent);
/* The calling thread's, for log_request_resume on another thread that works for the same request. */
struct log_request log_request_now(void);
void log_request_resume(const struct log_request *request);

/* log_write(LOG_WARN, "label kept", "dataset", name, "label", label, NULL): pairs of key and value, ended by NULL. A
 * NULL value is written as null. No key may be time, level, program, request_id, traceparent, message or cut. Values
 * and lines that are too long are cut, and the line then says "cut":true. Keeps errno. */
void log_write(enum log_level level, const char *message, ...) __attribute__((sentinel));

#endif
