/* Only one layer of compression is undone, and no archive keeps a program busy when nobody waits for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <archive.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "intake/archive.h"
#include "intake/archive_unpack.h"

enum { ROOM = 1 << 20, TAR_BYTES = 10240 };

/* Stands before libc's: what every look at the thread's processor time adds to it. */
static int64_t tick, processor_ns;

int clock_gettime(clockid_t id, struct timespec *now)
{
	if (id != CLOCK_THREAD_CPUTIME_ID)
		return (int)syscall(SYS_clock_gettime, id, now);
	processor_ns += tick;
	*now = (struct timespec){.tv_sec = processor_ns / 1000000000, .tv_nsec = processor_ns % 1000000000};
	return 0;
}

struct bytes {
	unsigned char *data;
	size_t len, at;
	bool gone; /* the client is */
};

static ssize_t give(void *data, void *bytes, size_t len, struct err *err)
{
	struct bytes *from = data;
	size_t n = from->len - from->at < len ? from->len - from->at : len;

	(void)err;
	memcpy(bytes, from->data + from->at, n);
	from->at += n;
	return (ssize_t)n;
}

static int going(void *data, struct err *err)
{
	const struct bytes *from = data;

	return from->gone ? err_set(err, ERR_BAD_REQUEST, "gone") : 0;
}

/* A tar of one image and so many empty files. */
static struct bytes tar(int others)
{
	size_t len = (size_t)(others + 20) * 512;
	struct bytes out = {.data = calloc(1, len), .len = len};

	for (int i = 0; i <= others; i++) {
		char *header = (char *)out.data + (i ? i + 1 : 0) * 512;
		unsigned sum = 0;

		snprintf(header, 100, "a/%d.jpg", i);
		snprintf(header + 100, 8, "0000644");
		snprintf(header + 124, 12, "%011o", i ? 0U : 5U);
		header[156] = '0';
		memset(header + 148, ' ', 8);
		for (int at = 0; at < 512; at++)
			sum += (unsigned char)header[at];
		snprintf(header + 148, 7, "%06o", sum);
		if (i == 0)
			memcpy(header + 512, "\xff\xd8\xff\xe0.", 5);
	}
	return out;
}

static struct bytes gzip(struct bytes in)
{
	struct bytes out = {.data = malloc(ROOM)};
	z_stream z = {.next_in = in.data, .avail_in = (unsigned)in.len, .next_out = out.data, .avail_out = ROOM};

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out.len = z.total_out;
	deflateEnd(&z);
	free(in.data);
	return out;
}

/* How many images there are; err says why it can't be read on. */
static int read_all(struct bytes *from, struct err *err)
{
	const struct archive_limits limits = {.entries = ROOM, .entry_bytes = ROOM, .going = going};
	struct archive_reader *reader;
	const struct archive_item *item;
	int images = 0;

	*err = (struct err){0};
	assert_int_equal(archive_reader_open(&reader, give, from, &limits, err), 0);
	while (archive_reader_next(reader, &item, err) == 0 && item)
		images += item->kind == ARCHIVE_IMAGE;
	archive_reader_free(reader);
	return images;
}

static void one_layer_is_unpacked_and_no_second_one(void **state)
{
	struct err err;

	(void)state;
	for (int layers = 0; layers < 30; layers++) {
		struct bytes packed = tar(1);
		for (int layer = 0; layer < layers; layer++)
			packed = gzip(packed);
		int images = read_all(&packed, &err);
		assert_int_equal(images, layers < 2);
		if (layers < 2) {
			assert_int_equal(err.code, ERR_NONE);
		} else {
			assert_int_equal(err.code, ERR_UNPROCESSABLE);
			assert_string_equal(err.text, "the archive is compressed more than once");
		}
		free(packed.data);
	}
}

static void nobody_waiting_ends_it(void **state)
{
	struct err err;

	(void)state;
	for (int layers = 0; layers < 2; layers++) {
		struct bytes packed = layers ? gzip(tar(1)) : tar(1);
		packed.gone = true;
		assert_int_equal(read_all(&packed, &err), 0);
		assert_string_equal(err.text, "gone");
		free(packed.data);
	}
}

/* As many looks at the clock as there are entries, each of which took so long. */
static void processor_time_is_bounded(void **state)
{
	struct err err;

	(void)state;
	for (int layers = 0; layers < 2; layers++) {
		struct bytes packed = layers ? gzip(tar(1000)) : tar(1000);
		tick = INT64_C(1000000) * ARCHIVE_SECONDS_FREE;
		assert_int_equal(read_all(&packed, &err), 1);
		assert_string_equal(err.text, "the archive takes too long to be unpacked");
		packed.at = 0;
		tick = INT64_C(1000000) * ARCHIVE_SECONDS_FREE / 10;
		assert_int_equal(read_all(&packed, &err), 1);
		assert_int_equal(err.code, ERR_NONE);
		tick = 0;
		free(packed.data);
	}
}

static void processor_time_may_grow_with_the_archive(void **state)
{
	struct archive_unpack *unpack;
	struct bytes much = {.data = calloc(3, ARCHIVE_BYTES_A_SECOND), .len = 3 * (size_t)ARCHIVE_BYTES_A_SECOND};
	const void *piece;
	struct err err;

	(void)state;
	unpack = archive_unpack_new(give, &much, NULL);
	archive_unpack_enter(unpack);
	while (archive_unpack_next(unpack, &piece, &err) > 0)
		;
	processor_ns += INT64_C(1000000000) * (ARCHIVE_SECONDS_FREE + 4) - 1;
	assert_int_equal(archive_unpack_check(unpack, 0, &err), 0);
	processor_ns++;
	assert_true(archive_unpack_check(unpack, 0, &err));
	archive_unpack_leave(unpack);
	archive_unpack_free(unpack);
	free(much.data);
}

static void an_archive_is_not_broken_for_want_of_memory(void **state)
{
	struct archive *archive = archive_read_new();
	struct err err;

	(void)state;
	archive_set_error(archive, ENOMEM, "Can't allocate");
	archive_explain(archive, "the archive is broken", &err);
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	archive_set_error(archive, EILSEQ, "Truncated");
	archive_explain(archive, "the archive is broken", &err);
	assert_int_equal(err.code, ERR_UNPROCESSABLE);
	assert_string_equal(err.text, "the archive is broken");
	archive_read_free(archive);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_layer_is_unpacked_and_no_second_one),
		cmocka_unit_test(nobody_waiting_ends_it),
		cmocka_unit_test(processor_time_is_bounded),
		cmocka_unit_test(processor_time_may_grow_with_the_archive),
		cmocka_unit_test(an_archive_is_not_broken_for_want_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
