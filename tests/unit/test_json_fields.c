/* Reading JSON trees' fields and writing trees: fields of the wrong type are refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- fields --- */

static cJSON *tree_of(const char *text)
{
	struct err err;
	cJSON *tree = json_parse_object(text, strlen(text), &err);

	if (!tree)
		fail_msg("%s", err.text);
	return tree;
}

static void numbers_are_finite_and_in_range(void **state)
{
	(void)state;
	cJSON *tree = tree_of("{\"n\":-1.5,\"huge\":1e999,\"text\":\"1\",\"z\":null}");
	double out = 7;
	struct err err = { 0 };

	assert_int_equal(json_number(tree, "z", false, -2, 2, &out, &err), 0);
	assert_float_equal(out, 7, 0);
	assert_int_equal(json_number(tree, "n", true, -1.5, 2, &out, &err), 0);
	assert_float_equal(out, -1.5, 0);
	assert_int_equal(json_number(tree, "n", true, -1.4, 2, &out, &err), -1);
	assert_int_equal(json_number(tree, "huge", true, -1e308, 1e308, &out, &err), -1);
	assert_int_equal(json_number(tree, "text", true, -2, 2, &out, &err), -1);
	assert_int_equal(json_number(tree, "z", true, -2, 2, &out, &err), -1);
	assert_float_equal(out, -1.5, 0);
	cJSON_Delete(tree);
}

static void strings_are_strings(void **state)
{
	(void)state;
	cJSON *tree = tree_of("{\"name\":\"cats\",\"Name\":\"dogs\",\"empty\":\"\",\"n\":1,\"z\":null}");
	const char *out = "as it was";
	struct err err = { 0 };

	assert_int_equal(json_string(tree, "name", true, &out, &err), 0);
	assert_string_equal(out, "cats");
	assert_int_equal(json_string(tree, "empty", true, &out, &err), 0);
	assert_string_equal(out, "");
	out = "as it was";
	assert_int_equal(json_string(tree, "absent", false, &out, &err), 0);
	assert_int_equal(json_string(tree, "z", false, &out, &err), 0);
	assert_string_equal(out, "as it was");
	assert_true(json_string(tree, "absent", true, &out, &err));
	assert_string_equal(err.text, "\"absent\" is missing");
	assert_int_equal(err.code, ERR_BAD_REQUEST);
	assert_true(json_string(tree, "z", true, &out, &err));
	assert_string_equal(err.text, "\"z\" must not be null");
	assert_true(json_string(tree, "n", false, &out, &err));
	assert_string_equal(err.text, "\"n\" must be a string");
	cJSON_Delete(tree);
}

static void assert_integer(const char *value, int64_t min, int64_t max, int64_t expected)
{
	char text[100];
	int64_t out = 99;
	struct err err;

	snprintf(text, sizeof(text), "{\"id\":%s}", value);
	cJSON *tree = tree_of(text);
	if (json_int64(tree, "id", true, min, max, &out, &err))
		fail_msg("%s: %s", value, err.text);
	assert_int_equal(out, expected);
	cJSON_Delete(tree);
}

static void assert_no_integer(const char *value, int64_t min, int64_t max, const char *message)
{
	char text[100];
	int64_t out = 99;
	struct err err = { 0 };

	snprintf(text, sizeof(text), "{\"id\":%s}", value);
	cJSON *tree = tree_of(text);
	if (!json_int64(tree, "id", true, min, max, &out, &err))
		fail_msg("%s is taken", value);
	assert_int_equal(out, 99);
	assert_int_equal(err.code, ERR_BAD_REQUEST);
	assert_string_equal(err.text, message);
	cJSON_Delete(tree);
}

static void integers_are_whole_and_within_bounds(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"6", "-1", "1.5", "1e400", "-1e400", "true", "false", "\"1\"", "[]", "{}", "1e-9",
	};

	assert_integer("0", 0, 5, 0);
	assert_integer("5", 0, 5, 5);
	assert_integer("-0", 0, 5, 0);
	assert_integer("5.0", 0, 5, 5);
	assert_integer("1e2", 0, 500, 100);
	assert_integer("-7", INT64_MIN, INT64_MAX, -7);
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_no_integer(wrong[i], 0, 5, "\"id\" must be an integer from 0 to 5");
	assert_no_integer("null", 0, 5, "\"id\" must not be null");
}

static void integers_are_exact_or_refused(void **state)
{
	(void)state;
	assert_integer("9007199254740991", INT64_MIN, INT64_MAX, INT64_C(9007199254740991));
	assert_integer("-9007199254740991", INT64_MIN, INT64_MAX, INT64_C(-9007199254740991));
	static const char message[] = "\"id\" must be an integer from 0 to 9007199254740991";

	assert_no_integer("9007199254740993", 0, INT64_MAX, message);
	assert_no_integer("1e30", 0, INT64_MAX, message);
}

