/* Reads a request's body. */
#include "body.h"

#include <string.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

static int body_fill(struct body *body, struct err *err)
{
	ssize_t got = request_read(body->request, body->piece, sizeof(body->piece), err);

	if (got < 0)
		return BODY_FAILED;
	body->at = 0;
	body->len = (size_t)got;
	body->taken += got;
	if (body->taken > body->max) {
		err_set(err, ERR_TOO_LARGE, "The body is larger than %lld bytes", (long long)body->max);
		return BODY_FAILED;
	}
	return got == 0 ? BODY_END : 0;
}

int body_next(struct body *body, struct err *err)
{
	if (body->back < body->again.len)
		return (unsigned char)body->again.data[body->back++];
	if (body->at == body->len) {
		int outcome = body_fill(body, err);

		if (outcome)
			return outcome;
	}
	return (unsigned char)body->piece[body->at++];
}

void body_put_back(struct body *body, const char *bytes, size_t len)
{
	struct buf both;

	buf_init(&both, body->again.max);
	buf_add(&both, bytes, len);
	buf_add(&both, buf_text(&body->again) + body->back, body->again.len - body->back);
	buf_release(&body->again);
	body->again = both;
	body->back = 0;
}

int body_begin(struct body *body, struct request *request, int64_t max, size_t again_max, struct err *err)
{
	char start[sizeof(BYTE_ORDER_MARK)];
	size_t len = 0;
	int byte = 0;

	*body = (struct body){.request = request, .max = max};
	buf_init(&body->again, 2 * again_max);
	if (request->content_length > max)
		return err_set(err, ERR_TOO_LARGE, "The body is larger than %lld bytes", (long long)max);
	while (len < strlen(BYTE_ORDER_MARK) && (byte = body_next(body, err)) >= 0)
		start[len++] = (char)byte;
	if (len < strlen(BYTE_ORDER_MARK) || memcmp(start, BYTE_ORDER_MARK, len) != 0)
		body_put_back(body, start, len);
	return byte == BODY_FAILED;
}

void body_release(struct body *body)
{
	buf_release(&body->again);
}

int body_line(struct body *body, struct buf *line, bool *more, struct err *err)
{
	int byte;

	buf_clear(line);
	*more = false;
	while ((byte = body_next(body, err)) >= 0) {
		*more = true;
		if (byte == '\n')
			return 0;
		buf_char(line, (char)byte);
	}
	return byte == BODY_FAILED;
}
