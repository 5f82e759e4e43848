/* Reads what nginx passes: the target, headers and body of one request, each within its bound. */
#include "fastcgi/request.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

/* --- the target --------------------------------------------------------------------------------------------------- */

/* Decoded pieces lie one after the other in request->memory, which must not move: all of it is reserved first. */
static const char *request_keep(struct request *request, const struct buf *text)
{
	char *at = buf_reserve(&request->memory, text->len + 1);

	if (!at)
		return NULL;
	memcpy(at, buf_text(text), text->len + 1);
	request->memory.len += text->len + 1;
	return at;
}

static int request_decode(struct request *request, const char *from, size_t len, bool query, const char **out,
                          struct err *err)
{
	struct buf text;

	buf_init(&text, REQUEST_URI_MAX);
	int failed = text_percent_decode(from, len, query, &text);
	*out = failed ? NULL : request_keep(request, &text);
	buf_release(&text);
	if (*out)
		return 0;
	return err_set(err, ERR_BAD_REQUEST, "The request's %s has a broken percent-escape or is not UTF-8",
	               query ? "query" : "path");
}

static int parse_path(struct request *request, const char *path, size_t len, struct err *err)
{
	const char *end = path + len;

	if (len == 0 || path[0] != '/')
		return err_set(err, ERR_BAD_REQUEST, "The request's path does not start with /");
	for (path++;; path++) {
		const char *slash = memchr(path, '/', (size_t)(end - path));

		if (request->segment_count == REQUEST_SEGMENTS_MAX - 1)
			slash = NULL;
		const char *stop = slash ? slash : end;
		if (request_decode(request, path, (size_t)(stop - path), false, &request->segment[request->segment_count], err))
			return -1;
		request->segment_count++;
		if (!slash)
			return 0;
		path = slash;
	}
}

static int parse_pair(struct request *request, const char *pair, size_t len, struct err *err)
{
	const char *equals = memchr(pair, '=', len);
	size_t name_len = equals ? (size_t)(equals - pair) : len;
	const char *name, *value = "";

	if (request->query_count == REQUEST_QUERY_MAX)
		return err_set(err, ERR_BAD_REQUEST, "The request has more than %d query parameters", REQUEST_QUERY_MAX);
	if (request_decode(request, pair, name_len, true, &name, err) ||
	    (equals && request_decode(request, equals + 1, len - name_len - 1, true, &value, err)))
		return -1;
	if (request_query(request, name))
		return err_set(err, ERR_BAD_REQUEST, "The query parameter \"%s\" is given twice", name);
	request->query[request->query_count].name = name;
	request->query[request->query_count++].value = value;
	return 0;
}

static int parse_query(struct request *request, const char *query, struct err *err)
{
	while (*query) {
		size_t len = strcspn(query, "&");

		if (len > 0 && parse_pair(request, query, len, err))
			return -1;
		query += len + (query[len] == '&');
	}
	return 0;
}

int request_parse_target(struct request *request, const char *target, struct err *err)
{
	size_t len = strlen(target), path_len = strcspn(target, "?");

	buf_init(&request->memory, 4 * REQUEST_URI_MAX);
	if (len > REQUEST_URI_MAX)
		return err_set(err, ERR_BAD_REQUEST, "The request's address is longer than %d bytes", REQUEST_URI_MAX);
	/* Each piece decodes to at most its length and a NUL; there are at most len + 2 pieces. */
	if (!buf_reserve(&request->memory, 2 * len + 4))
		return err_set(err, ERR_INTERNAL, "The request's address cannot be kept");
	if (parse_path(request, target, path_len, err))
		return -1;
	return target[path_len] == '?' ? parse_query(request, target + path_len + 1, err) : 0;
}

const char *request_query(const struct request *request, const char *name)
{
	for (size_t i = 0; i < request->query_count; i++) {
		if (strcmp(request->query[i].name, name) == 0)
			return request->query[i].value;
	}
	return NULL;
}

/* --- headers ------------------------------------------------------------------------------------------------------ */

int request_limit(const struct request *request, int64_t limit_max, int64_t *limit, struct err *err)
{
	const char *text = request_query(request, "limit");

	if (text && text_int64(text, 1, limit_max, limit))
		return err_set(err, ERR_BAD_REQUEST, "\"limit\" must be a number from 1 to %lld", (long long)limit_max);
	return 0;
}

const char *request_header(const struct request *request, const char *name)
{
	return FCGX_GetParam(name, request->fcgi->envp);
}

