/* Reading archives of images: archives that libarchive writes here, or that are made while they are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <pthread.h>
#include <unistd.h>

#include "base/buf.h"
#include "intake/archive.h"
#include "intake/unpacker.h"

#define JPEG "\xff\xd8\xff\xe0 a picture"
#define PNG "\x89PNG\r\n\x1a\n another one"

static char *skipped_folders[] = {(char *)(uintptr_t) "BACKGROUND_Google"};
static struct config_list skip_list;
static struct archive_limits limits = {.entries = 1000, .entry_bytes = 1000000, .skip = &skip_list};

/* --- writing -------------------------------------------------------------------------------------------- */

struct written {
	struct archive *archive;
	char *bytes;
	size_t len;
};

static void begin(struct written *w, const char *format, const char *filter, const char *options)
{
	enum { ROOM = 4 << 20 };
	w->archive = archive_write_new();
	w->bytes = malloc(ROOM);
	w->len = 0;
	assert_int_equal(archive_write_set_format_by_name(w->archive, format), ARCHIVE_OK);
	if (filter != NULL)
		assert_int_equal(archive_write_add_filter_by_name(w->archive, filter), ARCHIVE_OK);
	if (options != NULL)
		assert_int_equal(archive_write_set_options(w->archive, options), ARCHIVE_OK);
	archive_write_set_passphrase(w->archive, "secret");
	assert_int_equal(archive_write_open_memory(w->archive, w->bytes, ROOM, &w->len), ARCHIVE_OK);
}

static bool untold_size; /* zip entries tell their size after the data */

static void add_typed(struct written *w, const char *path, __LA_MODE_T type, const char *target,
                      const void *bytes,
                      size_t len)
{
	struct archive_entry *entry = archive_entry_new();
	archive_entry_copy_pathname(entry, path);
	archive_entry_set_filetype(entry, type);
	archive_entry_set_perm(entry, 0644);
	if (type == AE_IFLNK)
		archive_entry_copy_symlink(entry, target);
	else if (target != NULL)
		archive_entry_copy_hardlink(entry, target);
	if (type == AE_IFREG && target == NULL && !untold_size)
		archive_entry_set_size(entry, (la_int64_t)len);
	assert_true(archive_write_header(w->archive, entry) >= ARCHIVE_WARN);
	if (len > 0)
		assert_int_equal(archive_write_data(w->archive, bytes, len), (la_ssize_t)len);
	archive_entry_free(entry);
}

static void add(struct written *w, const char *path, const char *text)
{
	add_typed(w, path, AE_IFREG, NULL, text, strlen(text));
}

static void end(struct written *w)
{
	assert_int_equal(archive_write_free(w->archive), ARCHIVE_OK);
	w->archive = NULL;
}

/* --- reading -------------------------------------------------------------------------------------------- */

struct feed {
	const char *bytes;
	size_t len, piece;
};

static ssize_t give(void *data, void *bytes, size_t len, struct err *err)
{
	(void)err;
	struct feed *feed = data;
	size_t n = feed->len < feed->piece ? feed->len : feed->piece;
	n = n < len ? n : len;
	memcpy(bytes, feed->bytes, n);
	feed->bytes += n;
	feed->len -= n;
	return (ssize_t)n;
}

/* In this process, or by a worker. */
struct reading {
	struct archive_reader *here;
	struct unpacker *apart;
};

static struct reading open_reading(bool apart, archive_source *source, void *data)
{
	struct reading reading = {0};
	struct err err;

	if (apart)
		reading.apart = unpacker_new(source, data, &limits);
	else
		assert_int_equal(archive_reader_open(&reading.here, source, data, &limits, &err), 0);
	return reading;
}

static int next_of(const struct reading *reading, const struct archive_item **item, struct err *err)
{
	return reading->apart ? unpacker_next(reading->apart, item, err) : archive_reader_next(reading->here, item, err);
}

/* What is read before a failure is not told: a worker may have kept it. */
static int add_image(const struct reading *reading, size_t read_size, struct buf *out, struct err *err)
{
	size_t got, before = out->len;
	char data[8192];
	const void *bytes = data;
	int failed;

	do {
		failed = reading->apart ? unpacker_read(reading->apart, &bytes, &got, err)
		                        : archive_reader_read(reading->here, data, read_size, &got, err);
		if (!failed)
			buf_add(out, bytes, got);
	} while (!failed && got > 0);
	if (failed)
		out->len = before;
	return failed;
}

