/* The answer to one request: built whole, then sent; nothing is sent before the work is done (streams excepted).
 *
 * The only place that turns an err into an HTTP status and body. One thread, one request. */
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
	const char *page; /* the base_path, if errors are to be a page for people, with a link to base_path/ui/; else NULL */
	bool streaming;   /* status and headers were sent */
	int64_t sent;     /* bytes of the body */
	FCGX_Request *fcgi;
};

void reply_init(struct reply *reply, FCGX_Request *fcgi);
void reply_release(struct reply *reply);

/* The HTTP status of an error code. */
int reply_status(enum err_code code);

/* Adds a header. A value with CR, LF or NUL fails (ERR_INTERNAL): it would be a header of its own. */
int reply_header(struct reply *reply, const char *name, const char *value, struct err *err);

/* Sets status and a JSON body; takes tree. */
void reply_json(struct reply *reply, int status, cJSON *tree);
/* Sets status and a body of any type; copies the text. */
void reply_text(struct reply *reply, int status, const char *type, const char *text);
/* Sets a status without a body (204, 304). */
void reply_empty(struct reply *reply, int status);
/* Replaces whatever was built by the error's answer; details of 500s go to the log, not to the client. */
void reply_error(struct reply *reply, const struct err *err);
/* The same with more fields: adds the error's fields to tree, and takes tree. */
void reply_error_with(struct reply *reply, const struct err *err, cJSON *tree);
/* Lets nginx send a file: X-Accel-Redirect to its internal location, with type. `path` is real and absolute; nginx
 * follows no symlink in it, and looks for them only after path's first `root` bytes. */
int reply_file(struct reply *reply, const char *path, size_t root, const char *type, struct err *err);

/* Sends the reply, as "private, no-store" unless it has a Cache-Control of its own. A client that has gone is no
 * error. */
void reply_send(struct reply *reply);

/* Streaming: sends status and headers now, then chunks; non-zero when the client is gone. */
int reply_stream_start(struct reply *reply, int status, const char *type);
int reply_stream_write(struct reply *reply, const void *bytes, size_t len);
/* Breaks a stream off, so that its client sees that it is incomplete: nginx sends no end (HTTP's last chunk) after an
 * answer without one, where fastcgi_keep_conn is on. */
void reply_stream_abort(struct reply *reply);

#endif
