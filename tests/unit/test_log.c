/* Log lines: each is one JSON object and one write, whatever its values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

enum { LINE_MAX_BYTES = 4096 };

/* Standard error is a datagram socket while a test runs: each write is a datagram of its own. */
static int saved_stderr, lines;

static int catch_stderr(void **state)
{
	(void)state;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
	saved_stderr = dup(STDERR_FILENO);
	assert_true(dup2(pair[1], STDERR_FILENO) >= 0);
	close(pair[1]);
	lines = pair[0];
	log_init("test", LOG_INFO);
	log_request(NULL, NULL);
	return 0;
}

static int give_stderr_back(void **state)
{
	(void)state;
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(lines);
	return 0;
}

/* The next line as it was written; NULL when there is none. */
static const char *next_line(void)
{
	static char line[2 * LINE_MAX_BYTES];
	ssize_t len = recv(lines, line, sizeof(line) - 1, MSG_DONTWAIT);

	if (len < 0)
		return NULL;
	line[len] = '\0';
	return line;
}

/* The next line, which must be one JSON object on one line. */
static cJSON *next(void)
{
	const char *line = next_line();
	struct err err;

	assert_non_null(line);
	size_t len = strlen(line);
	assert_true(len <= LINE_MAX_BYTES);
	assert_ptr_equal(strchr(line, '\n'), line + len - 1);
	cJSON *tree = json_parse_object(line, len, &err);
	if (!tree)
		fail_msg("%s: %s", err.text, line);
	return tree;
}

static const char *field(const cJSON *tree, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, key));
}

static void a_line_says_when_who_and_what(void **state)
{
	(void)state;
	int64_t before = text_now() / 1000 * 1000, at;

	log_write(LOG_WARN, "label kept", "dataset", "cats", "label", "tom", NULL);
	cJSON *line = next();
	assert_int_equal(text_time_parse(field(line, "time"), &at), 0);
	assert_true(before <= at && at <= text_now());
	assert_string_equal(field(line, "level"), "warn");
	assert_string_equal(field(line, "program"), "test");
	assert_string_equal(field(line, "message"), "label kept");
	assert_string_equal(field(line, "dataset"), "cats");
	assert_string_equal(field(line, "label"), "tom");
	assert_null(cJSON_GetObjectItem(line, "request_id"));
	assert_null(cJSON_GetObjectItem(line, "cut"));
	cJSON_Delete(line);
	assert_null(next_line());
}

static void a_missing_value_is_null(void **state)
{
	(void)state;
	log_write(LOG_INFO, "none", "user", NULL, "next", "there", NULL);
	cJSON *line = next();
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(line, "user")));
	assert_string_equal(field(line, "next"), "there");
	cJSON_Delete(line);
}

static void lines_above_the_level_are_dropped(void **state)
{
	(void)state;
	log_write(LOG_DEBUG, "too much", NULL);
	assert_null(next_line());
	log_init("test", LOG_ERROR);
	log_write(LOG_WARN, "too much", NULL);
	assert_null(next_line());
	log_write(LOG_ERROR, "enough", NULL);
	cJSON_Delete(next());
}

static void no_control_character_reaches_a_terminal(void **state)
{
	(void)state;
	char all[0x21];

	for (int c = 1; c < 0x20; c++)
		all[c - 1] = (char)c;
	memcpy(all + 0x1f, "\x7f", 2);
	log_write(LOG_INFO, all, all, all, NULL);
	const char *line = next_line();
	assert_non_null(line);
	for (; *line != '\n'; line++)
		assert_true((unsigned char)*line >= 0x20 && *line != 0x7f);
	assert_string_equal(line, "\n");
}

static void bytes_from_outside_stay_inside_their_value(void **state)
{
	(void)state;
	log_write(LOG_INFO, "hostile", "v", "\"}\n{\"level\":\"error\"\\ \x01\x7f\t", NULL);
	cJSON *line = next();
	assert_string_equal(field(line, "v"), "\"}\n{\"level\":\"error\"\\ \x01\x7f\t");
	assert_string_equal(field(line, "level"), "info");
	cJSON_Delete(line);
}

