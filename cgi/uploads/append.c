/* Receiving the next piece of an upload. */
#include "uploads.h"

#include <strings.h>

#include "base/text.h"
#include "fastcgi/tus.h"

enum { PIECE_BYTES = 64 * 1024, CHECKSUM_MISMATCH = 460 /* tus, checksum extension */ };

struct append {
	struct tus_checksum checksum;
	bool has_checksum;
	int64_t offset; /* where the client appends */
};

static int append_parse(struct call *call, struct append *append, struct err *err)
{
	const char *checksum = request_header(call->request, "HTTP_UPLOAD_CHECKSUM");
	const char *offset = request_header(call->request, "HTTP_UPLOAD_OFFSET");

	if (strcasecmp(call->request->content_type, "application/offset+octet-stream") != 0)
		return err_set(err, ERR_MEDIA_TYPE, "A piece's Content-Type must be application/offset+octet-stream");
	if (request_check_coding(call->request, err))
		return -1;
	if (!offset || text_int64(offset, 0, INT64_MAX, &append->offset))
		return err_set(err, ERR_BAD_REQUEST, "Upload-Offset must say where the piece begins");
	append->has_checksum = checksum;
	return checksum ? tus_checksum_parse(checksum, &append->checksum, err) : 0;
}

/* What arrives is kept even if the client disconnects: it asks for the offset and goes on. What a sync has failed for
 * may be lost, although the next one succeeds: it must be sent again. */
static int append_take(struct call *call, struct partial *partial, struct hash_stream *hash, struct err *err)
{
	int64_t before = partial->offset;
	char piece[PIECE_BYTES];
	ssize_t got;
	int failed = 0;

	if (call->request->content_length > partial->length - partial->offset)
		return err_set(err, ERR_TOO_LARGE, "The piece goes beyond Upload-Length");
	while (!failed && (got = request_read(call->request, piece, sizeof(piece), err)) != 0) {
		failed = got < 0 || partial_append(partial, piece, (size_t)got, err);
		if (!failed && hash)
			hash_stream_update(hash, piece, (size_t)got);
	}
	if (partial_sync(partial, failed ? NULL : err)) {
		partial_truncate(partial, before, NULL);
		return -1;
	}
	return failed;
}

/* With a checksum a piece counts whole or not at all. */
static int take_checked(struct call *call, struct partial *partial, const struct append *append, bool *mismatch,
                        struct err *err)
{
	struct hash_stream *hash = hash_stream_new(append->checksum.algorithm);
	unsigned char digest[64];
	int failed = append_take(call, partial, hash, err);

	size_t len = hash_stream_final(hash, digest);
	*mismatch = !failed && (len != append->checksum.length || !hash_equal(digest, append->checksum.digest, len));
	if (failed || *mismatch)
		partial_truncate(partial, append->offset, failed ? NULL : err);
	return failed;
}

static int append_piece(struct call *call, struct partial *partial, const struct append *append, struct err *err)
{
	bool mismatch = false;

	if (append->offset != partial->offset)
		return err_set(err, ERR_CONFLICT, "The upload is at %lld, not at %lld", (long long)partial->offset,
		               (long long)append->offset);
	if (append->has_checksum ? take_checked(call, partial, append, &mismatch, err) : append_take(call, partial, NULL, err))
		return -1;
	if (mismatch) {
		reply_text(call->reply, CHECKSUM_MISMATCH, "text/plain", "The piece does not match Upload-Checksum\n");
		return 0;
	}
	reply_empty(call->reply, 204);
	if (partial->offset == partial->length && partial->result < 0 && uploads_complete(call, partial, err))
		return -1;
	return uploads_describe(call, partial, err);
}

int uploads_append(struct call *call, struct err *err)
{
	char dir[UPLOADS_DIR_MAX];
	struct partial partial;
	struct append append;
	bool answered;

	if (uploads_version(call, &answered, err) || answered)
		return !answered;
	if (append_parse(call, &append, err) || uploads_open(call, &partial, dir, err))
		return -1;
	int failed = append_piece(call, &partial, &append, err);
	partial_release(&partial);
	return failed;
}