static void an_absent_integer_leaves_the_default(void **state)
{
	(void)state;
	cJSON *tree = tree_of("{\"z\":null}");
	int64_t out = 7;
	struct err err = { 0 };

	assert_int_equal(json_int64(tree, "absent", false, 0, 5, &out, &err), 0);
	assert_int_equal(json_int64(tree, "z", false, 0, 5, &out, &err), 0);
	assert_int_equal(out, 7);
	assert_true(json_int64(tree, "absent", true, 0, 5, &out, &err));
	assert_string_equal(err.text, "\"absent\" is missing");
	cJSON_Delete(tree);
}

static void booleans_are_not_numbers(void **state)
{
	(void)state;
	cJSON *tree = tree_of("{\"t\":true,\"f\":false,\"one\":1,\"z\":null}");
	bool out = false;
	struct err err = { 0 };

	assert_int_equal(json_bool(tree, "t", true, &out, &err), 0);
	assert_true(out);
	assert_int_equal(json_bool(tree, "z", false, &out, &err), 0);
	assert_true(out);
	assert_int_equal(json_bool(tree, "f", true, &out, &err), 0);
	assert_false(out);
	assert_true(json_bool(tree, "one", false, &out, &err));
	assert_string_equal(err.text, "\"one\" must be true or false");
	cJSON_Delete(tree);
}

static void lists_hold_strings_alone(void **state)
{
	(void)state;
	cJSON *tree = tree_of("{\"l\":[\"a\",\"b\"],\"e\":[],\"m\":[\"a\",1],\"n\":[null],\"s\":\"a\"}");
	const cJSON *out = tree;
	struct err err = { 0 };

	assert_int_equal(json_string_array(tree, "l", true, &out, &err), 0);
	assert_int_equal(cJSON_GetArraySize(out), 2);
	assert_int_equal(json_string_array(tree, "e", true, &out, &err), 0);
	assert_int_equal(cJSON_GetArraySize(out), 0);
	assert_int_equal(json_string_array(tree, "absent", false, &out, &err), 0);
	assert_null(out);
	for (size_t i = 0; i < 3; i++) {
		const char *key = (const char *[]){ "m", "n", "s" }[i];
		assert_true(json_string_array(tree, key, false, &out, &err));
		assert_non_null(strstr(err.text, "must be an array of strings"));
	}
	cJSON_Delete(tree);
}

static void objects_are_objects(void **state)
{
	(void)state;
	cJSON *tree = tree_of("{\"o\":{\"a\":1},\"l\":[],\"z\":null}");
	const cJSON *out = NULL;
	struct err err = { 0 };

	assert_int_equal(json_object(tree, "o", true, &out, &err), 0);
	assert_non_null(cJSON_GetObjectItem(out, "a"));
	assert_int_equal(json_object(tree, "z", false, &out, &err), 0);
	assert_null(out);
	assert_true(json_object(tree, "l", false, &out, &err));
	assert_string_equal(err.text, "\"l\" must be an object");
	cJSON_Delete(tree);
}

static void only_known_fields(void **state)
{
	(void)state;
	static const char *const keys[] = {"a", "b", NULL};
	cJSON *known = tree_of("{\"b\":1}"), *other = tree_of("{\"a\":1,\"bb\":null}");
	struct err err = { 0 };

	assert_int_equal(json_only(known, "A thing", keys, &err), 0);
	assert_true(json_only(other, "A thing", keys, &err));
	assert_int_equal(err.code, ERR_BAD_REQUEST);
	assert_string_equal(err.text, "A thing has \"a\", \"b\", not \"bb\"");
	cJSON_Delete(known);
	cJSON_Delete(other);
}

/* --- building and printing --- */

static void assert_prints(cJSON *tree, const char *utf8, const char *ascii)
{
	struct buf out;

	buf_init(&out, 10000);
	assert_int_equal(json_print(tree, &out), 0);
	assert_string_equal(buf_text(&out), utf8);
	buf_clear(&out);
	assert_int_equal(json_print_ascii(tree, &out), 0);
	assert_string_equal(buf_text(&out), ascii);
	buf_release(&out);
	cJSON_Delete(tree);
}

static void a_tree_is_printed_compactly_in_order(void **state)
{
	(void)state;
	cJSON *tree = json_new_object();
	cJSON *list = json_new_array();

	json_append_string(list, "a");
	json_append(list, json_new_object());
	json_append(list, json_new_array());
	json_add_string(tree, "s", "text");
	json_add_string_or_null(tree, "n", NULL);
	json_add_string_or_null(tree, "m", "not");
	json_add_int64(tree, "i", -7);
	json_add_bool(tree, "t", true);
	json_add_bool(tree, "f", false);
	json_add_null(tree, "z");
	json_add_time(tree, "at", 1000);
	json_add_time(tree, "never", 0);
	json_add(tree, "l", list);
	static const char text[] = "{\"s\":\"text\",\"n\":null,\"m\":\"not\",\"i\":-7,\"t\":true,\"f\":false,"
				   "\"z\":null,\"at\":\"1970-01-01T00:00:00.001Z\",\"never\":null,"
				   "\"l\":[\"a\",{},[]]}";
	assert_prints(tree, text, text);
}

