/* Moves HTTP requests and answers for all threads of a process: a single thread runs libcurl's multi interface, so
 * that connections are kept and shared, and several transfers go at once.
 *
 * The thread starts at the first transfer. It knows nothing of S3. Thread-safe. */
#ifndef BLOB_S3_ENGINE_H
#define BLOB_S3_ENGINE_H

#include <curl/curl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct s3_engine;

/* ca_bundle: a PEM file of trusted authorities, kept by pointer; "": the system's. */
int s3_engine_new(struct s3_engine **out, const char *ca_bundle, struct err *err);
void s3_engine_free(struct s3_engine *engine); /* NULL is fine; no transfer may be under way */

enum { S3_HEADER_MAX = 256 }; /* bytes kept of an answer's header; longer ones are cut */

struct s3_transfer {
	/* The request; all of it belongs to the caller and lives until the transfer is done. */
	const char *method;
	const char *url;
	struct curl_slist *headers;
	bool has_body;
	const void *bytes; /* the body in memory; NULL: in fd */
	int fd;            /* read by pread */
	int64_t offset;    /* of the body in fd */
	int64_t length;    /* of the body */
	long timeout_ms;   /* for the whole transfer; 0 = as long as bytes move */

	/* Where a 2xx answer's body goes: into `room` bytes at `sink`, or, if sink is NULL, into `body`. */
	char *sink;
	size_t room, sunk;

	/* The answer. */
	CURLcode code;               /* CURLE_OK: there was an answer */
	char error[CURL_ERROR_SIZE]; /* a sentence if there was none */
	long status;
	struct buf body;        /* the caller initializes it with a ceiling, and releases it */
	int64_t content_length; /* as the answer says; -1 = unknown */
	struct s3_headers {     /* "" when the answer has none */
		char date[S3_HEADER_MAX], etag[S3_HEADER_MAX], last_modified[S3_HEADER_MAX], sha256[S3_HEADER_MAX],
			bucket_region[S3_HEADER_MAX], content_type[S3_HEADER_MAX], content_range[S3_HEADER_MAX],
			encryption[S3_HEADER_MAX], customer_key[S3_HEADER_MAX];
		bool signs; /* has a header that only object stores send, of whatever maker */
	} told;

	/* For the engine only. */
	int64_t sent;
	struct s3_batch *batch;
	struct s3_transfer *next;
	CURL *easy;
};

/* Runs the transfers, all at once, and returns when the last one is done. */
void s3_engine_run(struct s3_engine *engine, struct s3_transfer **transfers, size_t count);


#endif
