/* Text from outside: numbers, UTF-8, percent-encoding, times and names at the edges of what is allowed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- numbers --- */

static void whole_numbers_are_parsed(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t value;
	} good[] = {
		{ "0", 0 },
		{ "-0", 0 },
		{ "007", 7 },
		{ "42", 42 },
		{ "-42", -42 },
		{ "9223372036854775807", INT64_MAX },
		{ "-9223372036854775808", INT64_MIN },
	};

	for (size_t i = 0; i < COUNT(good); i++) {
		int64_t value = 99;
		if (text_int64(good[i].text, INT64_MIN, INT64_MAX, &value))
			fail_msg("%s is refused", good[i].text);
		assert_int_equal(value, good[i].value);
	}
}

static void what_is_not_wholly_a_number_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "-", "+1", " 1", "1 ", "1.0", "1e3", "0x10", "--1", "1-", "one", "9223372036854775808",
		"-9223372036854775809", "99999999999999999999999999", "\xd9\xa1", /* an Arabic digit */
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		int64_t value = 99;
		if (!text_int64(bad[i], INT64_MIN, INT64_MAX, &value))
			fail_msg("\"%s\" is taken", bad[i]);
		assert_int_equal(value, 99);
	}
}

static void bounds_belong_to_the_range(void **state)
{
	(void)state;
	int64_t value;

	assert_int_equal(text_int64("1", 1, 5, &value), 0);
	assert_int_equal(text_int64("5", 1, 5, &value), 0);
	assert_true(text_int64("0", 1, 5, &value));
	assert_true(text_int64("6", 1, 5, &value));
}

/* --- UTF-8 --- */

static void utf8_is_that_of_rfc_3629(void **state)
{
	(void)state;
	static const char *const good[] = {
		"", "plain", "caf\xc3\xa9", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
		"\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
	};
	static const char *const bad[] = {
		"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3x", "\xe0\x9f\xbf", "\xe0\xa0",
		"\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80", "\xff", "eight ascii bytes and then \xff", "\xe7\x8c\xab\xe7\x8c",
	};

	for (size_t i = 0; i < COUNT(good); i++)
		if (!text_utf8_valid(good[i], strlen(good[i])))
			fail_msg("good text %zu is refused", i);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (text_utf8_valid(bad[i], strlen(bad[i])))
			fail_msg("bad text %zu is taken", i);
	assert_true(text_utf8_valid("a\0b", 3));
}

static void the_good_start_of_a_text_is_measured(void **state)
{
	(void)state;
	static const char text[] = "0123456789 \xe7\x8c\xab\xff rest";

	for (size_t wrong = 0; wrong < 40; wrong++) {
		char bytes[40];
		memset(bytes, 'x', sizeof(bytes));
		bytes[wrong] = (char)0x80;
		assert_int_equal(text_utf8_span(bytes, sizeof(bytes)), wrong);
	}
	assert_int_equal(text_utf8_span(text, sizeof(text) - 1), 14);
	assert_int_equal(text_utf8_span(text, 14), 14);
	assert_int_equal(text_utf8_span(text, 13), 11); /* no half characters */
	assert_int_equal(text_utf8_span("", 0), 0);
}

static void control_characters_are_seen(void **state)
{
	(void)state;
	assert_true(text_has_control("a\nb"));
	assert_true(text_has_control("\x01"));
	assert_true(text_has_control("\x1f"));
	assert_true(text_has_control("\x7f"));
	assert_false(text_has_control(""));
	assert_false(text_has_control("a b~ caf\xc3\xa9"));
}

/* --- percent-encoding --- */

static void percent_escapes_are_decoded(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool plus;
		const char *decoded;
	} good[] = {
		{ "", false, "" },
		{ "plain", false, "plain" },
		{ "a%20b", false, "a b" },
		{ "a+b", false, "a+b" },
		{ "a+b", true, "a b" },
		{ "a%2Bb", true, "a+b" },
		{ "a%2fb", false, "a/b" },
		{ "%E7%8C%AB%e7%8c%ab", false, "\xe7\x8c\xab\xe7\x8c\xab" },
		{ "%2520", false, "%20" },
		{ "%0a", false, "\n" },
		{ "\xe7\x8c\xab", false, "\xe7\x8c\xab" },
	};
	struct buf out;

	buf_init(&out, 100);
	for (size_t i = 0; i < COUNT(good); i++) {
		const char *text = good[i].text;
		assert_int_equal(text_percent_decode(text, strlen(text), good[i].plus, &out), 0);
		assert_string_equal(buf_text(&out), good[i].decoded);
	}
	buf_release(&out);
}