static const char *header_or_empty(const struct request *request, const char *name)
{
	const char *value = request_header(request, name);

	return value ? value : "";
}

int request_init(struct request *request, FCGX_Request *fcgi, struct err *err)
{
	memset(request, 0, sizeof(*request));
	buf_init(&request->memory, 0);
	request->fcgi = fcgi;
	request->method = header_or_empty(request, "REQUEST_METHOD");
	request->user = header_or_empty(request, "REMOTE_USER");
	request->id = header_or_empty(request, "REQUEST_ID");
	request->traceparent = header_or_empty(request, "TRACEPARENT");
	request->base_path = header_or_empty(request, "BASE_PATH");
	request->content_type = header_or_empty(request, "CONTENT_TYPE");
	request->content_length = -1;
	const char *length = header_or_empty(request, "CONTENT_LENGTH");
	if (*length && text_int64(length, 0, INT64_MAX, &request->content_length))
		return err_set(err, ERR_BAD_REQUEST, "The request's Content-Length is not a number");
	if (!text_utf8_valid(request->user, strlen(request->user)))
		return err_set(err, ERR_BAD_REQUEST, "The user's name is not UTF-8");
	return request_parse_target(request, header_or_empty(request, "REQUEST_URI"), err);
}

void request_release(struct request *request)
{
	buf_release(&request->memory);
}

/* The quality (RFC 9110 §12.4.2) of one media range, from 0 to 1000; 0 where it is no number. */
static int quality(const char *range, size_t len)
{
	for (const char *at = range, *end = range + len; at + 2 < end; at++) {
		if (*at != ';')
			continue;
		const char *q = at + 1 + strspn(at + 1, " \t");
		if ((*q == 'q' || *q == 'Q') && q[1] == '=') {
			double value = strtod(q + 2, NULL);

			return value > 1.0 ? 1000 : value > 0.0 ? (int)(value * 1000.0 + 0.5) : 0;
		}
	}
	return 1000;
}

static bool is_range(const char *range, size_t len, const char *wanted)
{
	size_t named = strcspn(range, ";, \t");

	return named <= len && named == strlen(wanted) && strncasecmp(range, wanted, named) == 0;
}

bool request_accepts_json(const struct request *request)
{
	const char *accept = header_or_empty(request, "HTTP_ACCEPT");
	int json = 0, image = 0;

	while (*accept) {
		accept += strspn(accept, " \t,");
		size_t len = strcspn(accept, ",");
		int q = quality(accept, len);

		if (is_range(accept, len, "application/json") && q > json)
			json = q;
		if (strncasecmp(accept, "image/", 6) == 0 && q > image)
			image = q;
		accept += len;
	}
	return json > 0 && json >= image;
}

bool request_is_v1(const struct request *request)
{
	if (request->segment_count > 0)
		return strcmp(request->segment[0], "v1") == 0;
	return strncmp(header_or_empty(request, "REQUEST_URI"), "/v1/", 4) == 0;
}

bool request_opens_page(const struct request *request)
{
	const char *accept = header_or_empty(request, "HTTP_ACCEPT");

	return strcmp(request->method, "GET") == 0 && strcasestr(accept, "text/html") && !strcasestr(accept, "json");
}

/* --- the body ----------------------------------------------------------------------------------------------------- */

enum { PIECE_BYTES = 64 * 1024 };

static ssize_t read_spooled(struct request *request, void *bytes, size_t len, struct err *err)
{
	ssize_t got = spool_read(request->spooled, request->body_read, bytes, len, err);

	request->body_read += got > 0 ? got : 0;
	return got;
}

/* Waits for bytes of the body, or its end; returns how long that took. */
static int64_t wait_for_body(FCGX_Stream *in)
{
	int64_t begun = clock_us();
	int c = FCGX_GetChar(in);
	int64_t took = clock_us() - begun;

	if (c != EOF)
		FCGX_UnGetChar(c, in);
	return took;
}

/* Takes up to len bytes; 0 when no more come. */
static int request_take(struct request *request, void *bytes, size_t len, struct err *err)
{
	FCGX_Stream *in = request->fcgi->in;

	if (request->pace.seconds == 0)
		return FCGX_GetStr(bytes, (int)len, in);
	int64_t waited = in->rdNext < in->stop ? 0 : wait_for_body(in);
	ssize_t there = in->stop - in->rdNext;
	int got = there > 0 ? FCGX_GetStr(bytes, (int)(there < (ssize_t)len ? there : (ssize_t)len), in) : 0;
	if (got <= 0 && FCGX_GetError(in) == EAGAIN) /* by SO_RCVTIMEO */
		return pace_stalled(&request->pace, err);
	return pace_add(&request->pace, waited, got, err) ? -1 : got;
}

