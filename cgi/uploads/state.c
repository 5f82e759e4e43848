/* The progress of an upload, and its cancellation. */
#include "uploads.h"

typedef int upload_use(struct call *call, struct partial *partial, struct err *err);

/* Answers with this status and with what `use` adds for the upload. */
static int with_upload(struct call *call, int status, upload_use *use, struct err *err)
{
	char dir[UPLOADS_DIR_MAX];
	struct partial partial;
	bool answered;

	if (uploads_version(call, &answered, err) || answered)
		return !answered;
	if (uploads_open(call, &partial, dir, err))
		return -1;
	reply_empty(call->reply, status);
	int failed = use(call, &partial, err);
	partial_release(&partial);
	return failed;
}

static int tell_offset(struct call *call, struct partial *partial, struct err *err)
{
	/* A finished upload without a sample was interrupted by a crash or a store that was down; its client has nothing
	 * left to send. */
	bool is_due = partial->offset == partial->length && partial->result < 0;

	return (is_due && uploads_complete(call, partial, err)) || uploads_describe(call, partial, err) ||
	       reply_header(call->reply, "Cache-Control", "no-store", err) ||
	       (*partial->metadata && reply_header(call->reply, "Upload-Metadata", partial->metadata, err));
}

int uploads_offset(struct call *call, struct err *err)
{
	return with_upload(call, 200, tell_offset, err);
}

static int drop_upload(struct call *call, struct partial *partial, struct err *err)
{
	(void)call;
	return partial_remove(partial, err);
}

int uploads_terminate(struct call *call, struct err *err)
{
	return with_upload(call, 204, drop_upload, err);
}