static void broken_escapes_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"%", "%2", "a%", "%2g", "%g2", "%%20", "% 20", "%00", "a%00b", "%ff", "%C3", "\xff",
		"%ED%A0%80",
	};
	struct buf out;

	buf_init(&out, 100);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (!text_percent_decode(bad[i], strlen(bad[i]), false, &out))
			fail_msg("\"%s\" is taken", bad[i]);
	assert_true(text_percent_decode("a\0b", 3, false, &out));
	/* The digit beyond len is not the escape's. */
	assert_true(text_percent_decode("%41", 2, false, &out));
	buf_release(&out);
}

static void decoding_heeds_the_ceiling(void **state)
{
	(void)state;
	struct buf out;

	buf_init(&out, 3);
	assert_true(text_percent_decode("abcd", 4, false, &out));
	assert_int_equal(text_percent_decode("%61bc", 5, false, &out), 0);
	buf_release(&out);
}

static void paths_are_encoded(void **state)
{
	(void)state;
	struct buf out;

	buf_init(&out, 100);
	text_percent_encode("/a b/c%d#e?f\"g'h/~-_.\xe7\x8c\xab+&\n", &out);
	assert_string_equal(buf_text(&out), "/a%20b/c%25d%23e%3Ff%22g%27h/~-_.%E7%8C%AB%2B%26%0A");
	buf_clear(&out);
	text_percent_encode_segment("a/b c", &out);
	assert_string_equal(buf_text(&out), "a%2Fb%20c");
	buf_release(&out);
}

static void every_byte_comes_back(void **state)
{
	(void)state;
	struct buf encoded, decoded;

	buf_init(&encoded, 100);
	buf_init(&decoded, 100);
	for (int byte = 1; byte < 0x80; byte++) {
		char text[] = { 'a', (char)byte, 'b', '\0' };

		buf_clear(&encoded);
		text_percent_encode_segment(text, &encoded);
		assert_int_equal(text_percent_decode(buf_text(&encoded), encoded.len, true, &decoded), 0);
		assert_string_equal(buf_text(&decoded), text);
	}
	buf_release(&encoded);
	buf_release(&decoded);
}

/* --- times --- */

static void times_are_rfc_3339_in_utc(void **state)
{
	(void)state;
	char out[TEXT_TIME_MAX];

	assert_string_equal(text_time(0, out), "1970-01-01T00:00:00.000Z");
	assert_string_equal(text_time(INT64_C(1769862896789000), out), "2026-01-31T12:34:56.789Z");
	assert_string_equal(text_time(999, out), "1970-01-01T00:00:00.000Z");
	assert_string_equal(text_time(-1, out), "1969-12-31T23:59:59.999Z");
	assert_string_equal(text_time(-1000000, out), "1969-12-31T23:59:59.000Z");
	/* The ends of int64 fit, too. */
	assert_string_equal(text_time(INT64_MAX, out), "294247-01-10T04:00:54.775Z");
	assert_string_equal(text_time(INT64_MIN, out), "-290308-12-21T19:59:05.224Z");
}

static void times_are_parsed_at_any_offset(void **state)
{
	(void)state;
	static const struct {
		const char *text, *utc;
	} good[] = {
		{ "2026-01-31T12:34:56Z", "2026-01-31T12:34:56.000Z" },
		{ "2026-01-31t12:34:56z", "2026-01-31T12:34:56.000Z" },
		{ "2026-01-31 12:34:56.5Z", "2026-01-31T12:34:56.500Z" },
		{ "2026-01-31T12:34:56.789999999Z", "2026-01-31T12:34:56.789Z" },
		{ "2026-01-31T12:34:56+02:00", "2026-01-31T10:34:56.000Z" },
		{ "2026-01-31T23:34:56-05:30", "2026-02-01T05:04:56.000Z" },
		{ "2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z" },
		{ "2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000Z" },
		{ "1969-12-31T23:59:59.9Z", "1969-12-31T23:59:59.900Z" },
		{ "0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z" },
		{ "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z" },
		{ "2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z" }, /* a leap second */
		{ "2016-12-31T18:59:60-05:00", "2017-01-01T00:00:00.000Z" },
	};

	for (size_t i = 0; i < COUNT(good); i++) {
		char out[TEXT_TIME_MAX];
		int64_t at;

		if (text_time_parse(good[i].text, &at))
			fail_msg("%s is refused", good[i].text);
		assert_string_equal(text_time(at, out), good[i].utc);
	}
}