ssize_t request_read(struct request *request, void *bytes, size_t len, struct err *err)
{
	bool told = request->content_length >= 0;
	int64_t left = told ? request->content_length - request->body_read : INT64_MAX;

	if (request->spooled)
		return read_spooled(request, bytes, len, err);
	if ((int64_t)len > left)
		len = (size_t)left;
	if (len > PIECE_BYTES)
		len = PIECE_BYTES;
	int got = len > 0 ? request_take(request, bytes, len, err) : 0;
	if (got < 0)
		return -1;
	if (got == 0 && (told ? left == 0 : FCGX_GetError(request->fcgi->in) == 0))
		return 0;
	if (got == 0)
		return err_set(err, ERR_BAD_REQUEST,
		               told ? "The request's body ends before its Content-Length"
		                    : "The request's body breaks off");
	request->body_read += got;
	return got;
}

bool request_drain(struct request *request)
{
	char piece[PIECE_BYTES];
	struct err ignored;

	while (request->body_read < REQUEST_DRAIN_MAX && request_read(request, piece, sizeof(piece), &ignored) > 0)
		;
	/* One more read takes the record that ends the body. */
	return FCGX_GetStr(piece, 1, request->fcgi->in) == 0 && FCGX_GetError(request->fcgi->in) == 0;
}

bool request_pause(const struct request *request, int ms)
{
	struct pollfd connection = {.fd = request->fcgi->ipcFd, .events = POLLRDHUP};

	return poll(&connection, 1, ms) == 1 && (connection.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

bool request_is_gone(const struct request *request)
{
	return request_pause(request, 0);
}

int request_check_coding(const struct request *request, struct err *err)
{
	const char *coding = header_or_empty(request, "HTTP_CONTENT_ENCODING");

	if (*coding == '\0' || strcasecmp(coding, "identity") == 0)
		return 0;
	return err_set(err, ERR_MEDIA_TYPE, "The request's body must come without Content-Encoding, not in %s", coding);
}

int request_body(struct request *request, size_t max, struct buf *out, struct err *err)
{
	char piece[PIECE_BYTES];
	ssize_t got;

	if (request->content_length > (int64_t)max)
		return err_set(err, ERR_TOO_LARGE, "The request's body is larger than %zu bytes", max);
	while ((got = request_read(request, piece, sizeof(piece), err)) > 0) {
		if (buf_add(out, piece, (size_t)got))
			return err_set(err, ERR_TOO_LARGE, "The request's body is larger than %zu bytes", max);
	}
	return got < 0;
}

/* JSON is "application/json" or "application/…+json", with or without parameters. A script may leave the type out. A
 * browser may not: a request without one may come from any site's page, which need not ask the server first (CORS). */
static bool has_type(const char *type)
{
	return strcspn(type, "; \t") > 0;
}

static bool is_json_type(const char *type)
{
	size_t len = strcspn(type, "; \t");

	if (len == 16 && strncasecmp(type, "application/json", len) == 0)
		return true;
	return len > 17 && strncasecmp(type, "application/", 12) == 0 && strncasecmp(type + len - 5, "+json", 5) == 0;
}

/* Recognises browsers by headers that only they send, or by their User-Agent. */
static bool is_from_browser(const struct request *request)
{
	for (char **param = request->fcgi->envp; *param; param++) {
		if (strncmp(*param, "HTTP_SEC_FETCH_", 15) == 0 || strncmp(*param, "HTTP_ORIGIN=", 12) == 0)
			return true;
	}
	const char *agent = request_header(request, "HTTP_USER_AGENT");
	return agent && strncmp(agent, "Mozilla/", 8) == 0;
}

cJSON *request_json(struct request *request, size_t max, struct err *err)
{
	struct buf body;

	if (!has_type(request->content_type) && is_from_browser(request)) {
		err_set(err, ERR_MEDIA_TYPE, "The request has no Content-Type: its body must be application/json");
		return NULL;
	}
	if (has_type(request->content_type) && !is_json_type(request->content_type)) {
		err_set(err, ERR_MEDIA_TYPE, "The request's body must be application/json, not %s", request->content_type);
		return NULL;
	}
	if (request_check_coding(request, err))
		return NULL;
	buf_init(&body, max);
	cJSON *tree = request_body(request, max, &body, err) ? NULL : json_parse_object(buf_text(&body), body.len, err);
	buf_release(&body);
	return tree;
}