static void end_reading(struct reading *reading)
{
	archive_reader_free(reading->here);
	unpacker_free(reading->apart);
}

/* Writes down the archive: "type [label] path data;", "skip path;", "refuse path why;" and "end" or why not. */
static void read_by(bool apart, const void *bytes, size_t len, size_t piece, size_t read_size, struct buf *out)
{
	struct feed feed = {bytes, len, piece};
	const struct archive_item *item;
	struct err err = {0};
	struct reading reading = open_reading(apart, give, &feed);
	int result;
	while ((result = next_of(&reading, &item, &err)) == 0 && item != NULL) {
		if (item->kind == ARCHIVE_LINK)
			buf_printf(out, "link %s to %s;", item->path, item->target);
		else if (item->kind == ARCHIVE_SKIPPED)
			buf_printf(out, "skip %s;", item->path);
		else if (item->kind == ARCHIVE_REFUSED)
			buf_printf(out, "refuse %s %s;", item->path, item->err.text);
		else
			buf_printf(out, "%s [%s] %s ", item->type, item->label, item->path);
		if (item->kind == ARCHIVE_IMAGE)
			buf_printf(out, "%s;", add_image(&reading, read_size, out, &err) == 0 ? "" : err.text);
	}
	if (result == 0)
		buf_str(out, "end");
	else
		buf_printf(out, "error %d: %s", (int)err.code, err.text);
	if (result != 0)
		assert_true(next_of(&reading, &item, &err)); /* it stays broken */
	end_reading(&reading);
}

/* In both ways. */
static void read_all(const void *bytes, size_t len, size_t piece, size_t read_size, struct buf *out)
{
	struct buf apart;

	buf_init(&apart, 1 << 22);
	read_by(false, bytes, len, piece, read_size, out);
	read_by(true, bytes, len, piece, read_size, &apart);
	assert_string_equal(buf_text(&apart), buf_text(out));
	buf_release(&apart);
}

static void check(struct written *w, const char *expected)
{
	static const size_t pieces[] = {1, 13, 700, 1000000};
	if (w->archive != NULL)
		end(w);
	for (size_t i = 0; i < 4; i++) {
		struct buf out;
		buf_init(&out, 1 << 22);
		if (i < 3)
			read_by(false, w->bytes, w->len, pieces[i], i == 0 ? 5 : 8192, &out);
		else
			read_all(w->bytes, w->len, pieces[i], 8192, &out);
		assert_string_equal(buf_text(&out), expected);
		buf_release(&out);
	}
	free(w->bytes);
}

/* --- what is read --------------------------------------------------------------------------------------- */

static const char *const kinds[][2] = {{"ustar", NULL}, {"pax", NULL}, {"gnutar", NULL}, {"pax", "gzip"},
                                       {"pax", "zstd"}, {"zip", NULL}};

static void images_are_read_with_the_folder_as_label(void **state)
{
	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct written w;
		begin(&w, kinds[i][0], kinds[i][1], NULL);
		add_typed(&w, "set/", AE_IFDIR, NULL, NULL, 0);
		add(&w, "set/cat/1.jpg", JPEG);
		add(&w, "./set/./dog//2.png", PNG);
		add(&w, "top.jpg", JPEG);
		check(&w, "image/jpeg [cat] set/cat/1.jpg " JPEG ";image/png [dog] set/dog/2.png " PNG
		          ";image/jpeg [] top.jpg " JPEG ";end");
	}
}

