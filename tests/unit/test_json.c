/* JSON from outside: all but exactly one well-formed, bounded value is refused with words that help. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "tempdir.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- what is refused --- */

static void assert_refused_bytes(const char *bytes, size_t len, const char *message)
{
	struct err err = { 0 };
	/* A copy without a NUL behind it, so that reading past the end is seen. */
	char *exact = malloc(len ? len : 1);

	assert_non_null(exact);
	memcpy(exact, bytes, len);
	cJSON *tree = json_parse_object(exact, len, &err);
	free(exact);
	if (tree)
		fail_msg("\"%.80s\" is taken", bytes);
	assert_int_equal(err.code, ERR_BAD_REQUEST);
	assert_string_equal(err.text, message);
}

static void assert_refused(const char *text, const char *message)
{
	assert_refused_bytes(text, strlen(text), message);
}

static const char no_object[] = "request body must be a JSON object: {…}";

/* Whether it is JSON that is taken, whatever its top is. */
static bool is_json(const char *bytes, size_t len, struct err *err)
{
	memset(err, 0, sizeof(*err));
	cJSON *tree = json_parse_object(bytes, len, err);
	bool taken = tree || !strcmp(err->text, no_object);
	cJSON_Delete(tree);
	return taken;
}

static void nothing_is_empty(void **state)
{
	(void)state;
	assert_refused("", "request body is empty");
	assert_refused(" \t\r\n", "request body is empty");
}

static void syntax_errors_name_line_and_column(void **state)
{
	(void)state;
	static const struct {
		const char *text, *message;
	} wrong[] = {
		{ "nonsense", "line 1, column 1: this is not expected here" },
		{ "<html>", "line 1, column 1: this character is not expected here" },
		{ "{\"a\":1,\n \"b\":[1,2\n  \"c\":2}",
		  "line 3, column 5: expected ',' or ']' after a value in an array" },
		{ "{\"a\":1 \"b\":2}", "line 1, column 9: expected ',' or '}' after a value in an object" },
		{ "{\"a\" 1}", "line 1, column 6: a key must be followed by ':'" },
		{ "{\"a\":1,}", "line 1, column 8: a key must be a string in double quotes" },
		{ "{a:1}", "line 1, column 2: this character is not expected here" },
		{ "{'a':1}", "line 1, column 2: this character is not expected here" },
		{ "[1,]", "line 1, column 4: this is not expected here" },
		{ "[1,\n\xe7\x8c\xab]", "line 2, column 1: this character is not expected here" },
		{ "[\"\xe7\x8c\xab\", x]", "line 1, column 7: this character is not expected here" },
		{ "[01]", "line 1, column 3: expected ',' or ']' after a value in an array" },
		{ "[1.]", "line 1, column 3: a digit is missing in a number" },
		{ "[-]", "line 1, column 2: a digit is missing in a number" },
		{ "[.5]", "line 1, column 2: this character is not expected here" },
		{ "[+1]", "line 1, column 2: this character is not expected here" },
		{ "[NaN]", "line 1, column 2: this character is not expected here" },
		{ "[\"a\nb\"]", "line 1, column 3: a control character in a string must be escaped" },
		{ "[\"\\x41\"]", "line 1, column 3: a '\\' before a character that it can't escape" },
		{ "[\"\\u00g0\"]", "line 1, column 6: '\\u' must be followed by four hex digits" },
		{ "/* no */ {}", "line 1, column 1: JSON has no comments" },
		{ "]", "line 1, column 1: this is not expected here" },
	};

	for (size_t i = 0; i < COUNT(wrong); i++) {
		char message[ERR_TEXT_MAX];
		snprintf(message, sizeof(message), "request body is not JSON: %s", wrong[i].message);
		assert_refused(wrong[i].text, message);
	}
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	static const char whole[] =
		"{\"a\": [1.5e3, true, null, \"\\u00e9\\ud83d\\ude00 \xe7\x8c\xab\"], \"b\": {}}";

	for (size_t len = 1; len < sizeof(whole) - 1; len++) {
		struct err err = { 0 };
		char *exact = malloc(len);

		assert_non_null(exact);
		memcpy(exact, whole, len);
		assert_false(is_json(exact, len, &err));
		assert_int_equal(err.code, ERR_BAD_REQUEST);
		free(exact);
	}
	assert_refused("{\"a\":1", "request body is not JSON: line 1, column 7: the text ends too early");
	assert_refused("[1,\n2", "request body is not JSON: line 2, column 2: the text ends too early");
}

