/* Requests as nginx passes them: parsed, bounded, and refused when malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/log.h"
#include "fastcgi/request.h"
#include "fcgi.h"

/* --- the target ---------------------------------------------------------------------------------------------------- */

static void parse(struct request *request, const char *target)
{
	struct err err = {0};

	memset(request, 0, sizeof(*request));
	if (request_parse_target(request, target, &err))
		fail_msg("%s: %s", target, err.text);
}

static void assert_refused(const char *target, const char *why)
{
	struct request request = {0};
	struct err err = {0};

	assert_true(request_parse_target(&request, target, &err));
	assert_int_equal(err.code, ERR_BAD_REQUEST);
	if (!strstr(err.text, why))
		fail_msg("%s: \"%s\" does not say \"%s\"", target, err.text, why);
	request_release(&request);
}

static void a_path_is_split_before_it_is_decoded(void **state)
{
	(void)state;
	struct request request;

	parse(&request, "/v1/datasets/a%2Fb");
	assert_int_equal(request.segment_count, 3);
	assert_string_equal(request.segment[0], "v1");
	assert_string_equal(request.segment[1], "datasets");
	assert_string_equal(request.segment[2], "a/b");
	assert_int_equal(request.query_count, 0);
	request_release(&request);
}

static void empty_segments_are_segments(void **state)
{
	(void)state;
	struct request request;

	parse(&request, "/");
	assert_int_equal(request.segment_count, 1);
	assert_string_equal(request.segment[0], "");
	request_release(&request);

	parse(&request, "/a//b/");
	assert_int_equal(request.segment_count, 4);
	assert_string_equal(request.segment[1], "");
	assert_string_equal(request.segment[2], "b");
	assert_string_equal(request.segment[3], "");
	request_release(&request);
}

static void any_character_may_be_escaped(void **state)
{
	(void)state;
	struct request request;

	parse(&request, "/images/%63ats/tom%20%25%23%3f%22%0a%E7%8C%AB+.png");
	assert_string_equal(request.segment[1], "cats");
	assert_string_equal(request.segment[2], "tom %#?\"\n猫+.png");
	request_release(&request);
}

