/* Lines of JSON, kept while a request's body is read and then sent as its answer. */
#include "fastcgi/lines.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/memory.h"
#include "dataset/answers.h"
#include "dataset/dataset.h"

#define TYPE "application/x-ndjson"
enum { PIECE_BYTES = 64 * 1024, WHOLE_BYTES_MAX = IDEMPOTENCY_ANSWER_MAX - 4096 }; /* with room for the headers */

int lines_add(struct spool *lines, cJSON *line, struct err *err)
{
	struct buf text;

	buf_init(&text, REPLY_BODY_MAX);
	json_print(line, &text);
	buf_char(&text, '\n');
	cJSON_Delete(line);
	int failed = spool_write(lines, text.data, text.len, err);
	buf_release(&text);
	return failed;
}

/* Sends all lines as one whole answer, which can be kept for its Idempotency-Key. */
static int send_whole(const struct spool *lines, struct reply *reply, struct err *err)
{
	char *text = memory_new(1, (size_t)lines->length + 1);
	int failed = 0;

	for (int64_t at = 0; at < lines->length && !failed;) {
		ssize_t got = spool_read(lines, at, text + at, (size_t)(lines->length - at), err);

		failed = got <= 0;
		at += got;
	}
	if (!failed)
		reply_text(reply, 200, TYPE, text);
	free(text);
	return failed;
}

int lines_send(const struct spool *lines, struct reply *reply, struct err *err)
{
	char piece[PIECE_BYTES];
	int64_t at = 0;
	ssize_t got;

	if (lines->length <= WHOLE_BYTES_MAX)
		return send_whole(lines, reply, err);
	if (reply_stream_start(reply, 200, TYPE))
		return err_set(err, ERR_BAD_REQUEST, "The client went away");
	while ((got = spool_read(lines, at, piece, sizeof(piece), err)) > 0) {
		if (reply_stream_write(reply, piece, (size_t)got))
			return err_set(err, ERR_BAD_REQUEST, "The client went away");
		at += got;
	}
	return got < 0;
}
