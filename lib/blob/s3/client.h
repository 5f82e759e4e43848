/* Requests to one S3 bucket: addressed, signed, retried, and their failures reported as sentences. What the files of
 * the s3 backend share. Thread-safe except for the calls, each of which belongs to one thread. */
#ifndef BLOB_S3_CLIENT_H
#define BLOB_S3_CLIENT_H

#include <stdatomic.h>

#include "blob/backend.h"
#include "blob/s3/engine.h"
#include "blob/s3/sigv4.h"

enum {
	S3_FIELDS_MAX = 12,      /* query parameters of one call, and headers */
	S3_ANSWER_MAX = 8 << 20, /* bytes of an XML answer: a list of 1,000 keys is 1 MB at most */
	S3_RETRIES = 4,          /* further attempts, after 0.1, 0.2, 0.4, 0.8 s, each jittered */
	S3_RETRY_SECONDS = 20,   /* no attempt begins later than that */
	S3_PING_MS = 3000,
	S3_WRITABLE_SECONDS = 60, /* how long a successful probe of writing counts */
	S3_UPLOAD_ID_MAX = 1024,
	S3_ETAG_MAX = 128,
};
#define S3_EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct s3_client {
	struct blob_store base;
	const struct config *config;
	struct s3_engine *engine;
	struct sigv4_keys keys;
	char origin[320];                    /* "https://host:port" */
	char host[300];                      /* as in the Host header */
	char root[300];                      /* the bucket's path, percent-encoded: "/bucket"; "" when it is in the host */
	atomic_int_least64_t ahead;          /* of clock_us, in seconds, as the server has told; 0: it has not */
	atomic_bool no_conditional;          /* the server does not support If-None-Match */
	atomic_bool no_acl;                  /* the server does not support x-amz-acl, and need not: there is a public_url */
	atomic_int_least64_t writable_until; /* by clock_us: a key that may not list has been seen to write */
};

/* Takes the endpoint from the configuration: AWS when none is given; virtual-host style if it has "{bucket}", else
 * path style. */
int s3_client_init(struct s3_client *client, const struct config *config, struct err *err);

/* What a 2xx answer must have to be S3's: a proxy or a login page on the way says 200, too. */
enum s3_proof {
	S3_PROOF_SIGN,     /* any header that only object stores send; 204 is enough, too */
	S3_PROOF_ETAG,     /* the ETag of the object, or of the part */
	S3_PROOF_DOCUMENT, /* the document that the caller reads */
};

struct s3_call {
	/* The question. */
	const char *method;
	const char *key; /* NULL: about the bucket itself */
	size_t query_count, header_count;
	struct sigv4_field query[S3_FIELDS_MAX], headers[S3_FIELDS_MAX];
	enum s3_proof proof;
	bool once;           /* no retries */
	bool anonymous;      /* not signed, as anybody could ask */
	bool may_miss;       /* a missing object is an answer: ERR_NOT_FOUND, where s3_is_missing says so */
	const char *payload; /* SHA-256 of the body, in hex; NULL: there is no body */
	/* The caller sets transfer's bytes or fd, offset, length, sink, room, timeout_ms. */
	struct s3_transfer transfer;

	/* The answer, beside transfer's part. */
	char code[64], message[256], region[64]; /* from an error document */
	bool foreign;                            /* 2xx, but from something other than S3 */
	bool damaged;                            /* 2xx, but with other bytes than were put */

	/* For the client only. */
	struct buf url, date;
	bool finished, skew_tried;
};

/* Makes an empty call; s3_call_release must follow. */
void s3_call_init(struct s3_call *call, const char *method, const char *key);
void s3_call_release(struct s3_call *call);
void s3_call_query(struct s3_call *call, const char *name, const char *value);  /* kept by pointer */
void s3_call_header(struct s3_call *call, const char *name, const char *value); /* the same; lower case */

/* Runs all calls at once, each until it succeeds, fails for good, or has no retries left. */
void s3_run(struct s3_client *client, struct s3_call **calls, size_t count);
/* Runs one call. 0 when the answer was 2xx; else non-zero with the error. */
int s3_perform(struct s3_client *client, struct s3_call *call, struct err *err);

/* Waits 0.05 to 0.1 s, doubled each time: attempt counts from 0. */
void s3_back_off(int attempt);

/* answer.c: reads the answer. */
void s3_read_answer(struct s3_call *call);
/* Whether the answer was 2xx with its proof, and no error document. */
bool s3_succeeded(const struct s3_call *call);
/* Whether the failure may pass, so that the call is worth sending again. */
bool s3_is_passing(const struct s3_call *call);
/* Whether S3 itself said that there is no such object. A bare 404 may come from anything, except as the answer to
 * HEAD. */
