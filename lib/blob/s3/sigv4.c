/* Signs S3 requests, step by step as AWS describes it: canonical request, string to sign, signature. */
#include "blob/s3/sigv4.h"

#include "base/hash.h"
#include "base/text.h"

enum {
	CANONICAL_MAX = 64 * 1024, /* bytes of a canonical request; headers and queries here come to 2 KB */
	SCOPE_MAX = 128,
};

void sigv4_time(time_t time, char out[SIGV4_TIME_MAX])
{
	struct tm tm;
	gmtime_r(&time, &tm);
	if (strftime(out, SIGV4_TIME_MAX, "%Y%m%dT%H%M%SZ", &tm) == 0)
		out[0] = 0; /* a year of five digits, which a store may have told */
}

/* --- fields ------------------------------------------------------------------------------------------------------- */

struct pair {
	char *name, *value;
};

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *left = a, *right = b;
	int order = strcmp(left->name, right->name);
	return order != 0 ? order : strcmp(left->value, right->value);
}

static char *sigv4_encode(const char *text)
{
	struct buf buf;
	buf_init(&buf, CANONICAL_MAX);
	text_percent_encode_segment(text, &buf);
	return buf_detach(&buf);
}

void sigv4_query(const struct sigv4_field *fields, size_t count, struct buf *out)
{
	struct pair pairs[SIGV4_FIELDS_MAX];
	for (size_t i = 0; i < count; i++)
		pairs[i] = (struct pair){sigv4_encode(fields[i].name), sigv4_encode(fields[i].value)};
	qsort(pairs, count, sizeof(pairs[0]), compare_pairs);
	for (size_t i = 0; i < count; i++) {
		buf_printf(out, "%s%s=%s", i == 0 ? "" : "&", pairs[i].name, pairs[i].value);
		free(pairs[i].name);
		free(pairs[i].value);
	}
}

static int compare_fields(const void *a, const void *b)
{
	return strcmp(((const struct sigv4_field *)a)->name, ((const struct sigv4_field *)b)->name);
}

/* Appends a header's value as it is signed: without blanks around it, each run of spaces as one. */
static void sigv4_add_value(struct buf *out, const char *value)
{
	bool pending = false, any = false;
	for (const char *p = value; *p != '\0'; p++) {
		if (*p == ' ' || *p == '\t') {
			pending = any;
			continue;
		}
		if (pending)
			buf_char(out, ' ');
		buf_char(out, *p);
		pending = false;
		any = true;
	}
}

/* --- signing ------------------------------------------------------------------------------------------------------ */

/* "20130524/us-east-1/s3/aws4_request" */
static void make_scope(const struct sigv4_keys *keys, const char *date, char out[SCOPE_MAX])
{
	snprintf(out, SCOPE_MAX, "%.8s/%.64s/s3/aws4_request", date, keys->region);
}

static void hmac(const void *key, size_t key_len, const char *text, unsigned char out[HASH_SHA256_SIZE])
{
	hash_hmac_sha256(key, key_len, text, strlen(text), out);
}

static void sign(const struct sigv4_keys *keys, const char *date, const char *scope,
                 const struct buf *canonical,
                 char out[HASH_SHA256_HEX])
{
	unsigned char digest[HASH_SHA256_SIZE], key[HASH_SHA256_SIZE];
	char hex[HASH_SHA256_HEX], day[9], text[SCOPE_MAX + 128];
	hash_sha256(buf_text(canonical), canonical->len, digest);
	hash_hex(digest, sizeof(digest), hex);
	snprintf(text, sizeof(text), "AWS4-HMAC-SHA256\n%s\n%s\n%s", date, scope, hex);

	struct buf secret;
	buf_init(&secret, 4096);
	buf_printf(&secret, "AWS4%s", keys->secret);
	snprintf(day, sizeof(day), "%.8s", date);
	hmac(buf_text(&secret), secret.len, day, key);
	hmac(key, sizeof(key), keys->region, key);
	hmac(key, sizeof(key), "s3", key);
	hmac(key, sizeof(key), "aws4_request", key);
	hmac(key, sizeof(key), text, digest);
	hash_hex(digest, sizeof(digest), out);
	explicit_bzero(key, sizeof(key));
	explicit_bzero(secret.data, secret.len);
	buf_release(&secret);
}

