/* Fuzzes the request's target: an accepted one is text, within its bounds, and reads the same when it is written
 * again.
 *
 * Parses: lib/fastcgi/request.c lib/base/text.c */
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "fastcgi/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void write_target(const struct request *request, struct buf *out)
{
	for (size_t i = 0; i < request->segment_count; i++) {
		buf_char(out, '/');
		text_percent_encode_segment(request->segment[i], out);
	}
	for (size_t i = 0; i < request->query_count; i++) {
		buf_char(out, i ? '&' : '?');
		text_percent_encode_segment(request->query[i].name, out);
		buf_char(out, '=');
		text_percent_encode_segment(request->query[i].value, out);
	}
}

static void check_bounds(const struct request *request)
{
	require(request->segment_count >= 1 && request->segment_count <= REQUEST_SEGMENTS_MAX);
	require(request->query_count <= REQUEST_QUERY_MAX);
	for (size_t i = 0; i < request->segment_count; i++)
		require(text_utf8_valid(request->segment[i], strlen(request->segment[i])));
	for (size_t i = 0; i < request->query_count; i++) {
		require(text_utf8_valid(request->query[i].name, strlen(request->query[i].name)));
		require(text_utf8_valid(request->query[i].value, strlen(request->query[i].value)));
		require(request_query(request, request->query[i].name) == request->query[i].value);
	}
}

static void check_same(const struct request *a, const struct request *b)
{
	require(a->segment_count == b->segment_count && a->query_count == b->query_count);
	for (size_t i = 0; i < a->segment_count; i++)
		require(strcmp(a->segment[i], b->segment[i]) == 0);
	for (size_t i = 0; i < a->query_count; i++)
		require(strcmp(a->query[i].name, b->query[i].name) == 0 && strcmp(a->query[i].value, b->query[i].value) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *target = strndup((const char *)data, size);
	struct request request = {0}, again = {0};
	struct err err = {0};
	struct buf written;

	buf_init(&written, 4 * REQUEST_URI_MAX);
	if (request_parse_target(&request, target, &err) == 0) {
		check_bounds(&request);
		write_target(&request, &written);
		if (written.len <= REQUEST_URI_MAX) { /* escapes may make it longer than what is taken */
			require(request_parse_target(&again, buf_text(&written), &err) == 0);
			check_same(&request, &again);
		}
	} else {
		require(err.code == ERR_BAD_REQUEST);
	}
	buf_release(&written);
	request_release(&again);
	request_release(&request);
	free(target);
	return 0;
}
