/* AWS Signature Version 4 for S3: signs requests by headers, and URLs by query (presigning). Pure; thread-safe.
 *
 * libcurl signs too (CURLOPT_AWS_SIGV4), but by this machine's clock, which a server whose clock differs refuses; it
 * can't presign; and version 7.88 signs wrongly when a parameter has no value, or when a header is left out
 * ("Expect:"). So all requests are signed here.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html */
#ifndef BLOB_S3_SIGV4_H
#define BLOB_S3_SIGV4_H

#include <stddef.h>
#include <time.h>

#include "base/buf.h"

struct sigv4_keys {
	const char *access, *secret;
	const char *session_token; /* "" when there is none */
	const char *region;
};

/* A header or a query parameter, not encoded. Headers' names are in lower case. */
struct sigv4_field {
	const char *name, *value;
};

enum { SIGV4_FIELDS_MAX = 32, SIGV4_TIME_MAX = 17, SIGV4_PRESIGN_SECONDS_MAX = 7 * 24 * 3600 };

/* The time as x-amz-date has it: "20130524T000000Z". */
void sigv4_time(time_t time, char out[SIGV4_TIME_MAX]);

/* Appends the query string, encoded and sorted as it is signed: send exactly this. At most SIGV4_FIELDS_MAX fields. */
void sigv4_query(const struct sigv4_field *fields, size_t count, struct buf *out);

/* Appends the value of the Authorization header. path is percent-encoded, query comes from sigv4_query; headers are
 * those to sign, among them host, x-amz-date (of `time`) and x-amz-content-sha256 (= payload); at most
 * SIGV4_FIELDS_MAX. */
void sigv4_authorization(const struct sigv4_keys *keys, time_t time, const char *method, const char *path,
                         const char *query, const struct sigv4_field *headers, size_t count,
                         const char *payload, struct buf *out);

/* Appends the query string that makes a GET of host and path valid from `time` on for `seconds`
 * (1..SIGV4_PRESIGN_SECONDS_MAX). */
void sigv4_presign(const struct sigv4_keys *keys, time_t time, int64_t seconds, const char *host,
                   const char *path, struct buf *out);

#endif
