/* The walk over JSON: events in order, errors with their line, files too large for memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/jsonstream.h"
#include "tempdir.h"

/* What was seen, as text; and at which word to refuse. */
struct seen {
	struct buf text;
	const char *refuse;
};

static int see(struct seen *seen, const char *what, const char *value, struct err *err)
{
	buf_printf(&seen->text, "%s%s ", what, value);
	if (seen->refuse && !strcmp(seen->refuse, value))
		return err_set(err, ERR_UNPROCESSABLE, "%s is not wanted", value);
	return 0;
}

static int on_start_object(void *context, struct err *err)
{
	return see(context, "{", "", err);
}

static int on_end_object(void *context, struct err *err)
{
	return see(context, "}", "", err);
}

static int on_start_array(void *context, struct err *err)
{
	return see(context, "[", "", err);
}

static int on_end_array(void *context, struct err *err)
{
	return see(context, "]", "", err);
}

static int on_key(void *context, const char *key, struct err *err)
{
	return see(context, "key:", key, err);
}

static int on_string(void *context, const char *value, struct err *err)
{
	return see(context, "string:", value, err);
}

static int on_number(void *context, const char *value, struct err *err)
{
	return see(context, "number:", value, err);
}

static int on_boolean(void *context, bool value, struct err *err)
{
	return see(context, "", value ? "true" : "false", err);
}

static int on_null(void *context, struct err *err)
{
	return see(context, "", "null", err);
}

static const struct json_events all = {
	.start_object = on_start_object,
	.end_object = on_end_object,
	.start_array = on_start_array,
	.end_array = on_end_array,
	.key = on_key,
	.string = on_string,
	.number = on_number,
	.boolean = on_boolean,
	.null = on_null,
};

static void events_come_in_order(void **state)
{
	(void)state;
	static const char text[] =
		"{\"a\\u00e9\": [1.50, -2e+3, \"s\\n\", true, false, null, {}], \"b\": []}";
	struct seen seen = { .refuse = NULL };
	struct err err;

	buf_init(&seen.text, 1000);
	assert_int_equal(json_walk("it", text, sizeof(text) - 1, 0, &all, &seen, &err), 0);
	assert_string_equal(buf_text(&seen.text),
			    "{ key:a\u00e9 [ number:1.50 number:-2e+3 string:s\n true false null { } ] "
			    "key:b [ ] } ");
	buf_release(&seen.text);
}

static void events_nobody_asked_for_are_passed_over(void **state)
{
	(void)state;
	static const struct json_events strings = { .string = on_string };
	static const char text[] = "{\"a\": [1, \"s\", true, null, {}], \"b\": \"t\"}";
	struct seen seen = { .refuse = NULL };

	buf_init(&seen.text, 1000);
	assert_int_equal(json_walk("it", text, sizeof(text) - 1, 0, &strings, &seen, NULL), 0);
	assert_string_equal(buf_text(&seen.text), "string:s string:t ");
	buf_release(&seen.text);
}

static void whoever_refuses_an_event_ends_the_walk(void **state)
{
	(void)state;
	static const char text[] = "{\n\"a\": [1,\n 2,\n 3],\n\"b\": \"s\", \"c\": true, \"d\": null}";
	static const struct {
		const char *refuse, *message;
	} at[] = {
		{ "2", "it: line 3: 2 is not wanted" },
		{ "a", "it: line 2: a is not wanted" },
		{ "s", "it: line 5: s is not wanted" },
		{ "true", "it: line 5: true is not wanted" },
		{ "null", "it: line 5: null is not wanted" },
	};

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		struct seen seen = { .refuse = at[i].refuse };
		struct err err = { 0 };

		buf_init(&seen.text, 1000);
		assert_true(json_walk("it", text, sizeof(text) - 1, 0, &all, &seen, &err));
		assert_string_equal(err.text, at[i].message);
		assert_int_equal(err.code, ERR_UNPROCESSABLE);
		size_t len = strlen(at[i].refuse);
		assert_memory_equal(buf_text(&seen.text) + seen.text.len - 1 - len, at[i].refuse, len);
		buf_release(&seen.text);
	}
}

static void a_key_given_twice_is_found_before_it_is_given(void **state)
{
	(void)state;
	static const char text[] = "{\"a\":1, \"a\":2}";
	struct seen seen = { .refuse = NULL };
	struct err err;

	buf_init(&seen.text, 1000);
	assert_true(json_walk("it", text, sizeof(text) - 1, 0, &all, &seen, &err));
	assert_string_equal(buf_text(&seen.text), "{ key:a number:1 ");
	assert_string_equal(err.text, "it: line 1, column 9: the key \"a\" is given twice");
	buf_release(&seen.text);
}

/* --- files --- */

static struct buf read_events(const char *name, struct err *err, bool fails)
{
	struct seen seen = { .refuse = NULL };

	buf_init(&seen.text, 64 * 1024 * 1024);
	int result = json_walk_file(temp(name), &all, &seen, err);
	if (!result == fails)
		fail_msg("%s: %d, %s", name, result, result ? err->text : "");
	return seen.text;
}

/* Something that is cut in every way when a piece of a file ends within it. */
static const char difficult[] =
	"{\"k\\ud83d\\ude00\xf0\x9f\x98\x80\": [-12.5e-3, true, \"\xe7\x8c\xab\\u00e9\\\\\"]}";

