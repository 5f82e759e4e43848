/* Lines of JSON, kept while a request's body is read and then sent as its answer. */
#include "lines.h"

#include "base/json.h"

enum { PIECE_BYTES = 64 * 1024 };

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

int lines_send(const struct spool *lines, struct reply *reply, struct err *err)
{
	char piece[PIECE_BYTES];
	int64_t at = 0;
	ssize_t got;

	if (reply_stream_start(reply, 200, "application/x-ndjson"))
		return err_set(err, ERR_BAD_REQUEST, "The client went away");
	while ((got = spool_read(lines, at, piece, sizeof(piece), err)) > 0) {
		if (reply_stream_write(reply, piece, (size_t)got))
			return err_set(err, ERR_BAD_REQUEST, "The client went away");
		at += got;
	}
	return got < 0 ? -1 : 0;
}