/* Sorts headers; *signed_names gets names such as "host;x-amz-date". */
static void make_canonical(const char *method, const char *path, const char *query,
                           const struct sigv4_field *headers, size_t count, const char *payload,
                           struct buf *signed_names, struct buf *out)
{
	struct sigv4_field sorted[SIGV4_FIELDS_MAX];
	memcpy(sorted, headers, count * sizeof(sorted[0]));
	qsort(sorted, count, sizeof(sorted[0]), compare_fields);
	buf_printf(out, "%s\n%s\n%s\n", method, path, query);
	for (size_t i = 0; i < count; i++) {
		buf_printf(out, "%s:", sorted[i].name);
		sigv4_add_value(out, sorted[i].value);
		buf_char(out, '\n');
		buf_printf(signed_names, "%s%s", i == 0 ? "" : ";", sorted[i].name);
	}
	buf_printf(out, "\n%s\n%s", buf_text(signed_names), payload);
}

void sigv4_authorization(const struct sigv4_keys *keys, time_t time, const char *method, const char *path,
                         const char *query, const struct sigv4_field *headers, size_t count,
                         const char *payload, struct buf *out)
{
	char date[SIGV4_TIME_MAX], scope[SCOPE_MAX], signature[HASH_SHA256_HEX];
	struct buf canonical, names;
	buf_init(&canonical, CANONICAL_MAX);
	buf_init(&names, CANONICAL_MAX);
	sigv4_time(time, date);
	make_scope(keys, date, scope);
	make_canonical(method, path, query, headers, count, payload, &names, &canonical);
	sign(keys, date, scope, &canonical, signature);
	buf_printf(out, "AWS4-HMAC-SHA256 Credential=%s/%s,SignedHeaders=%s,Signature=%s", keys->access,
	           scope,
	           buf_text(&names), signature);
	buf_release(&canonical);
	buf_release(&names);
}

void sigv4_presign(const struct sigv4_keys *keys, time_t time, int64_t seconds, const char *host,
                   const char *path, struct buf *out)
{
	char date[SIGV4_TIME_MAX], scope[SCOPE_MAX], signature[HASH_SHA256_HEX], expires[24];
	struct buf canonical, names, query, credential;
	buf_init(&canonical, CANONICAL_MAX);
	buf_init(&names, CANONICAL_MAX);
	buf_init(&query, CANONICAL_MAX);
	buf_init(&credential, CANONICAL_MAX);
	sigv4_time(time, date);
	make_scope(keys, date, scope);
	snprintf(expires, sizeof(expires), "%lld", (long long)seconds);
	buf_printf(&credential, "%s/%s", keys->access, scope);
	const struct sigv4_field fields[] = {
		{"X-Amz-Algorithm", "AWS4-HMAC-SHA256"}, {"X-Amz-Credential", buf_text(&credential)},
		{"X-Amz-Date", date}, {"X-Amz-Expires", expires}, {"X-Amz-SignedHeaders", "host"},
		{"X-Amz-Security-Token", keys->session_token}, /* last: left out when there is none */
	};
	sigv4_query(fields, *keys->session_token != '\0' ? 6 : 5, &query);
	make_canonical("GET", path, buf_text(&query), &(struct sigv4_field){"host", host}, 1,
	               "UNSIGNED-PAYLOAD",
	               &names, &canonical);
	sign(keys, date, scope, &canonical, signature);
	buf_printf(out, "%s&X-Amz-Signature=%s", buf_text(&query), signature);
	buf_release(&canonical);
	buf_release(&names);
	buf_release(&query);
	buf_release(&credential);
}
