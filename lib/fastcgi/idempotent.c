/* Claims idempotency keys, keeps answers, and gives them again. */
#include "fastcgi/idempotent.h"

#include <strings.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "intake/multipart.h"
#include "dataset/answers.h"

enum { PIECE_BYTES = 64 * 1024, PAUSE_MIN_MS = 5, PAUSE_MAX_MS = 200 };

static int idempotent_read_body(struct idempotent *idempotent, struct call *call, struct err *err)
{
	char piece[PIECE_BYTES];
	ssize_t got;

	spool_init(&idempotent->body, call_spool_dir(call), call->app->config.limits.archive_bytes);
	while ((got = request_read(call->request, piece, sizeof(piece), err)) > 0) {
		if (spool_write(&idempotent->body, piece, (size_t)got, err))
			return -1;
	}
	if (got < 0)
		return -1;
	spool_finish(&idempotent->body);
	call->request->spooled = &idempotent->body;
	call->request->body_read = 0;
	call->request->content_length = idempotent->body.length;
	return 0;
}

static ssize_t idempotent_source(void *data, void *bytes, size_t len, struct err *err)
{
	return request_read(data, bytes, len, err);
}

/* Hashes the form's parts without their boundary, which a client chooses anew whenever it sends the form again.
 * Non-zero: malformed. */
static int add_form(struct hash_stream *hash, struct request *request)
{
	struct multipart *multipart;
	const struct multipart_part *part;
	struct err ignored;
	char piece[PIECE_BYTES];
	size_t got;
	int failed;

	if (multipart_open(&multipart, request->content_type, idempotent_source, request, &ignored))
		return -1;
	while ((failed = multipart_next(multipart, &part, &ignored)) == 0 && part) {
		hash_stream_text(hash, part->name);
		hash_stream_text(hash, part->filename);
		while ((failed = multipart_read(multipart, piece, sizeof(piece), &got, &ignored)) == 0 && got > 0)
			hash_stream_update(hash, piece, got);
		if (failed)
			break;
	}
	multipart_free(multipart);
	request->body_read = 0;
	return failed;
}

static void fingerprint(struct call *call, const struct spool *body, char out[HASH_SHA256_HEX])
{
	struct hash_stream *hash = hash_stream_new("sha256");
	unsigned char digest[64];

	hash_stream_text(hash, request_header(call->request, "REQUEST_URI"));
	/* tus creates an upload by these headers, without a body */
	hash_stream_text(hash, request_header(call->request, "HTTP_UPLOAD_LENGTH"));
	hash_stream_text(hash, request_header(call->request, "HTTP_UPLOAD_METADATA"));
	if (strncasecmp(call->request->content_type, "multipart/", 10) != 0 || add_form(hash, call->request))
		hash_stream_update(hash, body->sha256, sizeof(body->sha256));
	hash_stream_final(hash, digest);
	hash_hex(digest, HASH_SHA256_SIZE, out);
}

/* What is kept: this line with the dataset's name, if the request was about one; the header lines; an empty line;
 * the body. */
static const char about[] = "Dataset: ";

/* Whether the user may still see the kept answer. If not, the handler runs, and refuses in its own words. */
static bool may_have(struct call *call, const char *kept, const char **answer)
{
	const size_t skipped = sizeof(about) - 1;
	const char *end = strncmp(kept, about, skipped) == 0 ? strstr(kept, "\r\n") : NULL;

	*answer = end ? end + 2 : kept;
	if (!end)
		return true;
	char *name = memory_text_part(kept + skipped, (size_t)(end - kept) - skipped);
	bool may = call_role(call, name) >= call->route->needs;
	free(name);
	return may;
}

static void answer_again(struct reply *reply, int status, const char *kept)
{
	const char *end = strstr(kept, "\r\n\r\n");

	reply->status = status;
	buf_clear(&reply->headers);
	buf_clear(&reply->body);
	if (end) {
		buf_add(&reply->headers, kept, (size_t)(end + 2 - kept));
		buf_str(&reply->body, end + 4);
	}
}

static int wait_for_claim(struct idempotent *idempotent, struct call *call, const char *print, enum idempotency *found,
                          int *status, char **kept, struct err *err)
{
	for (int64_t waited_ms = 0, ms = PAUSE_MIN_MS;; waited_ms += ms, ms = ms * 2 < PAUSE_MAX_MS ? ms * 2 : PAUSE_MAX_MS) {
		const struct timespec pause = {.tv_nsec = ms * 1000000};

		if (idempotency_claim(call->app->store, call->request->user, idempotent->key, print, found, status, kept, err))
			return -1;
		if (*found != IDEMPOTENCY_BUSY || waited_ms > IDEMPOTENT_WAIT_SECONDS * INT64_C(1000))
			return 0;
		nanosleep(&pause, NULL);
	}
}

int idempotent_begin(struct idempotent *idempotent, struct call *call, bool *answered, struct err *err)
{
	char print[HASH_SHA256_HEX], *kept = NULL;
	const char *answer;
	enum idempotency found = IDEMPOTENCY_NEW;
	int status = 0;

	*answered = false;
	memset(idempotent, 0, sizeof(*idempotent));
	if (strcmp(call->request->method, "POST") == 0)
		idempotent->key = request_header(call->request, "HTTP_IDEMPOTENCY_KEY");
	if (!idempotent->key)
		return 0;
	if (idempotent_read_body(idempotent, call, err))
		return -1;
	fingerprint(call, &idempotent->body, print);
	if (wait_for_claim(idempotent, call, print, &found, &status, &kept, err))
		return -1;
	idempotent->claimed = found == IDEMPOTENCY_NEW;
	*answered = found == IDEMPOTENCY_DONE && may_have(call, kept, &answer);
	if (*answered)
		answer_again(call->reply, status, answer);
	free(kept);
	if (found == IDEMPOTENCY_OTHER)
		return err_set(err, ERR_UNPROCESSABLE, "This Idempotency-Key was used with another request");
	if (found == IDEMPOTENCY_BUSY)
		return err_set(err, ERR_CONFLICT, "A request with this Idempotency-Key is still under way");
	return 0;
}

static void idempotent_keep(const struct idempotent *idempotent, struct call *call)
{
	const struct reply *reply = call->reply;
	struct buf kept;
	struct err err;

	buf_init(&kept, IDEMPOTENCY_ANSWER_MAX);
	if (call->dataset)
		buf_printf(&kept, "%s%s\r\n", about, dataset_name(call->dataset));
	buf_add(&kept, buf_text(&reply->headers), reply->headers.len);
	buf_str(&kept, reply->headers.len ? "\r\n" : "\r\n\r\n");
	buf_add(&kept, buf_text(&reply->body), reply->body.len);
	bool lasting = reply->status < 500 && !reply->streaming && !kept.overflow;
	int failed = lasting ? idempotency_finish(call->app->store, call->request->user, idempotent->key, reply->status,
	                                          buf_text(&kept), &err)
	                     : idempotency_abandon(call->app->store, call->request->user, idempotent->key, &err);
	if (failed)
		log_write(LOG_ERROR, "answer not kept for its idempotency key", "error", err.text, NULL);
	buf_release(&kept);
}

void idempotent_end(struct idempotent *idempotent, struct call *call)
{
	if (idempotent->claimed)
		idempotent_keep(idempotent, call);
	if (idempotent->key)
		spool_release(&idempotent->body);
	call->request->spooled = NULL;
}