static void the_ascii_form_fits_in_a_header(void **state)
{
	(void)state;
	cJSON *tree = json_new_object();

	json_add_string(tree, "\xe7\x8c\xab", "caf\xc3\xa9 \xf0\x9f\x98\x80 \x7f \"\\/\b\f\n\r\t\x01");
	assert_prints(tree,
		      "{\"\xe7\x8c\xab\":\"caf\xc3\xa9 \xf0\x9f\x98\x80 \x7f "
		      "\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\"}",
		      "{\"\\u732b\":\"caf\\u00e9 \\ud83d\\ude00 \\u007f \\\"\\\\/\\b\\f\\n\\r\\t\\u0001\"}");
}

static void what_is_not_utf8_is_replaced_in_print(void **state)
{
	(void)state;
	cJSON *tree = json_new_object();

	json_add_string(tree, "a\xff", "\xc3(\xe7\x8c\xab\xe7\x8c");
	assert_prints(tree, "{\"a\xef\xbf\xbd\":\"\xef\xbf\xbd(\xe7\x8c\xab\xef\xbf\xbd\xef\xbf\xbd\"}",
		      "{\"a\\ufffd\":\"\\ufffd(\\u732b\\ufffd\\ufffd\"}");
}

static void integers_are_printed_whole(void **state)
{
	(void)state;
	static const int64_t values[] = {
		0, 1, -1, 2147483648, 1700000000000000, 9007199254740991, -9007199254740991,
	};

	for (size_t i = 0; i < COUNT(values); i++) {
		cJSON *tree = json_new_object();
		char text[50];

		json_add_int64(tree, "n", values[i]);
		snprintf(text, sizeof(text), "{\"n\":%lld}", (long long)values[i]);
		assert_prints(tree, text, text);
	}
}

static void fractions_are_printed_so_that_they_come_back(void **state)
{
	(void)state;
	static const double values[] = { 0.5, 0.1, 1.0 / 3, 1e300, -2.5e-7, 9007199254740994.0 };

	for (size_t i = 0; i < COUNT(values); i++) {
		cJSON *tree = json_new_object();
		struct buf out;

		json_add(tree, "n", cJSON_CreateNumber(values[i]));

		buf_init(&out, 100);
		assert_int_equal(json_print(tree, &out), 0);
		cJSON *again = json_parse_object(buf_text(&out), out.len, NULL);
		assert_non_null(again);
		assert_true(again->child->valuedouble == values[i]);
		cJSON_Delete(again);
		cJSON_Delete(tree);
		buf_release(&out);
	}
	assert_prints(cJSON_CreateNumber(0.1), "0.1", "0.1");
	assert_prints(cJSON_CreateNumber((double)INFINITY), "null", "null");
	assert_prints(cJSON_CreateNumber((double)NAN), "null", "null");
}

static void a_print_over_the_ceiling_leaves_what_was_there(void **state)
{
	(void)state;
	cJSON *tree = json_new_object();
	struct buf out;

	json_add_string(tree, "key", "a value that is too long");
	buf_init(&out, 20);
	buf_str(&out, "before");
	assert_true(json_print(tree, &out));
	assert_string_equal(buf_text(&out), "before");
	assert_int_equal(out.len, 6);
	buf_clear(&out);
	assert_true(json_print_ascii(tree, &out));
	assert_string_equal(buf_text(&out), "");
	buf_release(&out);
	cJSON_Delete(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_finite_and_in_range),
		cmocka_unit_test(strings_are_strings),
		cmocka_unit_test(integers_are_whole_and_within_bounds),
		cmocka_unit_test(integers_are_exact_or_refused),
		cmocka_unit_test(an_absent_integer_leaves_the_default),
		cmocka_unit_test(booleans_are_not_numbers),
		cmocka_unit_test(lists_hold_strings_alone),
		cmocka_unit_test(objects_are_objects),
		cmocka_unit_test(only_known_fields),
		cmocka_unit_test(a_tree_is_printed_compactly_in_order),
		cmocka_unit_test(the_ascii_form_fits_in_a_header),
		cmocka_unit_test(what_is_not_utf8_is_replaced_in_print),
		cmocka_unit_test(integers_are_printed_whole),
		cmocka_unit_test(fractions_are_printed_so_that_they_come_back),
		cmocka_unit_test(a_print_over_the_ceiling_leaves_what_was_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
