/* What the handlers of uploads share. */
#include "uploads.h"

#include <inttypes.h>
#include <time.h>

#include "base/clock.h"

const char *uploads_dir(const struct call *call, char out[UPLOADS_DIR_MAX])
{
	snprintf(out, UPLOADS_DIR_MAX, "%s/uploads", call->app->state_dir);
	return out;
}

int uploads_version(struct call *call, bool *answered, struct err *err)
{
	const char *version = request_header(call->request, "HTTP_TUS_RESUMABLE");

	*answered = version && strcmp(version, "1.0.0") != 0;
	if (!*answered)
		return 0;
	reply_empty(call->reply, 412);
	return reply_header(call->reply, "Tus-Version", "1.0.0", err);
}

int uploads_open(struct call *call, struct partial *out, char dir[UPLOADS_DIR_MAX], struct err *err)
{
	return partial_open(out, uploads_dir(call, dir), call->param[0], call->request->user, dataset_name(call->dataset),
	                    err);
}

int uploads_number(struct call *call, const char *name, int64_t value, struct err *err)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, value);
	return reply_header(call->reply, name, text, err);
}

/* Adds an HTTP date (RFC 9110 §5.6.7), as the expiration extension wants. */
static int add_expiry(struct call *call, int64_t expires_us, struct err *err)
{
	time_t seconds = (time_t)(expires_us / MICROSECONDS);
	char text[64];
	struct tm utc;

	gmtime_r(&seconds, &utc);
	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &utc);
	return reply_header(call->reply, "Upload-Expires", text, err);
}

int uploads_describe(struct call *call, const struct partial *partial, struct err *err)
{
	return uploads_number(call, "Upload-Offset", partial->offset, err) ||
	       uploads_number(call, "Upload-Length", partial->length, err) ||
	       add_expiry(call, partial->expires_us, err) ||
	       (partial->result >= 0 && uploads_number(call, "X-Sample-Id", partial->result, err));
}