static void what_is_hidden_or_listed_or_no_image_is_skipped(void **state)
{
	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct written w;
		begin(&w, kinds[i][0], kinds[i][1], NULL);
		add(&w, "set/.hidden.jpg", JPEG);
		add(&w, ".git/x.jpg", JPEG);
		add(&w, "__MACOSX/cat/._1.jpg", "\0\5\x16\7");
		add(&w, "set/cat/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg", JPEG);
		add(&w, "#recycle/cat/1.jpg", JPEG);
		add(&w, "$Recycle.Bin/S-1-5/1.jpg", JPEG);
		add(&w, "set/cat/1.jpg@SynoEAStream", JPEG);
		add(&w, "set/cat/Thumbs.db", JPEG);
		add(&w, "set/BACKGROUND_Google/1.jpg", JPEG);
		add(&w, "set/cat/readme.txt", "no picture");
		add(&w, "set/cat/page.jpg", "<html>");
		add(&w, "set/cat/empty.jpg", "");
		add(&w, "set/cat/BACKGROUND_Google", JPEG); /* a file of that name is none of its images */
		check(&w, "skip set/.hidden.jpg;skip .git/x.jpg;skip __MACOSX/cat/._1.jpg;"
		          "skip set/cat/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg;skip #recycle/cat/1.jpg;"
		          "skip $Recycle.Bin/S-1-5/1.jpg;skip set/cat/1.jpg@SynoEAStream;skip set/cat/Thumbs.db;"
		          "skip set/BACKGROUND_Google/1.jpg;skip set/cat/readme.txt;skip set/cat/page.jpg;"
		          "skip set/cat/empty.jpg;image/jpeg [cat] set/cat/BACKGROUND_Google " JPEG ";end");
	}
}

static void names_that_leave_the_archive_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct written w;
		begin(&w, kinds[i][0], kinds[i][1], NULL);
		add(&w, "/etc/cat/1.jpg", JPEG);
		add(&w, "a/../../cat/1.jpg", JPEG);
		add(&w, "..", JPEG);
		add(&w, "a\ncat/1.jpg", JPEG);
		add(&w, "a/1.jpg", JPEG);
		check(&w, "refuse /etc/cat/1.jpg the entry's name is absolute;"
		          "refuse a/../../cat/1.jpg the entry's name has '..' in it;"
		          "refuse .. the entry's name has '..' in it;"
		          "refuse a\ncat/1.jpg the entry's name has a folder with control characters, which "
		          "can't be a label;image/jpeg [a] a/1.jpg " JPEG ";end");
	}
	struct written w;
	begin(&w, "zip", NULL, NULL);
	add(&w, "C:\\pictures\\1.jpg", JPEG);
	add(&w, "a\\..\\..\\1.jpg", JPEG);
	add(&w, "a\\cat\\1.jpg", JPEG);
	check(&w, "refuse C:/pictures/1.jpg the entry's name is absolute;"
	          "refuse a/../../1.jpg the entry's name has '..' in it;"
	          "image/jpeg [cat] a/cat/1.jpg " JPEG ";end");
}

static void symbolic_links_and_devices_are_refused(void **state)
{
	(void)state;
	struct written w;
	begin(&w, "pax", NULL, NULL);
	add(&w, "a/1.jpg", JPEG);
	add_typed(&w, "a/2.jpg", AE_IFLNK, "/etc/passwd", NULL, 0);
	add_typed(&w, "a/3.jpg", AE_IFREG, "a/1.jpg", NULL, 0);
	add_typed(&w, "a/4.jpg", AE_IFCHR, NULL, NULL, 0);
	add_typed(&w, "a/5.jpg", AE_IFIFO, NULL, NULL, 0);
	check(&w, "image/jpeg [a] a/1.jpg " JPEG ";refuse a/2.jpg the entry is a link;"
	          "link a/3.jpg to a/1.jpg;refuse a/4.jpg the entry is a device, a pipe or a socket;"
	          "refuse a/5.jpg the entry is a device, a pipe or a socket;end");
}

/* A zip entry whose header tells its size, as most writers make them (libarchive's tells it afterwards). */
static void add_zip_entry(struct buf *zip, unsigned flags, uint32_t crc, const char *path, const char *text)
{
	unsigned len = (unsigned)strlen(text), name = (unsigned)strlen(path);
	const unsigned fields[] = {20, flags, 0, 0, 0, crc & 0xffff, crc >> 16, len, 0, len, 0, name, 0};
	buf_str(zip, "PK\3\4");
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		buf_char(zip, (char)fields[i]);
		buf_char(zip, (char)(fields[i] >> 8));
	}
	buf_str(zip, path);
	buf_str(zip, text);
}