static void nothing_may_follow_the_value(void **state)
{
	(void)state;
	static const char at_3[] =
		"request body is not JSON: line 1, column 3: something follows the end of the value";

	assert_refused("{}x", at_3);
	assert_refused("{}{}", at_3);
	assert_refused("{},", at_3);
	assert_refused("1 []", at_3);
	assert_refused("{}\n\n x",
		       "request body is not JSON: line 3, column 2: something follows the end of the value");
	assert_true(is_json(" {} \r\n\t", 7, &(struct err){ 0 }));
}

static void nul_bytes_are_refused_raw_and_escaped(void **state)
{
	(void)state;
	assert_refused_bytes("{}\0", 3, "request body: line 1, column 3: a NUL byte");
	assert_refused_bytes("[\"a\0b\"]", 7, "request body: line 1, column 4: a NUL byte");
	assert_refused_bytes("[\n\0]", 4, "request body: line 2, column 1: a NUL byte");
	assert_refused_bytes("\0", 1, "request body: line 1, column 1: a NUL byte");
	assert_refused("[\"a\\u0000b\"]", "request body: line 1, column 11: an escaped NUL (\\u0000)");
	assert_refused("{\"a\\u0000b\":1}", "request body: line 1, column 11: an escaped NUL (\\u0000)");
}

static void a_byte_order_mark_is_passed_over(void **state)
{
	struct err err;

	(void)state;
	cJSON *tree = json_parse_object("\xef\xbb\xbf{\"a\":1}", 10, &err);
	assert_non_null(tree);
	cJSON_Delete(tree);
	assert_refused("\xef\xbb\xbf", "request body is empty");
	assert_refused("\xef\xbb\xbf \n", "request body is empty");
	assert_refused("\xef\xbb\xbf\xef\xbb\xbf{}", "request body is not JSON: line 1, column 1: this character is not expected here");
}

static void utf_16_is_called_by_its_name(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} wide[] = {{"\xff\xfe{\0}\0", 6}, {"\xfe\xff\0{\0}", 6}, {"{\0}\0", 4}, {"\0{\0}", 4}, {"\xff\xfe\0\0{\0\0\0", 8}};

	(void)state;
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		assert_refused_bytes(wide[i].bytes, wide[i].len,
		                     "request body: line 1, column 1: UTF-16 or UTF-32, where UTF-8 is taken");
}

static void invalid_utf8_is_refused(void **state)
{
	(void)state;
	assert_refused("[\"\xff\"]", "request body: line 1, column 3: invalid UTF-8");
	assert_refused("[\"\xc0\xaf\"]", "request body: line 1, column 3: invalid UTF-8");
	assert_refused("[\"\xe0\x80\xaf\"]", "request body: line 1, column 4: invalid UTF-8");
	assert_refused("[\"\xed\xa0\x80\"]", "request body: line 1, column 4: invalid UTF-8");
	assert_refused("[\"\xf4\x90\x80\x80\"]", "request body: line 1, column 4: invalid UTF-8");
	assert_refused("[\"\xc3\"]", "request body: line 1, column 4: invalid UTF-8");
	assert_refused("{\"\x80\":1}", "request body: line 1, column 3: invalid UTF-8");
}

static void the_edges_of_utf8_are_taken(void **state)
{
	(void)state;
	static const char text[] = "{\"s\":\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"
				   "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"}";
	struct err err;
	cJSON *tree = json_parse_object(text, sizeof(text) - 1, &err);

	if (!tree)
		fail_msg("%s", err.text);
	assert_int_equal(strlen(tree->child->valuestring), sizeof(text) - 1 - strlen("{\"s\":\"\"}"));
	cJSON_Delete(tree);
}

static void lone_surrogates_are_refused(void **state)
{
	(void)state;
	static const char *const lone[] = {
		"[\"\\ud800\"]",
		"[\"\\udc00\"]",
		"[\"\\ud800x\"]",
		"[\"\\ud800\\n\"]",
		"[\"\\ud800\\n\\udc00\"]",
		"[\"\\ud800\\ud800\"]",
		"[\"\\ud800\\u0041\"]",
		"[\"\\ude00\\ud83d\"]",
		"[\"\\uD83D \\uDE00\"]",
		"{\"\\ud800\":1}",
		"[\"\\ud800\xe7\x8c\xab\"]",
	};

	for (size_t i = 0; i < COUNT(lone); i++) {
		struct err err = { 0 };
		if (is_json(lone[i], strlen(lone[i]), &err))
			fail_msg("%s is taken", lone[i]);
		assert_non_null(strstr(err.text, "a lone surrogate escape"));
	}
}