static void what_is_no_time_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "now", "2026", "2026-01-31", "2026-01-31T12:34Z", "2026-01-31T12:34:56",
		"2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-00T00:00:00Z",
		"2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z", "2026-01-31T12:34:60Z",
		"2026-01-31T12:34:61Z", "2026-01-31T12:34:56.Z", "2026-01-31T12:34:56+2:00",
		"2026-01-31T12:34:56+24:00", "2026-01-31T12:34:56+02:60", "2026-01-31T12:34:56+0200",
		"2026-01-31T12:34:56Zx", " 2026-01-31T12:34:56Z", "2026-1-31T12:34:56Z",
		"+026-01-31T12:34:56Z", "2026/01/31T12:34:56Z", "2026-01-31T12:34:56,5Z",
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		int64_t at;
		if (!text_time_parse(bad[i], &at))
			fail_msg("\"%s\" is taken", bad[i]);
	}
}

static void a_time_written_is_read_back(void **state)
{
	(void)state;
	static const int64_t end = INT64_C(9000000000000000), step = INT64_C(86399123000000);

	for (int64_t at = -end; at < end; at += step) {
		char out[TEXT_TIME_MAX];
		int64_t again;

		assert_int_equal(text_time_parse(text_time(at, out), &again), 0);
		assert_int_equal(again, at);
	}
}

static void now_is_the_clock(void **state)
{
	(void)state;
	int64_t before = (int64_t)time(NULL) * 1000000;
	int64_t now = text_now();

	assert_true(now >= before);
	assert_true(now <= ((int64_t)time(NULL) + 1) * 1000000);
}

/* --- names --- */

/* A text of len bytes. */
static const char *text_of(size_t len)
{
	static char text[8192];

	memset(text, 'x', len);
	text[len] = '\0';
	return text;
}

typedef int name_check(const char *text, struct err *err);

static void assert_good(name_check *check, const char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct err err;
		if (check(texts[i], &err))
			fail_msg("\"%s\": %s", texts[i], err.text);
	}
}

static void assert_bad(name_check *check, const char *text, const char *message)
{
	struct err err = { 0 };

	assert_true(check(text, &err));
	assert_int_equal(err.code, ERR_BAD_REQUEST);
	assert_string_equal(err.text, message);
}

static void dataset_names_never_leave_their_folder(void **state)
{
	(void)state;
	static const char *const good[] = {
		"a", "NAMEDB", "my cats", "\xe7\x8c\xab", "a.b", "-x", "a\\b", "a%b",
	};

	assert_good(text_check_dataset_name, good, COUNT(good));
	assert_int_equal(text_check_dataset_name(text_of(TEXT_DATASET_NAME_MAX), NULL), 0);
	assert_bad(text_check_dataset_name, "", "the dataset's name is empty");
	assert_bad(text_check_dataset_name, text_of(TEXT_DATASET_NAME_MAX + 1),
		   "the dataset's name is longer than 128 bytes");
	assert_bad(text_check_dataset_name, ".", "the dataset's name starts with '.'");
	assert_bad(text_check_dataset_name, "..", "the dataset's name starts with '.'");
	assert_bad(text_check_dataset_name, ".hidden", "the dataset's name starts with '.'");
	assert_bad(text_check_dataset_name, "a/b", "the dataset's name holds a '/'");
	assert_bad(text_check_dataset_name, "a\nb", "the dataset's name holds a control character");
	assert_bad(text_check_dataset_name, "a\xff", "the dataset's name is not valid UTF-8");
}

static void user_names_suit_basic_auth_and_files(void **state)
{
	(void)state;
	static const char *const good[] = { "ann", "a.b-c_d@example.org", "0", "A", "_x", "@x" };
	static const char *const bad[] = { "a:b", "a b", "a/b", "\xc3\xa9", "a\n", "a\"b", "a$b" };

	assert_good(text_check_user_name, good, COUNT(good));
	assert_int_equal(text_check_user_name(text_of(TEXT_USER_NAME_MAX), NULL), 0);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_bad(text_check_user_name, bad[i],
			   "the user's name may hold only letters, digits and . _ @ -");
	assert_bad(text_check_user_name, "", "the user's name is empty");
	assert_bad(text_check_user_name, text_of(TEXT_USER_NAME_MAX + 1),
		   "the user's name is longer than 64 bytes");
	assert_bad(text_check_user_name, ".a", "the user's name starts with '.'");
	assert_bad(text_check_user_name, "-a", "the user's name starts with '-'");
}

static void labels_are_any_printable_text(void **state)
{
	(void)state;
	static const char *const good[] = { "cat", "../cat", "<b>", "\xe7\x8c\xab", " ", "=1+1" };

	assert_good(text_check_label, good, COUNT(good));
	assert_int_equal(text_check_label(text_of(TEXT_LABEL_MAX), NULL), 0);
	assert_bad(text_check_label, "", "the label is empty");
	assert_bad(text_check_label, text_of(TEXT_LABEL_MAX + 1), "the label is longer than 256 bytes");
	assert_bad(text_check_label, "a\tb", "the label holds a control character");
	assert_bad(text_check_label, "\xed\xa0\x80", "the label is not valid UTF-8");
}

