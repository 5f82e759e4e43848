/* Beginning an upload. */
#include "uploads.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/text.h"
#include "fastcgi/tus.h"
#include "intake/ingest.h"

enum { SWEEP_SECONDS = 60 };

int uploads_options(struct call *call, struct err *err)
{
	reply_empty(call->reply, 204);
	return reply_header(call->reply, "Tus-Version", "1.0.0", err) ||
	       reply_header(call->reply, "Tus-Extension", "creation,termination,checksum,expiration", err) ||
	       reply_header(call->reply, "Tus-Checksum-Algorithm", "sha1,sha256", err) ||
	       uploads_number(call, "Tus-Max-Size", call->app->config.limits.file_bytes, err);
}

static int parse_length(struct call *call, int64_t *length, struct err *err)
{
	const char *text = request_header(call->request, "HTTP_UPLOAD_LENGTH");
	int64_t max = call->app->config.limits.file_bytes;

	if (!text || text_int64(text, 1, INT64_MAX, length))
		return err_set(err, ERR_BAD_REQUEST, "Upload-Length must be the file's bytes, at least 1");
	if (*length > max)
		return err_set(err, ERR_TOO_LARGE, "The file is larger than %lld bytes", (long long)max);
	return 0;
}

static int reply_created(struct call *call, const struct partial *partial, struct err *err)
{
	struct buf location;

	buf_init(&location, REPLY_HEADERS_MAX);
	buf_printf(&location, "%s/v1/datasets/", call->request->base_path);
	text_percent_encode_segment(dataset_name(call->dataset), &location);
	buf_printf(&location, "/uploads/%s", partial->id);
	reply_empty(call->reply, 201);
	int failed = reply_header(call->reply, "Location", buf_text(&location), err) || uploads_describe(call, partial, err);
	buf_release(&location);
	return failed;
}

/* Removes expired uploads, which makes room; a failure is not this upload's. It reads a file of each upload of the
 * last day, so it is done only now and then (measured: 0.2 s for 20,000). */
static void create_sweep(const struct call *call, const char *dir, int64_t now)
{
	static atomic_int_fast64_t last;
	int64_t expires = call->app->config.limits.upload_expires_seconds;
	int64_t pause = (expires < SWEEP_SECONDS ? expires : SWEEP_SECONDS) * MICROSECONDS;
	int_fast64_t before = atomic_load(&last);

	/* even if the clock was set back */
	if ((now - before >= pause || now < before) && atomic_compare_exchange_strong(&last, &before, now))
		partial_sweep(dir, NULL);
}

int uploads_create(struct call *call, struct err *err)
{
	const char *header = request_header(call->request, "HTTP_UPLOAD_METADATA");
	struct tus_metadata metadata;
	struct partial partial = {.fd = -1};
	char dir[UPLOADS_DIR_MAX], *label = NULL;
	bool answered;

	partial.dir = uploads_dir(call, dir);
	if (uploads_version(call, &answered, err) || answered)
		return !answered;
	if (parse_length(call, &partial.length, err) || tus_metadata_parse(header ? header : "", &metadata, err) ||
	    (*metadata.filepath && ingest_filepath(metadata.filepath, err)) ||
	    ingest_label(call->dataset, metadata.label, &label, err))
		return -1;
	int64_t now = text_now();
	create_sweep(call, partial.dir, now);
	partial.user = (char *)call->request->user;
	partial.dataset = (char *)dataset_name(call->dataset);
	partial.filepath = metadata.filepath;
	partial.filename = metadata.filename;
	partial.label = label;
	partial.metadata = (char *)(header ? header : "");
	partial.expires_us = now + call->app->config.limits.upload_expires_seconds * MICROSECONDS;
	int failed = partial_create(&partial, err);
	if (!failed) {
		failed = reply_created(call, &partial, err);
		partial_release(&partial);
	}
	free(label);
	return failed;
}
