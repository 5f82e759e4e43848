/* Requests to an image-label-server by libcurl, and which failed ones are worth repeating. One thread. */
#ifndef UPLOAD_HTTP_H
#define UPLOAD_HTTP_H

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* The server to ask, and the user. Everything is borrowed. */
struct http_server {
	const char *base;     /* "https://host:port", without a slash at its end */
	const char *user;     /* NULL: from the netrc */
	const char *password; /* NULL: from the netrc */
	const char *netrc;    /* the file; NULL with a password */
	const char *cacert;   /* NULL: the system's certificates */
	const char *no_proxy; /* hosts asked without a proxy */
	bool insecure;
	const volatile sig_atomic_t *stopped; /* not 0: give up */
};

struct http_answer {
	CURLcode code; /* CURLE_OK: there is an answer, with any status */
	long status;
	int64_t retry_after_ms; /* as the server asks; 0 when it does not say */
	struct buf body;
	char trouble[CURL_ERROR_SIZE]; /* what went wrong, when there is no answer */
};
void http_answer_init(struct http_answer *answer, size_t max);
void http_answer_release(struct http_answer *answer);

/* Prepares `easy` for a request of `path` (percent-encoded, with its query) that fills *answer, which is emptied; a
 * GET unless more options are set. Both must stay until the request is done. */
void http_prepare(CURL *easy, const struct http_server *server, const char *path, struct http_answer *answer);
/* Fills in the rest of *answer from `easy` after the request. */
void http_finish(CURL *easy, CURLcode code, struct http_answer *answer);

enum { HTTP_TRIES = 9 }; /* for one request: half a minute, which outlasts the change of a replica set's primary */
/* How many milliseconds to wait before repeating a request that failed in its `tries`th attempt (from 1); -1 when
 * repeating is of no use. The times grow and are jittered, so that requests that failed together do not come back
 * together. */
int http_retry_ms(const struct http_answer *answer, int tries, int tries_max);
/* Whether there is no answer, or one that says "later": then the server failed, not the request. */
bool http_is_down(const struct http_answer *answer);

/* Turns a failure into a sentence, the server's own where there is one. Returns -1. */
int http_explain(const struct http_server *server, const struct http_answer *answer, struct err *err);

/* Sends one request, up to tries_max times; `body` NULL is a GET, else a POST of that JSON. 0 when there is an
 * answer with any status below 500. */
int http_ask(CURL *easy, const struct http_server *server, const char *path, const cJSON *body, int tries_max,
             struct http_answer *answer, struct err *err);

#endif