static void surrogate_pairs_and_escaped_backslashes_are_no_lone_surrogates(void **state)
{
	(void)state;
	static const char text[] = "{\"s\":[\"\\ud83d\\ude00\", \"\\\\ud800\", \"\\uD83D\\uDE00\\u0041\"]}";
	cJSON *tree = json_parse_object(text, sizeof(text) - 1, NULL);

	assert_non_null(tree);
	assert_string_equal(cJSON_GetArrayItem(tree->child, 0)->valuestring, "\xf0\x9f\x98\x80");
	assert_string_equal(cJSON_GetArrayItem(tree->child, 1)->valuestring, "\\ud800");
	assert_string_equal(cJSON_GetArrayItem(tree->child, 2)->valuestring, "\xf0\x9f\x98\x80" "A");
	cJSON_Delete(tree);
}

static void a_key_given_twice_is_refused_however_it_is_written(void **state)
{
	(void)state;
	assert_refused("{\"id\":1, \"id\":2}",
		       "request body: line 1, column 10: the key \"id\" is given twice");
	assert_refused("{\"id\":1,\n \"i\\u0064\":2}",
		       "request body: line 2, column 2: the key \"id\" is given twice");
	assert_refused("[{\"a\":{\"\":1,\"\":2}}]",
		       "request body: line 1, column 13: the key \"\" is given twice");
	assert_refused("{\"a\\\"b\":1, \"a\\\"b\":2}",
		       "request body: line 1, column 12: the key \"a\"b\" is given twice");
}

static void a_key_may_come_again_in_another_object(void **state)
{
	(void)state;
	static const char text[] = "{\"a\":{\"a\":1}, \"A\":[{\"a\":1},{\"a\":2}], \"aa\":0}";
	assert_true(is_json(text, sizeof(text) - 1, &(struct err){ 0 }));
}

/* --- bounds --- */

static bool takes_nested(int depth, char open, char close, struct err *err)
{
	struct buf text;

	buf_init(&text, 1000);
	for (int i = 0; i < depth; i++)
		buf_str(&text, open == '[' ? "[" : i < depth - 1 ? "{\"k\":" : "{");
	for (int i = 0; i < depth; i++)
		buf_char(&text, close);
	bool taken = is_json(buf_text(&text), text.len, err);
	buf_release(&text);
	return taken;
}

static void nesting_has_an_end(void **state)
{
	(void)state;
	struct err err = { 0 };

	for (int i = 0; i < 2; i++) {
		char open = "[{"[i], close = "]}"[i];
		assert_true(takes_nested(JSON_DEPTH_MAX, open, close, &err));
		assert_false(takes_nested(JSON_DEPTH_MAX + 1, open, close, &err));
		assert_int_equal(err.code, ERR_BAD_REQUEST);
		assert_non_null(strstr(err.text, "nested deeper than 32 arrays and objects"));
	}
}

