/* Builds and sends answers; the one place where an error becomes an HTTP status and body. */
#include "fastcgi/reply.h"

#include <errno.h>
#include <fastcgi.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

enum {
	RETRY_AFTER_SECONDS = 2,
	DIRECT_BYTES = 16 * 1024, /* streamed at once, that are worth records of their own */
	RECORD_BYTES = 65528,     /* of a record's content: the largest multiple of 8 */
};

static const struct {
	int status;
	const char *title;
} answers[] = {
	[ERR_NONE] = {500, "Internal Server Error"},
	[ERR_BAD_REQUEST] = {400, "Bad Request"},
	[ERR_FORBIDDEN] = {403, "Forbidden"},
	[ERR_NOT_FOUND] = {404, "Not Found"},
	[ERR_METHOD] = {405, "Method Not Allowed"},
	[ERR_SLOW] = {408, "Request Timeout"},
	[ERR_CONFLICT] = {409, "Conflict"},
	[ERR_GONE] = {410, "Gone"},
	[ERR_LENGTH_REQUIRED] = {411, "Length Required"},
	[ERR_TOO_LARGE] = {413, "Content Too Large"},
	[ERR_MEDIA_TYPE] = {415, "Unsupported Media Type"},
	[ERR_UNPROCESSABLE] = {422, "Unprocessable Content"},
	[ERR_TOO_MANY] = {429, "Too Many Requests"},
	[ERR_INTERNAL] = {500, "Internal Server Error"},
	[ERR_UPSTREAM] = {502, "Bad Gateway"},
	[ERR_UNAVAILABLE] = {503, "Service Unavailable"},
	[ERR_NO_SPACE] = {507, "Insufficient Storage"},
};

int reply_status(enum err_code code)
{
	return answers[code].status;
}

void reply_init(struct reply *reply, FCGX_Request *fcgi)
{
	memset(reply, 0, sizeof(*reply));
	reply->status = 200;
	reply->fcgi = fcgi;
	buf_init(&reply->headers, REPLY_HEADERS_MAX);
	buf_init(&reply->body, REPLY_BODY_MAX);
}

void reply_release(struct reply *reply)
{
	buf_release(&reply->headers);
	buf_release(&reply->body);
}

int reply_header(struct reply *reply, const char *name, const char *value, struct err *err)
{
	if (strpbrk(value, "\r\n"))
		return err_set(err, ERR_INTERNAL, "The header %s would hold a line break", name);
	if (buf_printf(&reply->headers, "%s: %s\r\n", name, value))
		return err_set(err, ERR_INTERNAL, "The answer's headers are larger than %d bytes", REPLY_HEADERS_MAX);
	return 0;
}

static void content_type(struct reply *reply, const char *type)
{
	buf_printf(&reply->headers, "Content-Type: %s\r\n", type);
}

void reply_json(struct reply *reply, int status, cJSON *tree)
{
	reply->status = status;
	buf_clear(&reply->body);
	content_type(reply, "application/json");
	json_print(tree, &reply->body);
	buf_char(&reply->body, '\n');
	cJSON_Delete(tree);
}

void reply_text(struct reply *reply, int status, const char *type, const char *text)
{
	reply->status = status;
	buf_clear(&reply->body);
	content_type(reply, type);
	buf_str(&reply->body, text);
}

void reply_empty(struct reply *reply, int status)
{
	reply->status = status;
	buf_clear(&reply->body);
}

void reply_error(struct reply *reply, const struct err *err)
{
	reply_error_with(reply, err, json_new_object());
}

static void add_escaped(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("<>&\"", *text))
			buf_printf(out, "&#%d;", *text);
		else
			buf_char(out, *text);
	}
}

/* Answers a person who opened a program's address in a browser. */
static void reply_to_browser(struct reply *reply, int status, const char *title, const char *message)
{
	struct buf page;

	buf_init(&page, REPLY_BODY_MAX);
	buf_printf(&page,
	           "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>%s</title><main><h1>%s</h1><p>",
	           title, title);
	add_escaped(&page, message);
	if (status == 403)
		buf_str(&page, ".</p><p>Who gave you your account can let you, as can any admin. You may look all the same");
	buf_printf(&page, ".</p><p><a href=\"%s/ui/\">All datasets</a></p></main></html>\n", reply->page);
	reply_text(reply, status, "text/html; charset=utf-8", buf_text(&page));
	buf_release(&page);
}

void reply_error_with(struct reply *reply, const struct err *err, cJSON *tree)
{
	int status = reply_status(err->code);
	bool internal = status == 500;
	const char *message = internal ? "The server made an error; its log says which, under this request's id" : err->text;

	if (status >= 500)
		log_write(LOG_ERROR, "request failed", "error", err->text, NULL);
	if (status != 405) /* 405 keeps its Allow */
		buf_clear(&reply->headers);
	if (status == 429 || status == 503)
		buf_printf(&reply->headers, "Retry-After: %d\r\n", RETRY_AFTER_SECONDS);
	if (reply->page) {
		cJSON_Delete(tree);
		reply_to_browser(reply, status, answers[err->code].title, message);
		return;
	}
	json_add_string(tree, "message", message);
	if (!reply->problem) {
		reply_json(reply, status, tree);
		return;
	}
	json_add_string(tree, "title", answers[err->code].title);
	json_add_int64(tree, "status", status);
	json_add_string(tree, "detail", message);
	reply_json(reply, status, tree);
	char *type = strstr(reply->headers.data, "application/json");
	reply->headers.len = (size_t)(type - reply->headers.data);
	buf_str(&reply->headers, "application/problem+json\r\n");
}