static void the_last_segment_holds_the_rest(void **state)
{
	(void)state;
	struct request request;

	parse(&request, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18");
	assert_int_equal(request.segment_count, REQUEST_SEGMENTS_MAX);
	assert_string_equal(request.segment[14], "15");
	assert_string_equal(request.segment[15], "16/17/18");
	request_release(&request);
}

static void a_query_is_read_by_name(void **state)
{
	(void)state;
	struct request request;

	parse(&request, "/x?after=a+b%2Bc&limit=5&flag&=empty&&q=a=b?c");
	assert_string_equal(request_query(&request, "after"), "a b+c");
	assert_string_equal(request_query(&request, "limit"), "5");
	assert_string_equal(request_query(&request, "flag"), "");
	assert_string_equal(request_query(&request, ""), "empty");
	assert_string_equal(request_query(&request, "q"), "a=b?c");
	assert_null(request_query(&request, "Limit"));
	assert_int_equal(request.query_count, 5);
	request_release(&request);
}

static void a_broken_target_is_refused(void **state)
{
	(void)state;
	assert_refused("", "does not start with /");
	assert_refused("x", "does not start with /");
	assert_refused("?a=b", "does not start with /");
	assert_refused("http://host/x", "does not start with /");
	assert_refused("/%", "path has a broken percent-escape");
	assert_refused("/%4", "path has a broken percent-escape");
	assert_refused("/%4x", "path has a broken percent-escape");
	assert_refused("/%00", "path has a broken percent-escape");
	assert_refused("/a/\xff", "not UTF-8");
	assert_refused("/%C0%AF", "not UTF-8");
	assert_refused("/%ED%A0%80", "not UTF-8");
	assert_refused("/x?a=%zz", "query has a broken percent-escape");
	assert_refused("/x?%00=a", "query has a broken percent-escape");
	assert_refused("/x?a=1&b=2&a=3", "\"a\" is given twice");
	assert_refused("/x?a=1&%61=2", "\"a\" is given twice");
}

static void a_target_has_its_bounds(void **state)
{
	(void)state;
	struct request request;
	char target[REQUEST_URI_MAX + 2];

	memset(target, 'a', sizeof(target));
	target[0] = '/';
	target[REQUEST_URI_MAX + 1] = '\0';
	assert_refused(target, "longer than");
	target[REQUEST_URI_MAX] = '\0';
	parse(&request, target);
	assert_int_equal(strlen(request.segment[0]), REQUEST_URI_MAX - 1);
	request_release(&request);

	/* As many pieces as bytes. */
	memset(target, '/', REQUEST_URI_MAX);
	parse(&request, target);
	assert_int_equal(request.segment_count, REQUEST_SEGMENTS_MAX);
	request_release(&request);

	char *at = target + snprintf(target, sizeof(target), "/x?n0");
	for (int i = 1; i < REQUEST_QUERY_MAX; i++)
		at += snprintf(at, 8, "&n%d", i);
	parse(&request, target);
	assert_int_equal(request.query_count, REQUEST_QUERY_MAX);
	request_release(&request);
	snprintf(at, 8, "&more");
	assert_refused(target, "more than 32 query parameters");
}

/* --- headers ------------------------------------------------------------------------------------------------------- */

static void a_request_is_what_nginx_passes(void **state)
{
	(void)state;
	struct fake *fake = fake_new();
	struct request request;
	struct err err = {0};

	fake_param(fake, "REQUEST_METHOD", "POST");
	fake_param(fake, "REQUEST_URI", "/size?a=b");
	fake_param(fake, "REMOTE_USER", "ana");
	fake_param(fake, "REQUEST_ID", "0123abcd");
	fake_param(fake, "CONTENT_TYPE", "application/json");
	fake_param(fake, "CONTENT_LENGTH", "12");
	fake_param(fake, "HTTP_ACCEPT", "*/*");
	assert_int_equal(request_init(&request, &fake->request, &err), 0);
	assert_string_equal(request.method, "POST");
	assert_string_equal(request.segment[0], "size");
	assert_string_equal(request_query(&request, "a"), "b");
	assert_string_equal(request.user, "ana");
	assert_string_equal(request.id, "0123abcd");
	assert_string_equal(request.content_type, "application/json");
	assert_int_equal(request.content_length, 12);
	assert_string_equal(request_header(&request, "HTTP_ACCEPT"), "*/*");
	assert_null(request_header(&request, "HTTP_RANGE"));
	request_release(&request);
	fake_free(fake);
}

static void what_is_not_passed_is_empty(void **state)
{
	(void)state;
	struct fake *fake = fake_new();
	struct request request;
	struct err err = {0};

	fake_param(fake, "REQUEST_URI", "/");
	fake_param(fake, "CONTENT_LENGTH", "");
	assert_int_equal(request_init(&request, &fake->request, &err), 0);
	assert_string_equal(request.method, "");
	assert_string_equal(request.user, "");
	assert_string_equal(request.content_type, "");
	assert_int_equal(request.content_length, -1);
	request_release(&request);
	fake_free(fake);
}

static void malformed_parameters_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *name, *value, *why;
	} cases[] = {
		{"CONTENT_LENGTH", "ten", "Content-Length is not a number"},
		{"CONTENT_LENGTH", "-1", "Content-Length is not a number"},
		{"CONTENT_LENGTH", "99999999999999999999", "Content-Length is not a number"},
		{"REMOTE_USER", "\xff", "user's name is not UTF-8"},
		{"REQUEST_URI", "/%", "broken percent-escape"},
		{"OTHER", "", "does not start with /"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fake *fake = fake_new();
		struct request request;
		struct err err = {0};

		fake_param(fake, cases[i].name, cases[i].value);
		assert_true(request_init(&request, &fake->request, &err));
		assert_int_equal(err.code, ERR_BAD_REQUEST);
		assert_non_null(strstr(err.text, cases[i].why));
		request_release(&request);
		fake_free(fake);
	}
}

static bool accepts(const char *accept)
{
	struct fake *fake = fake_new();
	struct request request;
	struct err err = {0};

	fake_param(fake, "REQUEST_URI", "/obtain");
	if (accept)
		fake_param(fake, "HTTP_ACCEPT", accept);
	assert_int_equal(request_init(&request, &fake->request, &err), 0);
	bool json = request_accepts_json(&request);
	request_release(&request);
	fake_free(fake);
	return json;
}

static void json_is_asked_for_by_name(void **state)
{
	(void)state;
	assert_true(accepts("application/json"));
	assert_true(accepts("Application/JSON; charset=utf-8"));
	assert_true(accepts("text/plain, application/json, */*"));
	assert_true(accepts("application/json, image/png"));
	assert_true(accepts("image/*;q=0.5, application/json"));
	assert_true(accepts("image/png ; q=0.2 , application/json ; q=0.3"));
	assert_false(accepts(NULL));
	assert_false(accepts(""));
	assert_false(accepts("*/*"));
	assert_false(accepts("application/*"));
	assert_false(accepts("image/png"));
	assert_false(accepts("application/json;q=0"));
	assert_false(accepts("application/json;q=0.1, image/png;q=0.2"));
	assert_false(accepts("application/json-patch+json"));
	assert_false(accepts("application/jsonl"));
}

static void an_odd_quality_is_harmless(void **state)
{
	(void)state;
	assert_true(accepts("application/json;q=1e999"));
	assert_true(accepts("application/json;q=1, image/png;q=7"));
	assert_false(accepts("application/json;q=nan"));
	assert_false(accepts("application/json;q=-1e999"));
	assert_false(accepts("application/json;q="));
	assert_false(accepts(",,;;,;q=1"));
}

/* --- the body ------------------------------------------------------------------------------------------------------ */