static void filepaths_are_what_disks_have(void **state)
{
	(void)state;
	static const char *const good[] = {
		"a.png", "sub/a b#?%.png", "../a", "/a", "new\nline", "\xe7\x8c\xab",
	};

	assert_good(text_check_filepath, good, COUNT(good));
	assert_int_equal(text_check_filepath(text_of(TEXT_FILEPATH_MAX), NULL), 0);
	assert_bad(text_check_filepath, "", "the filepath is empty");
	assert_bad(text_check_filepath, text_of(TEXT_FILEPATH_MAX + 1),
		   "the filepath is longer than 4096 bytes");
	assert_bad(text_check_filepath, "a\xff", "the filepath is not valid UTF-8");
}

/* --- the nearest --- */

static void the_nearest_word_is_found(void **state)
{
	(void)state;
	static const char *const words[] = { "json_bytes", "file_bytes", "lease_seconds", "dir" };

	assert_string_equal(text_nearest("json_byte", words, COUNT(words)), "json_bytes");
	assert_string_equal(text_nearest("jsonbytes", words, COUNT(words)), "json_bytes");
	assert_string_equal(text_nearest("lease_secs", words, COUNT(words)), "lease_seconds");
	assert_string_equal(text_nearest("dirs", words, COUNT(words)), "dir");
	assert_null(text_nearest("dri", words, COUNT(words))); /* two edits of three are no near miss */
}

static void nothing_is_near_what_is_far_from_all(void **state)
{
	(void)state;
	static const char *const words[] = { "json_bytes", "abcd" };

	assert_null(text_nearest("zzzzzz", words, COUNT(words)));
	assert_null(text_nearest("", words, COUNT(words)));
	assert_null(text_nearest("abcd", words, 0));
	assert_non_null(text_nearest("abxx", words, COUNT(words))); /* half is near */
	assert_null(text_nearest("axxx", words, COUNT(words)));
}

static void very_long_words_are_near_nothing(void **state)
{
	(void)state;
	char longest[TEXT_NEAREST_MAX + 1], longer[TEXT_NEAREST_MAX + 2];
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	const char *words[] = { longer, longest };

	assert_ptr_equal(text_nearest(longest, words, 2), longest);
	assert_null(text_nearest(longer, words, 2));
	assert_null(text_nearest(longest, words, 1));
}

static void a_file_lies_in_the_last_folder(void **state)
{
	(void)state;
	static const char *const paths[][2] = {
		{ "cat.png", "" }, { "cats/1.png", "cats" }, { "a/b c/1.png", "b c" }, { "/1.png", "" }, { "a/", "a" },
	};

	for (size_t i = 0; i < COUNT(paths); i++) {
		size_t len;
		const char *folder = text_folder(paths[i][0], &len);
		assert_int_equal(len, strlen(paths[i][1]));
		assert_memory_equal(folder, paths[i][1], len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_numbers_are_parsed),
		cmocka_unit_test(what_is_not_wholly_a_number_is_refused),
		cmocka_unit_test(bounds_belong_to_the_range),
		cmocka_unit_test(utf8_is_that_of_rfc_3629),
		cmocka_unit_test(the_good_start_of_a_text_is_measured),
		cmocka_unit_test(control_characters_are_seen),
		cmocka_unit_test(percent_escapes_are_decoded),
		cmocka_unit_test(broken_escapes_are_refused),
		cmocka_unit_test(decoding_heeds_the_ceiling),
		cmocka_unit_test(paths_are_encoded),
		cmocka_unit_test(every_byte_comes_back),
		cmocka_unit_test(times_are_rfc_3339_in_utc),
		cmocka_unit_test(times_are_parsed_at_any_offset),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(a_time_written_is_read_back),
		cmocka_unit_test(now_is_the_clock),
		cmocka_unit_test(dataset_names_never_leave_their_folder),
		cmocka_unit_test(user_names_suit_basic_auth_and_files),
		cmocka_unit_test(labels_are_any_printable_text),
		cmocka_unit_test(filepaths_are_what_disks_have),
		cmocka_unit_test(the_nearest_word_is_found),
		cmocka_unit_test(nothing_is_near_what_is_far_from_all),
		cmocka_unit_test(very_long_words_are_near_nothing),
		cmocka_unit_test(a_file_lies_in_the_last_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