/* A header cannot hold every path; without this one nginx looks for symlinks in all of the path. */
static void tell_root(struct reply *reply, const char *path, size_t root)
{
	struct buf header;
	struct err ignored;

	buf_init(&header, PATH_MAX);
	if (!buf_add(&header, path, root) && !text_has_control(buf_text(&header)))
		reply_header(reply, "X-File-Root", buf_text(&header), &ignored);
	buf_release(&header);
}

int reply_file(struct reply *reply, const char *path, size_t root, const char *type, struct err *err)
{
	struct buf location;

	buf_init(&location, REPLY_HEADERS_MAX);
	buf_str(&location, "/.file");
	text_percent_encode(path, &location);
	reply->status = 200;
	reply->fcgi->keepConnection = 0; /* nginx closes the connection once it has X-Accel-Redirect */
	buf_clear(&reply->body);
	int failed = reply_header(reply, "X-Accel-Redirect", buf_text(&location), err) ||
	             reply_header(reply, "Content-Type", type, err);
	if (root > 0)
		tell_root(reply, path, root);
	buf_release(&location);
	return failed;
}

static int reply_put(struct reply *reply, const struct buf *text)
{
	return text->len > 0 && FCGX_PutStr(text->data, (int)text->len, reply->fcgi->out) != (int)text->len;
}

/* The reason phrase of a status, for people who read an answer's first line; nginx adds none of its own. */
static const char *reply_reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 201:
		return "Created";
	case 204:
		return "No Content";
	case 206:
		return "Partial Content";
	case 302:
		return "Found";
	case 304:
		return "Not Modified";
	case 416:
		return "Range Not Satisfiable";
	}
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		if (answers[i].status == status)
			return answers[i].title;
	}
	return "Error";
}

static bool has_header(const struct reply *reply, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = buf_text(&reply->headers); line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			return true;
	}
	return false;
}

/* Answers about somebody's data must not be cached, unless the program says otherwise; for files nginx says it. */
static void keep_nowhere(struct reply *reply)
{
	if (!has_header(reply, "Cache-Control") && !has_header(reply, "X-Accel-Redirect"))
		buf_str(&reply->headers, "Cache-Control: private, no-store\r\n");
}

static int reply_put_head(struct reply *reply)
{
	struct buf status;

	keep_nowhere(reply);
	buf_init(&status, 64);
	buf_printf(&status, "Status: %d %s\r\n", reply->status, reply_reason(reply->status));
	buf_str(&reply->headers, "\r\n");
	int failed = reply_put(reply, &status) || reply_put(reply, &reply->headers);
	buf_release(&status);
	return failed;
}

void reply_send(struct reply *reply)
{
	if (reply->streaming)
		return;
	if (reply->headers.overflow || reply->body.overflow) {
		struct err err;

		reply->headers.overflow = false;
		err_set(&err, ERR_INTERNAL, "The answer is larger than its bound");
		buf_clear(&reply->headers);
		reply_error(reply, &err);
	}
	if (reply->body.len > 0)
		buf_printf(&reply->headers, "Content-Length: %zu\r\n", reply->body.len);
	reply->sent = (int64_t)reply->body.len;
	if (reply_put_head(reply) == 0)
		reply_put(reply, &reply->body);
}

int reply_stream_start(struct reply *reply, int status, const char *type)
{
	reply->status = status;
	content_type(reply, type);
	reply->streaming = true;
	return reply_put_head(reply);
}

static int reply_write_all(int fd, struct iovec *parts, int count)
{
	while (count > 0) {
		ssize_t wrote = writev(fd, parts, count);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return -1;
		for (; count > 0 && (size_t)wrote >= parts->iov_len; parts++, count--)
			wrote -= (ssize_t)parts->iov_len;
		if (count > 0) {
			parts->iov_base = (char *)parts->iov_base + wrote;
			parts->iov_len -= (size_t)wrote;
		}
	}
	return 0;
}

/* As records of FastCGI's STDOUT, of up to 64 KiB: libfcgi copies them into pieces of 8. */
static int reply_put_records(struct reply *reply, const char *bytes, size_t len)
{
	int id = reply->fcgi->requestId;

	while (len > 0) {
		size_t size = len < RECORD_BYTES ? len : RECORD_BYTES;
		FCGI_Header header = {.version = FCGI_VERSION_1,
		                      .type = FCGI_STDOUT,
		                      .requestIdB1 = (unsigned char)(id >> 8),
		                      .requestIdB0 = (unsigned char)id,
		                      .contentLengthB1 = (unsigned char)(size >> 8),
		                      .contentLengthB0 = (unsigned char)size};
		struct iovec parts[] = {{&header, sizeof(header)}, {(void *)(uintptr_t)bytes, size}};

		if (reply_write_all(reply->fcgi->ipcFd, parts, 2))
			return -1;
		bytes += size;
		len -= size;
	}
	return 0;
}

int reply_stream_write(struct reply *reply, const void *bytes, size_t len)
{
	reply->sent += (int64_t)len;
	if (len >= DIRECT_BYTES)
		return FCGX_FFlush(reply->fcgi->out) || reply_put_records(reply, bytes, len);
	if (FCGX_PutStr(bytes, (int)len, reply->fcgi->out) != (int)len)
		return -1;
	return FCGX_FFlush(reply->fcgi->out);
}

void reply_stream_abort(struct reply *reply)
{
	reply->fcgi->keepConnection = 0;
	shutdown(reply->fcgi->ipcFd, SHUT_RDWR);
}
