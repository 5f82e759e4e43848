/* An archive of any size is read in constant memory: this one is made while it is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "intake/archive.h"

#define JPEG "\xff\xd8\xff\xe0 a picture"

enum { STREAM_ENTRIES = 1500, STREAM_BYTES = 512 * 1024 };

/* A tar of STREAM_ENTRIES images, made as it is read. */
struct stream {
	int entry;
	size_t at; /* in the entry: its header, then data */
};

static void make_header(char header[512], int entry)
{
	memset(header, 0, 512);
	snprintf(header, 100, "set/label%d/%d.jpg", entry % 10, entry);
	snprintf(header + 100, 8, "0000644");
	snprintf(header + 124, 12, "%011o", (unsigned)STREAM_BYTES);
	header[156] = '0';
	memcpy(header + 257, "ustar\0" "00", 8);
	memset(header + 148, ' ', 8);
	unsigned sum = 0;
	for (int i = 0; i < 512; i++)
		sum += (unsigned char)header[i];
	snprintf(header + 148, 7, "%06o", sum);
}

static ssize_t give_stream(void *data, void *bytes, size_t len, struct err *err)
{
	(void)err;
	struct stream *stream = data;
	char header[512];
	if (stream->entry == STREAM_ENTRIES)
		return 0;
	if (stream->at < 512) {
		make_header(header, stream->entry);
		memcpy(bytes, header, 512);
		stream->at = 512;
		return 512;
	}
	size_t n = 512 + STREAM_BYTES - stream->at;
	n = n < len ? n : len;
	memset(bytes, 'x', n);
	if (stream->at == 512)
		memcpy(bytes, JPEG, strlen(JPEG));
	stream->at += n;
	if (stream->at == 512 + STREAM_BYTES) {
		stream->at = 0;
		stream->entry++;
	}
	return (ssize_t)n;
}

static int read_stream(void)
{
	struct stream stream = {0};
	struct archive_reader *reader;
	const struct archive_item *item;
	struct err err;
	struct archive_limits most = {.entries = STREAM_ENTRIES, .entry_bytes = STREAM_BYTES};
	int64_t bytes = 0;
	char data[4096];
	size_t got = 1;
	if (archive_reader_open(&reader, give_stream, &stream, &most, &err) != 0)
		return 1;
	while (archive_reader_next(reader, &item, &err) == 0 && item != NULL)
		for (got = 1; got > 0 && archive_reader_read(reader, data, sizeof(data), &got, &err) == 0;)
			bytes += (int64_t)got;
	archive_reader_free(reader);
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	if (bytes != (int64_t)STREAM_ENTRIES * STREAM_BYTES)
		return 2;
	return usage.ru_maxrss < 64 * 1024 ? 0 : 3;
}

/* 750 MB in less than 64 MB, in a process of its own. */
static void any_size_is_read_at_constant_memory(void **state)
{
	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	print_message("skip: a sanitizer's memory is not the program's\n");
	skip();
#endif
	char self[] = "/proc/self/exe", argument[] = "--stream";
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		execl(self, self, argument, NULL);
		_exit(99);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--stream") == 0)
		return read_stream();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_size_is_read_at_constant_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