static void check_zip(struct buf *zip, const char *expected)
{
	buf_add(zip, "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);
	struct written w = {.bytes = zip->data, .len = zip->len};
	check(&w, expected);
}

enum { CRC_OF_JPEG = 0x7a78e6c9, ZIP_ENCRYPTED = 1, ZIP_UTF8 = 1 << 11 };

static void encrypted_entries_are_refused(void **state)
{
	(void)state;
	struct buf zip;
	buf_init(&zip, 1 << 20);
	add_zip_entry(&zip, ZIP_ENCRYPTED, CRC_OF_JPEG, "a/1.jpg", JPEG);
	add_zip_entry(&zip, 0, CRC_OF_JPEG, "a/2.jpg", JPEG);
	check_zip(&zip, "refuse a/1.jpg the entry is encrypted;image/jpeg [a] a/2.jpg " JPEG ";end");
}

static void damaged_zip_entries_do_not_end_the_archive(void **state)
{
	(void)state;
	struct buf zip;
	buf_init(&zip, 1 << 20);
	add_zip_entry(&zip, 0, 1, "a/1.jpg", JPEG);
	add_zip_entry(&zip, 0, CRC_OF_JPEG, "a/2.jpg", JPEG);
	check_zip(&zip, "refuse a/1.jpg the entry's data is broken;"
	                "image/jpeg [a] a/2.jpg " JPEG ";end");
}

static void names_in_other_charsets_are_converted(void **state)
{
	(void)state;
	struct written w;
	begin(&w, "ustar", NULL, NULL);
	add(&w, "k\xe4tzchen/\xfc.jpg", JPEG);
	add(&w, "k\xc3\xa4tzchen/\xe7\x8c\xab.jpg", JPEG);
	check(&w, "image/jpeg [k\xc3\xa4tzchen] k\xc3\xa4tzchen/\xc3\xbc.jpg " JPEG
	          ";image/jpeg [k\xc3\xa4tzchen] k\xc3\xa4tzchen/\xe7\x8c\xab.jpg " JPEG ";end");
	begin(&w, "zip", NULL, NULL);
	add(&w, "k\x84tzchen/\x81.jpg", JPEG); /* code page 437 */
	add(&w, "k\xc3\xa4tzchen/\xe7\x8c\xab.jpg", JPEG);
	check(&w, "image/jpeg [k\xc3\xa4tzchen] k\xc3\xa4tzchen/\xc3\xbc.jpg " JPEG
	          ";image/jpeg [k\xc3\xa4tzchen] k\xc3\xa4tzchen/\xe7\x8c\xab.jpg " JPEG ";end");
	struct buf zip;
	buf_init(&zip, 1 << 20);
	add_zip_entry(&zip, ZIP_UTF8, CRC_OF_JPEG, "k\xc3\xa4tzchen/\xe7\x8c\xab.jpg", JPEG);
	check_zip(&zip, "image/jpeg [k\xc3\xa4tzchen] k\xc3\xa4tzchen/\xe7\x8c\xab.jpg " JPEG ";end");
	setlocale(LC_CTYPE, "C.UTF-8"); /* to write UTF-8 names in pax headers */
	begin(&w, "pax", NULL, NULL);
	add(&w, "k\xc3\xa4tzchen/\xe7\x8c\xab.jpg", JPEG);
	end(&w);
	setlocale(LC_CTYPE, "C");
	check(&w, "image/jpeg [k\xc3\xa4tzchen] k\xc3\xa4tzchen/\xe7\x8c\xab.jpg " JPEG ";end");
}

static void long_names_are_read_or_refused(void **state)
{
	(void)state;
	char path[5000], expected[6000];
	memset(path, 'x', sizeof(path));
	for (size_t i = 100; i < sizeof(path); i += 100)
		path[i] = '/';
	memcpy(path + 4000, "/cat/1.jpg", 11);
	struct written w;
	begin(&w, "pax", NULL, NULL);
	add(&w, path, JPEG);
	snprintf(expected, sizeof(expected), "image/jpeg [cat] %s %s;end", path, JPEG);
	check(&w, expected);
	memset(path, 'x', sizeof(path));
	memcpy(path + 300, "/1.jpg", 7);
	begin(&w, "pax", NULL, NULL);
	add(&w, path, JPEG);
	snprintf(expected, sizeof(expected),
	         "refuse %s the entry's name has a folder that is too long for a label;end", path);
	check(&w, expected);
	memset(path, '/', sizeof(path));
	for (size_t i = 0; i < sizeof(path); i += 2)
		path[i] = 'x';
	memcpy(path + 4990, "/1.jpg", 7);
	begin(&w, "pax", NULL, NULL);
	add(&w, path, JPEG);
	snprintf(expected, sizeof(expected), "refuse %.4096s the entry's name is too long;end", path);
	check(&w, expected);
}

/* --- limits --------------------------------------------------------------------------------------------- */

static void large_entries_are_refused_and_the_rest_is_read(void **state)
{
	(void)state;
	static const char told[] = "refuse a/large.jpg the entry has 3000 bytes; 1000 are allowed;skip a/large.txt;"
	                           "image/jpeg [a] a/1.jpg " JPEG ";end";
	limits.entry_bytes = 1000;
	char large[3001] = JPEG;
	memset(large + strlen(JPEG), 'x', 3000 - strlen(JPEG));
	for (size_t i = 0; strcmp(kinds[i][0], "zip") != 0; i++) {
		struct written w;
		begin(&w, kinds[i][0], kinds[i][1], NULL);
		add(&w, "a/large.jpg", large);
		add(&w, "a/large.txt", large + 100);
		add(&w, "a/1.jpg", JPEG);
		check(&w, told);
	}
	struct buf zip;
	buf_init(&zip, 1 << 20);
	add_zip_entry(&zip, 0, 0, "a/large.jpg", large);
	add_zip_entry(&zip, 0, 0, "a/large.txt", large + 100);
	add_zip_entry(&zip, 0, CRC_OF_JPEG, "a/1.jpg", JPEG);
	check_zip(&zip, told);
	untold_size = true;
	struct written w;
	begin(&w, "zip", NULL, NULL);
	add(&w, "a/large.jpg", large);
	add(&w, "a/1.jpg", JPEG);
	untold_size = false;
	end(&w);
	struct buf out;
	buf_init(&out, 1 << 20);
	read_all(w.bytes, w.len, 1000, 8192, &out);
	assert_non_null(memmem(out.data, out.len, "the entry has more than 1000 bytes;image/jpeg [a] a/1.jpg",
	                       57));
	buf_release(&out);
	free(w.bytes);
	limits.entry_bytes = 1000000;
}

static void too_many_entries_end_the_archive(void **state)
{
	(void)state;
	limits.entries = 2;
	for (size_t i = 0; i < 6; i++) {
		struct written w;
		begin(&w, kinds[i][0], kinds[i][1], NULL);
		add(&w, "a/1.txt", "1");
		add_typed(&w, "b", AE_IFDIR, NULL, NULL, 0);
		check(&w, "skip a/1.txt;end");
		begin(&w, kinds[i][0], kinds[i][1], NULL);
		add(&w, "a/1.txt", "1");
		add_typed(&w, "b", AE_IFDIR, NULL, NULL, 0);
		add(&w, "a/2.txt", "2");
		check(&w, "skip a/1.txt;error 7: the archive has more than 2 entries");
	}
	limits.entries = 1000;
}

static void bombs_are_noticed(void **state)
{
	(void)state;
	static const char zeros[1 << 20];
	for (size_t i = 3; i < 6; i++) {
		struct written w;
		begin(&w, kinds[i][0], kinds[i][1], NULL);
		for (int entry = 0; entry < 300; entry++)
			add_typed(&w, "a/zeros.txt", AE_IFREG, NULL, zeros, sizeof(zeros));
		end(&w);
		struct buf out;
		buf_init(&out, 1 << 20);
		read_all(w.bytes, w.len, 10000, 8192, &out);
		assert_non_null(strstr(buf_text(&out), "error 9: the archive grows too much"));
		buf_release(&out);
		free(w.bytes);
	}
}

static void zstd_that_needs_much_memory_is_refused(void **state)
{
	(void)state;
	/* A frame header that asks for a window of 128 MiB, as zstd --ultra -22 writes it. */
	static const char frame[] = "\x28\xb5\x2f\xfd\x04\x88 and what would follow it";
	struct buf out;
	buf_init(&out, 1 << 20);
	read_all(frame, sizeof(frame), 1000, 100, &out);
	assert_non_null(strstr(buf_text(&out), "error 9: the archive's zstd compression needs too much"));
	buf_release(&out);
}

static void broken_archives_are_errors(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "hello", JPEG, "Rar!\x1a\7\1", "7z\xbc\xaf\x27\x1c"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct buf out;
		buf_init(&out, 1 << 20);
		read_all(texts[i], strlen(texts[i]), 1000, 100, &out);
		assert_string_equal(buf_text(&out),
		                    "error 8: the body is no tar, tar.gz, tar.zst or zip archive");
		buf_release(&out);
	}
	char noise[30000];
	uint32_t seed = 1;
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)((seed = seed * 1664525 + 1013904223) >> 24);
	memcpy(noise, JPEG, strlen(JPEG));
	for (size_t i = 0; i < 6; i++) { /* cut in the middle of the second image */
		struct written w;
		begin(&w, kinds[i][0], kinds[i][1], NULL);
		add(&w, "a/1.jpg", JPEG);
		add_typed(&w, "a/2.jpg", AE_IFREG, NULL, noise, sizeof(noise));
		end(&w);
		struct buf out;
		buf_init(&out, 1 << 20);
		read_all(w.bytes, w.len - w.len / 3, 1000, 8192, &out);
		assert_non_null(memmem(out.data, out.len, "error 9: the archive is broken or truncated", 40));
		buf_release(&out);
		free(w.bytes);
	}
}

