/* How far an upload has come, and giving it up. */
#include "uploads.h"

int uploads_offset(struct call *call, struct err *err)
{
	char dir[UPLOADS_DIR_MAX];
	struct partial partial;
	bool answered;

	if (uploads_version(call, &answered, err) || answered)
		return answered ? 0 : -1;
	if (uploads_open(call, &partial, dir, err))
		return -1;
	reply_empty(call->reply, 200);
	/* Whole, but no sample: a crash or a store that was down came between, and its client has nothing left to send. */
	bool is_due = partial.offset == partial.length && partial.result < 0;
	int failed = (is_due && uploads_complete(call, &partial, err)) || uploads_describe(call, &partial, err) ||
	             reply_header(call->reply, "Cache-Control", "no-store", err) ||
	             (*partial.metadata && reply_header(call->reply, "Upload-Metadata", partial.metadata, err));
	partial_release(&partial);
	return failed ? -1 : 0;
}

int uploads_terminate(struct call *call, struct err *err)
{
	char dir[UPLOADS_DIR_MAX];
	struct partial partial;
	bool answered;

	if (uploads_version(call, &answered, err) || answered)
		return answered ? 0 : -1;
	if (uploads_open(call, &partial, dir, err))
		return -1;
	reply_empty(call->reply, 204);
	int failed = partial_remove(&partial, err);
	partial_release(&partial);
	return failed;
}