static void what_is_not_utf8_is_replaced(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {
		{ "caf\xc3\xa9 \xe7\x8c\xab \xf0\x9f\x90\x88", "café 猫 🐈" },
		{ "a\xff" "b", "a\uFFFDb" },
		{ "\xc3", "\uFFFD" },
		{ "\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD" },
		{ "\xc0\xaf", "\uFFFD\uFFFD" },
		{ "\xf0\x9f\x90" "x", "\uFFFD\uFFFD\uFFFDx" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		log_write(LOG_INFO, "bytes", "v", pairs[i][0], NULL);
		cJSON *line = next();
		assert_string_equal(field(line, "v"), pairs[i][1]);
		cJSON_Delete(line);
	}
}

static void a_long_value_is_cut_and_spares_the_others(void **state)
{
	(void)state;
	char value[10000];

	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	log_write(LOG_INFO, "long", "first", value, "second", "whole", NULL);
	cJSON *line = next();
	const char *first = field(line, "first");
	assert_in_range(strlen(first), 1000, 1024);
	assert_string_equal(first + strlen(first) - strlen("…"), "…");
	assert_string_equal(field(line, "second"), "whole");
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(line, "cut")));
	cJSON_Delete(line);
}

static void values_that_grow_when_escaped_fit_too(void **state)
{
	(void)state;
	char value[1000];

	memset(value, 1, sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (size_t start = 0; start < 40; start++) {
		log_write(LOG_INFO, value + start, "a", value, "b", value, "c", value, "d", value, NULL);
		cJSON *line = next();
		assert_true(cJSON_IsTrue(cJSON_GetObjectItem(line, "cut")));
		cJSON_Delete(line);
	}
}

static void fields_that_do_not_fit_are_left_out_whole(void **state)
{
	(void)state;
	char value[901];

	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (size_t len = 0; len < sizeof(value); len++) {
		value[len] = '\0';
		log_write(LOG_INFO, "many", "a", value, "b", value, "c", value, "d", value, "e", value, NULL);
		value[len] = 'x';
		cJSON_Delete(next());
	}
}

static void the_request_id_is_on_each_line(void **state)
{
	(void)state;
	char id[100];

	log_request("abc\"", NULL);
	log_write(LOG_INFO, "one", NULL);
	cJSON *line = next();
	assert_string_equal(field(line, "request_id"), "abc\"");
	assert_null(field(line, "traceparent"));
	cJSON_Delete(line);

	memset(id, 'i', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	log_request(id, id);
	log_write(LOG_INFO, "two", NULL);
	line = next();
	assert_int_equal(strlen(field(line, "request_id")), 64);
	assert_int_equal(strlen(field(line, "traceparent")), 55);
	cJSON_Delete(line);
}

static void *log_elsewhere(void *request)
{
	if (request)
		log_request_resume(request);
	log_write(LOG_INFO, "elsewhere", NULL);
	return NULL;
}

static void the_request_is_the_threads_own_unless_it_is_resumed(void **state)
{
	(void)state;
	struct log_request mine;
	pthread_t thread;

	log_request("mine", "00-a-b-01");
	assert_int_equal(pthread_create(&thread, NULL, log_elsewhere, NULL), 0);
	pthread_join(thread, NULL);
	cJSON *line = next();
	assert_null(field(line, "request_id"));
	assert_null(field(line, "traceparent"));
	cJSON_Delete(line);

	mine = log_request_now();
	assert_int_equal(pthread_create(&thread, NULL, log_elsewhere, &mine), 0);
	pthread_join(thread, NULL);
	line = next();
	assert_string_equal(field(line, "request_id"), "mine");
	assert_string_equal(field(line, "traceparent"), "00-a-b-01");
	cJSON_Delete(line);
}

static void errno_is_kept(void **state)
{
	(void)state;
	close(STDERR_FILENO);
	errno = ENOENT;
	log_write(LOG_INFO, "to nowhere", NULL);
	assert_int_equal(errno, ENOENT);
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, catch_stderr, give_stderr_back)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOG_TEST(a_line_says_when_who_and_what),
		LOG_TEST(a_missing_value_is_null),
		LOG_TEST(lines_above_the_level_are_dropped),
		LOG_TEST(no_control_character_reaches_a_terminal),
		LOG_TEST(bytes_from_outside_stay_inside_their_value),
		LOG_TEST(what_is_not_utf8_is_replaced),
		LOG_TEST(a_long_value_is_cut_and_spares_the_others),
		LOG_TEST(values_that_grow_when_escaped_fit_too),
		LOG_TEST(fields_that_do_not_fit_are_left_out_whole),
		LOG_TEST(the_request_id_is_on_each_line),
		LOG_TEST(the_request_is_the_threads_own_unless_it_is_resumed),
		LOG_TEST(errno_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