static cJSON *read_json(const char *type, const char *length, const char *body, size_t len, size_t max, struct err *err)
{
	struct fake *fake = fake_new();
	struct request request;

	*err = (struct err){0};
	fake_param(fake, "REQUEST_URI", "/size");
	fake_param(fake, "CONTENT_TYPE", type);
	fake_param(fake, "CONTENT_LENGTH", length);
	fake_body(fake, body, len);
	assert_int_equal(request_init(&request, &fake->request, err), 0);
	cJSON *tree = request_json(&request, max, err);
	request_release(&request);
	fake_free(fake);
	return tree;
}

static void a_json_body_is_read_whole(void **state)
{
	(void)state;
	static const char *const types[] = {"", "application/json", "application/json; charset=utf-8", "APPLICATION/JSON",
	                                    "application/json\t", "application/problem+json"};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct err err;
		cJSON *tree = read_json(types[i], "7", "{\"a\":1}", 7, 100, &err);

		if (!tree)
			fail_msg("%s: %s", types[i], err.text);
		assert_int_equal(cJSON_GetObjectItem(tree, "a")->valueint, 1);
		cJSON_Delete(tree);
	}
}

static void assert_body_refused(const char *type, const char *length, const char *body, size_t max, enum err_code code)
{
	struct err err;

	assert_null(read_json(type, length, body, strlen(body), max, &err));
	if (err.code != code)
		fail_msg("%s %s: %s", type, body, err.text);
}

static void other_bodies_are_refused(void **state)
{
	(void)state;
	assert_body_refused("text/plain", "2", "{}", 100, ERR_MEDIA_TYPE);
	assert_body_refused("application/jsonx", "2", "{}", 100, ERR_MEDIA_TYPE);
	assert_body_refused("application/+json", "2", "{}", 100, ERR_MEDIA_TYPE);
	assert_body_refused("text/plain+json", "2", "{}", 100, ERR_MEDIA_TYPE);
	assert_body_refused("application/x-www-form-urlencoded", "3", "a=b", 100, ERR_MEDIA_TYPE);
	assert_body_refused("", "", "", 100, ERR_BAD_REQUEST);
	assert_body_refused("", "0", "", 100, ERR_BAD_REQUEST);
	assert_body_refused("", "2", "[]", 100, ERR_BAD_REQUEST);
	assert_body_refused("", "3", "{}x", 100, ERR_BAD_REQUEST);
	assert_body_refused("", "101", "{}", 100, ERR_TOO_LARGE);
	assert_body_refused("", "9223372036854775807", "{}", 100, ERR_TOO_LARGE);
}

static void a_body_that_ends_early_is_refused(void **state)
{
	(void)state;
	struct err err;

	assert_null(read_json("", "8", "{\"a\":1}", 7, 100, &err));
	assert_int_equal(err.code, ERR_BAD_REQUEST);
	assert_string_equal(err.text, "The request's body ends before its Content-Length");
}

static void no_more_than_the_content_length_is_read(void **state)
{
	(void)state;
	struct err err;
	cJSON *tree = read_json("", "2", "{}{}", 4, 100, &err);

	assert_non_null(tree);
	cJSON_Delete(tree);
}

static void a_body_may_be_as_large_as_its_limit(void **state)
{
	(void)state;
	size_t len = JSON_BODY_MAX;
	char *body = malloc(len + 1), length[32];
	struct err err;

	assert_non_null(body);
	memset(body, ' ', len);
	body[0] = '{';
	body[len - 1] = '}';
	snprintf(length, sizeof(length), "%zu", len);
	cJSON *tree = read_json("", length, body, len, len, &err);
	if (!tree)
		fail_msg("%s", err.text);
	cJSON_Delete(tree);
	assert_null(read_json("", length, body, len, len - 1, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	free(body);
}

int main(void)
{
	log_init("test_request", LOG_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_split_before_it_is_decoded),
		cmocka_unit_test(empty_segments_are_segments),
		cmocka_unit_test(any_character_may_be_escaped),
		cmocka_unit_test(the_last_segment_holds_the_rest),
		cmocka_unit_test(a_query_is_read_by_name),
		cmocka_unit_test(a_broken_target_is_refused),
		cmocka_unit_test(a_target_has_its_bounds),
		cmocka_unit_test(a_request_is_what_nginx_passes),
		cmocka_unit_test(what_is_not_passed_is_empty),
		cmocka_unit_test(malformed_parameters_are_refused),
		cmocka_unit_test(json_is_asked_for_by_name),
		cmocka_unit_test(an_odd_quality_is_harmless),
		cmocka_unit_test(a_json_body_is_read_whole),
		cmocka_unit_test(other_bodies_are_refused),
		cmocka_unit_test(a_body_that_ends_early_is_refused),
		cmocka_unit_test(no_more_than_the_content_length_is_read),
		cmocka_unit_test(a_body_may_be_as_large_as_its_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