static void a_file_gives_the_same_wherever_its_pieces_end(void **state)
{
	(void)state;
	enum { PIECE = 64 * 1024 };
	struct err err;

	for (size_t shift = 0; shift < sizeof(difficult); shift++) {
		struct buf text, events;

		buf_init(&text, 2 * PIECE);
		while (text.len < PIECE - shift)
			buf_char(&text, ' ');
		buf_str(&text, difficult);
		temp_bytes("pieces.json", buf_text(&text), text.len);
		buf_release(&text);
		events = read_events("pieces.json", &err, false);
		assert_string_equal(buf_text(&events), "{ key:k\U0001F600\U0001F600 [ number:-12.5e-3 true "
						       "string:\u732b\u00e9\\ ] } ");
		buf_release(&events);
	}
}

static void errors_in_a_file_name_the_line_behind_many_pieces(void **state)
{
	(void)state;
	struct buf text, events;
	struct err err;
	char expected[PATH_MAX + 100];

	buf_init(&text, 1024 * 1024);
	buf_str(&text, "[\n");
	for (int i = 0; i < 30000; i++)
		buf_printf(&text, "\"%d\",\n", i);
	size_t good = text.len;
	static const struct {
		const char *tail, *message;
	} tails[] = {
		{ "x]", " is not JSON: line 30002, column 1: this character is not expected here" },
		{ "  \"\xff\"]", ": line 30002, column 4: invalid UTF-8" },
		{ "1\n", " is not JSON: line 30003, column 1: the text ends too early" },
		{ "{\"a\":1,\n\"a\":2}]", ": line 30003, column 1: the key \"a\" is given twice" },
		{ "\"\\ud800", " is not JSON: line 30002, column 8: the text ends too early" },
		{ "\"\xe7\x8c", ": line 30002, column 3: invalid UTF-8" },
	};
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		text.len = good;
		buf_str(&text, tails[i].tail);
		temp_bytes("wrong.json", buf_text(&text), text.len);
		events = read_events("wrong.json", &err, true);
		snprintf(expected, sizeof(expected), "%s%s", temp("wrong.json"), tails[i].message);
		assert_string_equal(err.text, expected);
		buf_release(&events);
	}
	buf_release(&text);
}

static void an_empty_file_is_empty(void **state)
{
	(void)state;
	struct err err;
	struct buf spaces, events;

	temp_text("empty.json", "");
	events = read_events("empty.json", &err, true);
	assert_non_null(strstr(err.text, "empty.json is empty"));
	buf_release(&events);
	buf_init(&spaces, 1000 * 1000);
	while (spaces.len < 500 * 1000)
		buf_str(&spaces, " \n\t\r");
	temp_bytes("spaces.json", buf_text(&spaces), spaces.len);
	events = read_events("spaces.json", &err, true);
	assert_non_null(strstr(err.text, "spaces.json is empty"));
	buf_release(&events);
	buf_release(&spaces);
}

static void an_absent_file_is_not_found(void **state)
{
	(void)state;
	struct err err;
	struct buf events = read_events("absent.json", &err, true);

	assert_int_equal(err.code, ERR_NOT_FOUND);
	buf_release(&events);
}

static void a_string_without_end_is_refused(void **state)
{
	(void)state;
	struct buf text, events;
	struct err err;

	buf_init(&text, 4 * 1024 * 1024);
	buf_str(&text, "[\"");
	while (text.len < 3 * JSON_TOKEN_MAX)
		buf_str(&text, "0123456789abcdef");
	temp_bytes("endless.json", buf_text(&text), text.len);
	events = read_events("endless.json", &err, true);
	assert_non_null(strstr(err.text, "no value ends within 1 MiB"));
	buf_release(&events);
	buf_release(&text);
}

/* --- a large seed --- */

/* A sanitizer keeps freed memory for a while, so there the peak says nothing. */
#if defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static int count_key(void *context, const char *key, struct err *err)
{
	(void)err;
	*(size_t *)context += !strcmp(key, "filepath");
	return 0;
}

static void a_large_file_is_walked_without_holding_it(void **state)
{
	(void)state;
	enum { SAMPLES = 300 * 1000 };
	static const struct json_events events = { .key = count_key };
	struct rusage before, after;
	size_t count = 0;
	struct err err;
	FILE *file = fopen(temp("seed.json"), "we");

	assert_non_null(file);
	fputs("{\"dataset_name\":\"large\",\"labels\":[\"a\"],\"base_dir\":\"/x\",\"samples\":[\n", file);
	for (int i = 0; i < SAMPLES; i++)
		fprintf(file, "{\"filepath\":\"some/folder/image-%d.png\",\"label\":\"\"}%s\n", i,
			i < SAMPLES - 1 ? "," : "");
	fputs("]}\n", file);
	fclose(file);
	getrusage(RUSAGE_SELF, &before);
	assert_int_equal(json_walk_file(temp("seed.json"), &events, &count, &err), 0);
	getrusage(RUSAGE_SELF, &after);
	assert_int_equal(count, SAMPLES);
	if (!SANITIZED)
		assert_in_range(after.ru_maxrss - before.ru_maxrss, 0, 4 * 1024); /* KiB, of 16 MiB */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First, before others raise the peak of memory. */
		TEMPDIR_TEST(a_large_file_is_walked_without_holding_it),
		cmocka_unit_test(events_come_in_order),
		cmocka_unit_test(events_nobody_asked_for_are_passed_over),
		cmocka_unit_test(whoever_refuses_an_event_ends_the_walk),
		cmocka_unit_test(a_key_given_twice_is_found_before_it_is_given),
		TEMPDIR_TEST(a_file_gives_the_same_wherever_its_pieces_end),
		TEMPDIR_TEST(errors_in_a_file_name_the_line_behind_many_pieces),
		TEMPDIR_TEST(an_empty_file_is_empty),
		TEMPDIR_TEST(an_absent_file_is_not_found),
		TEMPDIR_TEST(a_string_without_end_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