bool s3_is_missing(const struct s3_call *call);
/* Whether the answer was any 4xx, and no page for people. */
bool s3_is_refused(const struct s3_call *call);
/* Turns the call's failure into an error; returns -1. */
int s3_failure(struct s3_client *client, const struct s3_call *call, struct err *err);

/* Seconds since 1970 by this machine's clock; once the server has told another time, by its clock. */
time_t s3_now(const struct s3_client *client);
/* Appends an object's path (without scheme and host), percent-encoded. */
void s3_path(const struct s3_client *client, const char *key, struct buf *out);

/* The headers of a write that not every server supports. A 501 doesn't say which of them it means, so they are left
 * out one after the other; the client remembers the result. */
struct s3_tries {
	bool acl, condition; /* what the next attempt sends */
	bool acl_refused, condition_refused;
	bool asked_acl, optional_acl, asked_condition;
};
/* public_read: the object shall be public; conditional: with If-None-Match. */
void s3_tries_init(struct s3_tries *tries, const struct s3_client *client, bool public_read, bool conditional);
/* Adds the attempt's headers. */
void s3_tries_headers(const struct s3_tries *tries, struct s3_call *call);
/* After a failed call: whether another attempt is worth while. */
bool s3_tries_next(struct s3_tries *tries, const struct s3_call *call);
/* After a call whose headers were all accepted. */
void s3_tries_keep(const struct s3_tries *tries, struct s3_client *client);

/* acl.c */
int s3_set_public(struct blob_store *store, const char *key, bool public_read, struct err *err);
/* For an object that was there before: one that nobody else can read needs no ACL to be private. */
int s3_settle_public(struct s3_client *client, const char *key, bool public_read, struct err *err);
/* Explains a failed write; with_acl: it was to be public. */
int s3_write_failure(struct s3_client *client, const struct s3_call *call, bool with_acl, struct err *err);

/* put.c */
int s3_put(struct blob_store *store, const struct blob_put *put, struct err *err);

/* check.c */
/* Digest, in hex, of `len` bytes of put's from `from` on. */
enum { S3_HEX_MAX = 2 * 64 + 1 };
int s3_digest(const struct blob_put *put, const char *algorithm, int64_t from, int64_t len, char out[S3_HEX_MAX],
              struct err *err);
/* The headers of every request that stores the object. */
void s3_object_headers(struct s3_call *call, const struct blob_put *put, const char *sha256);
/* *found says whether the object is there. If it has the same bytes, makes it public or private as asked; with
 * others ERR_CONFLICT. An object that this key may not look at counts as absent. */
int s3_check_existing(struct s3_client *client, const struct blob_put *put, const char *sha256, bool *found,
                      struct err *err);
/* Checks after a write that the object is there as it was sent, with this ETag ("" = not known); with `reread` by
 * reading its bytes. Removes an object with wrong bytes. */
int s3_check_written(struct s3_client *client, const struct blob_put *put, const char *sha256, const char *etag,
                     bool reread, struct err *err);
/* Whether a write's ETag is the MD5 of its bytes, as it is unless the server encrypts with somebody else's key. */
enum s3_etag { S3_ETAG_SAME, S3_ETAG_OTHER, S3_ETAG_OPAQUE };
enum s3_etag s3_compare_etag(const struct s3_call *call, const char *md5);

/* parts.c */
int s3_put_parts(struct s3_client *client, const struct blob_put *put, const char *sha256, struct err *err);
/* Begins an upload in parts without an object, a single time and with a short timeout; aborts an upload. */
int s3_upload_probe(struct s3_client *client, const char *key, char id[S3_UPLOAD_ID_MAX], struct err *err);
void s3_upload_abort(struct s3_client *client, const char *key, const char *id);

/* place.c */
int s3_key_of(struct blob_store *store, const char *url, struct buf *out, struct err *err);
/* sweep.c */
int s3_sweep(struct blob_store *store, const char *prefix, int64_t older_than_seconds, int64_t *removed,
             struct err *err);
/* list.c */
int s3_list(struct blob_store *store, const char *prefix, blob_visit *visit, void *data, struct err *err);
/* read.c */
struct s3_head {
	struct blob_info info;
	char etag[S3_HEADER_MAX];
	bool hidden; /* 403, which a key that may not list also gets for an absent object */
};
int s3_head(struct s3_client *client, const char *key, struct s3_head *out, struct err *err);
int s3_stat(struct blob_store *store, const char *key, struct blob_info *out, struct err *err);
int s3_read(struct blob_store *store, const char *key, int64_t offset, void *bytes, size_t len, size_t *got,
            struct err *err);

#endif
