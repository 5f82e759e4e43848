/* One HTTP request as nginx passes it: parsed, bounded and typed before a handler sees it.
 *
 * Lives for one request, on one thread. Strings belong to the request. */
#ifndef FASTCGI_REQUEST_H
#define FASTCGI_REQUEST_H

#include <cjson/cJSON.h>
#include <fcgiapp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "fastcgi/pace.h"
#include "intake/spool.h"

enum {
	REQUEST_URI_MAX = 16 * 1024, /* bytes of path and query as sent */
	REQUEST_SEGMENTS_MAX = 16,   /* path segments that are split; the last one holds the rest */
	REQUEST_QUERY_MAX = 32,      /* query parameters */
};

struct request {
	FCGX_Request *fcgi;
	const char *method;
	const char *user;        /* authenticated by nginx; never NULL, "" only where nginx asks for no password */
	const char *id;          /* request id, shared with nginx's log */
	const char *traceparent; /* the same; nginx has checked it, or made one */
	const char *base_path;   /* "/label": what the client sees before our paths; mostly "" */
	const char *content_type;
	int64_t content_length;      /* -1: not known */
	int64_t body_read;           /* bytes of the body read so far */
	struct pace pace;            /* how fast they come; request_read judges it where pace.seconds is set */
	const struct spool *spooled; /* the whole body, if it was read already; NULL: it comes from nginx */

	/* The path, split at '/' before percent-decoding: "/v1/datasets/a%2Fb" has three segments, the last "a/b". */
	size_t segment_count;
	const char *segment[REQUEST_SEGMENTS_MAX];
	size_t query_count;
	struct {
		const char *name, *value;
	} query[REQUEST_QUERY_MAX];

	struct buf memory; /* holds the decoded text */
};

/* Reads the parameters; ERR_BAD_REQUEST names what is malformed. */
int request_init(struct request *request, FCGX_Request *fcgi, struct err *err);
void request_release(struct request *request);

/* Splits and decodes a request target ("/path?query") into segment[] and query[]. request_init uses it; it is public
 * for tests and fuzzing. request is zeroed except memory. */
int request_parse_target(struct request *request, const char *target, struct err *err);

/* A query parameter's value, or NULL. request_init refuses a parameter that is given twice. */
const char *request_query(const struct request *request, const char *name);
/* Reads how many items of a list are asked for: "limit", from 1 to limit_max. If it is not given, *limit stays as it
 * was. ERR_BAD_REQUEST. */
int request_limit(const struct request *request, int64_t limit_max, int64_t *limit, struct err *err);
/* A header, by its CGI name ("HTTP_ACCEPT"), or NULL. */
const char *request_header(const struct request *request, const char *name);
/* Whether the request is for /v1, as far as the path could be read: works even if request_init failed. */
bool request_is_v1(const struct request *request);
/* Whether a person's browser opens the address: a GET that accepts HTML and does not ask for JSON. */
bool request_opens_page(const struct request *request);
/* Whether the Accept header names JSON, and no image type with a higher quality. */
bool request_accepts_json(const struct request *request);

/* Reads up to len bytes of the body, those that are there or else the next to come: returns how many, 0 at its end,
 * -1 with err (ERR_BAD_REQUEST when it ends before its Content-Length, ERR_SLOW by its pace). A body without a
 * Content-Length (chunked, and streamed by nginx) ends where nginx ends it. */
ssize_t request_read(struct request *request, void *bytes, size_t len, struct err *err);

/* Reads and discards the rest of the body, up to a bound: nginx answers 502 in place of a refusal that arrives, and
 * closes the connection, while it is still sending. Returns whether nothing is left to be read on the connection.
 * Call it before a streamed answer begins: from then on nginx sends no more of the body, and reading it would never
 * end. */
enum { REQUEST_DRAIN_MAX = 256 * 1024 * 1024 };
bool request_drain(struct request *request);

/* Whether nobody waits for the answer any more: nginx has closed the connection, because its client did. */
bool request_is_gone(const struct request *request);
/* The same, but waits up to `ms` milliseconds for it. */
bool request_pause(const struct request *request, int ms);

/* Bodies are never unpacked: one that is said to be compressed (Content-Encoding) is ERR_MEDIA_TYPE. */
int request_check_coding(const struct request *request, struct err *err);

/* Appends the body, at most `max` bytes, to out; ERR_TOO_LARGE, ERR_BAD_REQUEST when it ends early. */
int request_body(struct request *request, size_t max, struct buf *out, struct err *err);
/* Reads the body as one JSON object. Its Content-Type must be JSON if given, and nothing may be compressed (else
 * ERR_MEDIA_TYPE). The caller deletes the tree. */
cJSON *request_json(struct request *request, size_t max, struct err *err);

#endif
