/* Requests to one S3 bucket: addressed, signed, retried, and their failures told as sentences. What the
 * files of the s3 backend share. Thread-safe but for the calls themselves, which belong to one thread. */
#ifndef BLOB_S3_CLIENT_H
#define BLOB_S3_CLIENT_H

#include <stdatomic.h>

#include "blob/backend.h"
#include "blob/s3_engine.h"
#include "blob/sigv4.h"

enum {
	S3_FIELDS_MAX = 12,           /* query parameters, and headers, of one call */
	S3_ANSWER_MAX = 8 << 20,      /* bytes of an XML answer: a list of 1,000 keys is 1 MB at most */
	S3_RETRIES = 4,               /* further attempts, after 0.1, 0.2, 0.4, 0.8 s, each jittered */
	S3_RETRY_SECONDS = 20,        /* none is begun later than that */
	S3_PING_MS = 3000,
};
#define S3_EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct s3_client {
	struct blob_store base;
	const struct config *config;
	struct s3_engine *engine;
	struct sigv4_keys keys;
	char origin[320]; /* "https://host:port" */
	char host[300];   /* as in the Host header */
	char root[300];   /* the bucket's path, percent-encoded: "/bucket"; "" when it is in the host */
	atomic_int_least64_t skew; /* seconds to be added to this machine's clock */
	atomic_bool no_conditional; /* the server does not take If-None-Match */
	atomic_int_least64_t requests, retries, failures;
};

/* The endpoint, by the configuration: AWS when none is given, "{bucket}" in it: virtual-host style, else
 * path style. */
int s3_client_init(struct s3_client *client, const struct config *config, struct err *err);

struct s3_call {
	/* What is asked. */
	const char *method;
	const char *key; /* NULL: of the bucket itself */
	size_t query_count, header_count;
	struct sigv4_field query[S3_FIELDS_MAX], headers[S3_FIELDS_MAX];
	bool once; /* no retries */
	const char *payload; /* SHA-256 of the body, hex; NULL: there is no body */
	/* transfer: bytes or fd, offset, length, sink, room, timeout_ms are the caller's to set */
	struct s3_transfer transfer;

	/* What came of it, beside transfer's part. */
	char code[64], message[256], region[64]; /* of an error document */

	/* The client's own. */
	struct buf url, date;
	bool finished, skew_tried;
};

/* Makes an empty call; s3_call_release must follow. */
void s3_call_init(struct s3_call *call, const char *method, const char *key);
void s3_call_release(struct s3_call *call);
void s3_call_query(struct s3_call *call, const char *name, const char *value);  /* kept by pointer */
void s3_call_header(struct s3_call *call, const char *name, const char *value); /* the same; lower case */

/* Runs all, at once, each until it succeeded, failed for good, or no more retries are due. */
void s3_run(struct s3_client *client, struct s3_call **calls, size_t count);
/* Runs one. 0 when it was answered by 2xx; else -1 with the error. */
int s3_perform(struct s3_client *client, struct s3_call *call, struct err *err);

/* Whether it was answered by 2xx (and by no error document). */
bool s3_succeeded(const struct s3_call *call);
/* Its failure as an error; returns -1. */
int s3_failure(struct s3_client *client, const struct s3_call *call, struct err *err);

/* This machine's clock, corrected by what the server said. */
time_t s3_now(const struct s3_client *client);
/* Appends path (and nothing before it) of an object, percent-encoded. */
void s3_path(const struct s3_client *client, const char *key, struct buf *out);

/* s3_put.c */
int s3_put(struct blob_store *store, const struct blob_put *put, struct err *err);
int s3_set_public(struct blob_store *store, const char *key, bool public_read, struct err *err);
/* s3_place.c */
int s3_key_of(struct blob_store *store, const char *url, struct buf *out, struct err *err);
/* s3_list.c */
int s3_list(struct blob_store *store, const char *prefix, const char *after, blob_visit *visit, void *data,
            struct err *err);
int s3_sweep(struct blob_store *store, const char *prefix, int64_t older_than_seconds, int64_t *removed,
             struct err *err);
/* s3.c */
int s3_stat(struct blob_store *store, const char *key, struct blob_info *out, struct err *err);
int s3_read(struct blob_store *store, const char *key, int64_t offset, void *bytes, size_t len, size_t *got,
            struct err *err);

#endif
