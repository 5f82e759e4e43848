/* The answer to one request: built whole, then sent; nothing is sent before the work is done (streams excepted).
 *
 * The one place that turns an err into an HTTP status and body. One thread, one request. */
#ifndef FASTCGI_REPLY_H
#define FASTCGI_REPLY_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "fastcgi/request.h"

enum { REPLY_HEADERS_MAX = 192 * 1024, REPLY_BODY_MAX = 64 * 1024 * 1024 };

struct reply {
	int status;
	struct buf headers; /* "Name: value\r\n" lines */
	struct buf body;
	bool problem;     /* errors as application/problem+json (contract 3), else {"message"} */
	const char *page; /* not NULL: errors as a page for people, with a link to base_path/ui/, this being the base_path */
	bool streaming;   /* status and headers are out */
	FCGX_Request *fcgi;
};

void reply_init(struct reply *reply, FCGX_Request *fcgi);
void reply_release(struct reply *reply);

/* HTTP status of an error code. */
int reply_status(enum err_code code);
/* Whether it is of a store that is down (502, 503), as the next one will be, too. */
bool reply_is_down(const struct err *err);

/* Adds a header. A value with CR, LF or NUL fails (ERR_INTERNAL): it would be a header of its own. */
int reply_header(struct reply *reply, const char *name, const char *value, struct err *err);

/* Sets status and a JSON body; takes tree. */
void reply_json(struct reply *reply, int status, cJSON *tree);
/* Sets status and a body of any type; copies. */
void reply_text(struct reply *reply, int status, const char *type, const char *text);
/* No body (204, 304). */
void reply_empty(struct reply *reply, int status);
/* Replaces whatever was built by the error's answer; details of 500s go to the log and not to the client. */
void reply_error(struct reply *reply, const struct err *err);
/* The same with more fields: adds the error's to tree, and takes it. */
void reply_error_with(struct reply *reply, const struct err *err, cJSON *tree);
/* Hands a file over to nginx: X-Accel-Redirect to its internal location, with type. `path` is real and absolute; nginx
 * follows no symlink in it, and looks for one only below path's first `root` bytes. */
int reply_file(struct reply *reply, const char *path, size_t root, const char *type, struct err *err);

/* Sends it, as "private, no-store" unless it has a Cache-Control of its own. A client that went away is no error. */
void reply_send(struct reply *reply);

/* Streaming: sends status and headers now, then chunks; -1 when the client is gone. */
int reply_stream_start(struct reply *reply, int status, const char *type);
int reply_stream_write(struct reply *reply, const void *bytes, size_t len);

#endif
