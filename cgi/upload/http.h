/* Requests to an image-label-server by libcurl, and when a failed one is worth repeating. One thread. */
#ifndef UPLOAD_HTTP_H
#define UPLOAD_HTTP_H

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Whom to ask, and as whom. All is borrowed. */
struct http_server {
	const char *base;     /* "https://host:port", without a slash at its end */
	const char *user;     /* NULL: the netrc's */
	const char *password; /* NULL: the netrc's */
	const char *netrc;    /* the file; NULL with a password */
	const char *cacert;   /* NULL: the system's */
	const char *no_proxy; /* hosts asked directly */
	bool insecure;
	const volatile sig_atomic_t *stopped; /* not 0: give up */
};

struct http_answer {
	CURLcode code; /* CURLE_OK: there is an answer, of whatever status */
	long status;
	int64_t retry_after_ms; /* as the server asks; 0 when it does not */
	struct buf body;
	char trouble[CURL_ERROR_SIZE]; /* what went wrong, when there is no answer */
};
void http_answer_init(struct http_answer *answer, size_t max);
void http_answer_release(struct http_answer *answer);

/* Makes `easy` ready for a request of `path` (percent-encoded, with its query) that fills *answer, which is
 * emptied; a GET unless more is set. Both must stay until it is done. */
void http_prepare(CURL *easy, const struct http_server *server, const char *path, struct http_answer *answer);
/* Takes over what `easy` knows once it is done. */
void http_finish(CURL *easy, CURLcode code, struct http_answer *answer);

enum { HTTP_TRIES = 9 }; /* of one request: half a minute, which outlasts the change of a replica set's primary */
/* Milliseconds to wait before a request is repeated that failed in its `tries`th try (from 1); -1 when that is
 * of no use. Growing and jittered, so that those who failed together do not come back together. */
int http_retry_ms(const struct http_answer *answer, int tries, int tries_max);
/* Not even an answer, or one that says "later": what failed is the server and not the request. */
bool http_is_down(const struct http_answer *answer);

/* Says what went wrong: the server's own words where it has some. Returns -1. */
int http_explain(const struct http_server *server, const struct http_answer *answer, struct err *err);

/* One request, tried up to tries_max times; `body` NULL is a GET, else a POST of that JSON. 0 when there is an answer
 * of any status below 500. */
int http_ask(CURL *easy, const struct http_server *server, const char *path, const cJSON *body, int tries_max,
             struct http_answer *answer, struct err *err);

#endif