static void a_body_over_the_limit_is_too_large(void **state)
{
	(void)state;
	struct err err = { 0 };
	char *text = malloc(JSON_BODY_MAX + 1);

	assert_non_null(text);
	memset(text, ' ', JSON_BODY_MAX + 1);
	memcpy(text, "{}", 2);
	assert_true(is_json(text, JSON_BODY_MAX, &err));
	assert_false(is_json(text, JSON_BODY_MAX + 1, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	assert_string_equal(err.text, "request body is larger than 1048576 bytes");
	free(text);
}

/* "[0,0,…]" of `count` values, the array among them. */
static bool takes_values(size_t count, struct err *err)
{
	struct buf text;

	buf_init(&text, JSON_BODY_MAX);
	buf_char(&text, '[');
	for (size_t i = 1; i < count; i++)
		buf_str(&text, i > 1 ? ",0" : "0");
	buf_char(&text, ']');
	bool taken = is_json(buf_text(&text), text.len, err);
	buf_release(&text);
	return taken;
}

static void the_number_of_values_is_bounded(void **state)
{
	(void)state;
	struct err err = { 0 };

	assert_true(takes_values(JSON_NODES_MAX, &err));
	assert_false(takes_values(JSON_NODES_MAX + 1, &err));
	assert_int_equal(err.code, ERR_BAD_REQUEST);
	assert_non_null(strstr(err.text, "more than 100000 values"));
}

static bool takes_keys(int count, int last, struct err *err)
{
	struct buf text;

	buf_init(&text, JSON_BODY_MAX);
	for (int i = 0; i < count; i++)
		buf_printf(&text, "%s\"%d\":0", i ? "," : "{", i < count - 1 ? i : last);
	buf_char(&text, '}');
	bool taken = is_json(buf_text(&text), text.len, err);
	buf_release(&text);
	return taken;
}

static void the_keys_of_an_object_are_bounded_and_all_compared(void **state)
{
	(void)state;
	struct err err = { 0 };

	assert_true(takes_keys(JSON_KEYS_MAX, -1, &err));
	assert_false(takes_keys(JSON_KEYS_MAX, 5000, &err));
	assert_non_null(strstr(err.text, "the key \"5000\" is given twice"));
	assert_false(takes_keys(JSON_KEYS_MAX + 1, -1, &err));
	assert_non_null(strstr(err.text, "more than 10000 keys in one object"));
}

static void a_number_of_endless_digits_is_refused(void **state)
{
	(void)state;
	struct err err = { 0 };
	char text[100];

	memset(text, '1', sizeof(text));
	assert_true(is_json(text, 63, &err));
	assert_false(is_json(text, 64, &err));
	assert_non_null(strstr(err.text, "a number of more than 63 characters"));
}

/* --- what is taken --- */

static void a_body_is_an_object(void **state)
{
	(void)state;
	static const char *const tops[] = { "1", "-1.5e-3", "\"s\"", "true", "false", "null", "[]" };

	for (size_t i = 0; i < COUNT(tops); i++) {
		struct err err = { 0 };
		assert_null(json_parse_object(tops[i], strlen(tops[i]), &err));
		assert_int_equal(err.code, ERR_BAD_REQUEST);
		assert_string_equal(err.text, no_object);
	}
	cJSON *object = json_parse_object("{}", 2, NULL);
	assert_non_null(object);
	cJSON_Delete(object);
}

/* --- files --- */

static void a_file_is_named_in_its_errors(void **state)
{
	(void)state;
	struct err err;
	char expected[2 * PATH_MAX];

	temp_text("good.json", "{\"a\":1}\n");
	cJSON *tree = json_parse_file(temp("good.json"), &err);
	assert_non_null(tree);
	cJSON_Delete(tree);

	temp_text("bad.json", "{\n\"a\":}");
	assert_null(json_parse_file(temp("bad.json"), &err));
	snprintf(expected, sizeof(expected), "%s is not JSON: line 2, column 5: this is not expected here",
		 temp("bad.json"));
	assert_string_equal(err.text, expected);
	assert_int_equal(err.code, ERR_BAD_REQUEST);

	temp_text("empty.json", "");
	assert_null(json_parse_file(temp("empty.json"), &err));
	snprintf(expected, sizeof(expected), "%s is empty", temp("empty.json"));
	assert_string_equal(err.text, expected);
}

static void what_is_no_readable_file_is_an_error(void **state)
{
	(void)state;
	struct err err;

	assert_null(json_parse_file(temp("absent.json"), &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "absent.json can't be opened: No such file or directory"));
	assert_null(json_parse_file(tempdir, &err));
	assert_non_null(strstr(err.text, "is not a regular file"));
	assert_int_equal(mkfifo(temp("pipe.json"), 0600), 0);
	assert_null(json_parse_file(temp("pipe.json"), &err)); /* and nobody waits for a writer */
	assert_non_null(strstr(err.text, "is not a regular file"));
}

static void a_file_over_the_limit_is_too_large(void **state)
{
	(void)state;
	struct err err;
	char *text = malloc(JSON_BODY_MAX + 1);

	assert_non_null(text);
	memset(text, ' ', JSON_BODY_MAX + 1);
	memcpy(text, "{}", 2);
	temp_bytes("large.json", text, JSON_BODY_MAX + 1);
	assert_null(json_parse_file(temp("large.json"), &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	temp_bytes("fits.json", text, JSON_BODY_MAX);
	cJSON *tree = json_parse_file(temp("fits.json"), &err);
	assert_non_null(tree);
	cJSON_Delete(tree);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_empty),
		cmocka_unit_test(a_byte_order_mark_is_passed_over),
		cmocka_unit_test(utf_16_is_called_by_its_name),
		cmocka_unit_test(syntax_errors_name_line_and_column),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(nothing_may_follow_the_value),
		cmocka_unit_test(nul_bytes_are_refused_raw_and_escaped),
		cmocka_unit_test(invalid_utf8_is_refused),
		cmocka_unit_test(the_edges_of_utf8_are_taken),
		cmocka_unit_test(lone_surrogates_are_refused),
		cmocka_unit_test(surrogate_pairs_and_escaped_backslashes_are_no_lone_surrogates),
		cmocka_unit_test(a_key_given_twice_is_refused_however_it_is_written),
		cmocka_unit_test(a_key_may_come_again_in_another_object),
		cmocka_unit_test(nesting_has_an_end),
		cmocka_unit_test(a_body_over_the_limit_is_too_large),
		cmocka_unit_test(the_number_of_values_is_bounded),
		cmocka_unit_test(the_keys_of_an_object_are_bounded_and_all_compared),
		cmocka_unit_test(a_number_of_endless_digits_is_refused),
		cmocka_unit_test(a_body_is_an_object),
		TEMPDIR_TEST(a_file_is_named_in_its_errors),
		TEMPDIR_TEST(what_is_no_readable_file_is_an_error),
		TEMPDIR_TEST(a_file_over_the_limit_is_too_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
