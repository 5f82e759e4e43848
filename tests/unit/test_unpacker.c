/* An archive that is read by a worker: what came counts though the rest never comes, and nobody waits in vain. What the
 * worker reads is tested with test_archive.c, and what it may not do by tests/http/test_confined.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "intake/unpacker.h"

#define JPEG "\xff\xd8\xff\xe0 a picture"

enum { BLOCK = 512 };

/* A tar of one image, whose end never comes. */
struct feed {
	char bytes[2 * BLOCK];
	bool given, gone; /* the client is */
};

static struct feed feed_new(void)
{
	struct feed feed = {.gone = false};
	char *header = feed.bytes;
	unsigned sum = 0;

	snprintf(header, 100, "cat/1.jpg");
	snprintf(header + 100, 8, "0000644");
	snprintf(header + 124, 12, "%011o", (unsigned)strlen(JPEG));
	header[156] = '0';
	memset(header + 148, ' ', 8);
	for (int i = 0; i < BLOCK; i++)
		sum += (unsigned char)header[i];
	snprintf(header + 148, 7, "%06o", sum);
	memcpy(header + BLOCK, JPEG, strlen(JPEG));
	return feed;
}

static ssize_t give_once(void *data, void *bytes, size_t len, struct err *err)
{
	struct feed *feed = data;

	assert_true(len >= sizeof(feed->bytes));
	if (feed->given)
		return err_set(err, ERR_SLOW, "nothing comes");
	feed->given = true;
	memcpy(bytes, feed->bytes, sizeof(feed->bytes));
	return sizeof(feed->bytes);
}

static int feed_going(void *data, struct err *err)
{
	const struct feed *feed = data;

	return feed->gone ? err_set(err, ERR_BAD_REQUEST, "gone") : 0;
}

static const struct archive_limits limits = {.entries = 10, .entry_bytes = 1000, .going = feed_going};

static void what_came_before_the_source_failed_is_read_first(void **state)
{
	struct feed feed = feed_new();
	struct unpacker *unpacker = unpacker_new(give_once, &feed, &limits);
	const struct archive_item *item;
	const void *bytes;
	size_t len;
	struct err err;

	(void)state;
	assert_int_equal(unpacker_next(unpacker, &item, &err), 0);
	assert_string_equal(item->path, "cat/1.jpg");
	assert_string_equal(item->label, "cat");
	assert_int_equal(unpacker_read(unpacker, &bytes, &len, &err), 0);
	assert_int_equal(len, strlen(JPEG));
	assert_memory_equal(bytes, JPEG, len);
	assert_int_equal(unpacker_read(unpacker, &bytes, &len, &err), 0);
	assert_int_equal(len, 0);
	for (int again = 0; again < 2; again++) {
		assert_true(unpacker_next(unpacker, &item, &err));
		assert_null(item);
		assert_int_equal(err.code, ERR_SLOW);
		assert_string_equal(err.text, "nothing comes");
	}
	assert_true(unpacker_read(unpacker, &bytes, &len, &err));
	assert_int_equal(len, 0);
	unpacker_free(unpacker);
}

static void nobody_waiting_ends_it(void **state)
{
	struct feed feed = feed_new();
	struct unpacker *unpacker = unpacker_new(give_once, &feed, &limits);
	const struct archive_item *item;
	struct err err;

	(void)state;
	feed.gone = true;
	assert_true(unpacker_next(unpacker, &item, &err));
	assert_string_equal(err.text, "gone");
	unpacker_free(unpacker);
}

/* Nothing is started for one of which nothing was asked. */
static void an_archive_may_be_left_alone(void **state)
{
	struct feed feed = feed_new();

	(void)state;
	unpacker_free(unpacker_new(give_once, &feed, &limits));
	unpacker_free(NULL);
	assert_false(feed.given);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_came_before_the_source_failed_is_read_first),
		cmocka_unit_test(nobody_waiting_ends_it),
		cmocka_unit_test(an_archive_may_be_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