static ssize_t give_failure(void *data, void *bytes, size_t len, struct err *err)
{
	(void)data, (void)bytes, (void)len;
	return err_set(err, ERR_TOO_LARGE, "the body is too large");
}

static void a_failure_of_the_source_is_passed_on(void **state)
{
	(void)state;
	for (int apart = 0; apart < 2; apart++) {
		struct reading reading = open_reading(apart, give_failure, NULL);
		const struct archive_item *item;
		struct err err;
		assert_true(next_of(&reading, &item, &err));
		assert_int_equal(err.code, ERR_TOO_LARGE);
		assert_string_equal(err.text, "the body is too large");
		end_reading(&reading);
	}
}

/* --- threads --------------------------------------------------------------------------------------------- */

static void *read_in_thread(void *data)
{
	const struct written *w = data;
	struct buf *out = malloc(sizeof(*out));
	buf_init(out, 1 << 20);
	for (int i = 0; i < 50; i++) {
		buf_clear(out);
		read_by(false, w->bytes, w->len, 700, 100, out);
	}
	return out;
}

static void threads_read_names_side_by_side(void **state)
{
	(void)state;
	struct written w;
	begin(&w, "zip", NULL, NULL);
	add(&w, "k\xc3\xa4tzchen/\xe7\x8c\xab.jpg", JPEG);
	end(&w);
	pthread_t threads[8];
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_in_thread, &w), 0);
	for (int i = 0; i < 8; i++) {
		void *result;
		pthread_join(threads[i], &result);
		struct buf *out = result;
		assert_string_equal(buf_text(out), "image/jpeg [k\xc3\xa4tzchen] "
		                                   "k\xc3\xa4tzchen/\xe7\x8c\xab.jpg " JPEG ";end");
		buf_release(out);
		free(out);
	}
	free(w.bytes);
}

int main(void)
{
	skip_list.count = 1;
	skip_list.item[0] = skipped_folders[0];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(images_are_read_with_the_folder_as_label),
		cmocka_unit_test(what_is_hidden_or_listed_or_no_image_is_skipped),
		cmocka_unit_test(names_that_leave_the_archive_are_refused),
		cmocka_unit_test(symbolic_links_and_devices_are_refused),
		cmocka_unit_test(encrypted_entries_are_refused),
		cmocka_unit_test(damaged_zip_entries_do_not_end_the_archive),
		cmocka_unit_test(names_in_other_charsets_are_converted),
		cmocka_unit_test(long_names_are_read_or_refused),
		cmocka_unit_test(large_entries_are_refused_and_the_rest_is_read),
		cmocka_unit_test(too_many_entries_end_the_archive),
		cmocka_unit_test(bombs_are_noticed),
		cmocka_unit_test(zstd_that_needs_much_memory_is_refused),
		cmocka_unit_test(broken_archives_are_errors),
		cmocka_unit_test(a_failure_of_the_source_is_passed_on),
		cmocka_unit_test(threads_read_names_side_by_side),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
