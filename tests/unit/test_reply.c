/* Answers: what is sent, byte by byte, and how an error becomes a status and a body. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/log.h"
#include "fastcgi/reply.h"
#include "fcgi.h"

#define KEPT_NOWHERE "Cache-Control: private, no-store\r\n"

static struct fake *fake;
static struct reply reply;

static int begin(void **state)
{
	(void)state;
	fake = fake_new();
	reply_init(&reply, &fake->request);
	return 0;
}

static int end(void **state)
{
	(void)state;
	reply_release(&reply);
	fake_free(fake);
	return 0;
}

static void assert_sends(const char *text)
{
	reply_send(&reply);
	assert_string_equal(fake_answer(fake), text);
}

static cJSON *greeting(void)
{
	cJSON *tree = json_new_object();

	json_add_string(tree, "hello", "猫");
	return tree;
}

static void json_is_answered_in_utf8(void **state)
{
	(void)state;
	reply_json(&reply, 201, greeting());
	assert_sends("Status: 201 Created\r\nContent-Type: application/json\r\nContent-Length: 16\r\n" KEPT_NOWHERE "\r\n{\"hello\":\"猫\"}\n");
}

static void text_has_the_type_that_is_told(void **state)
{
	(void)state;
	reply_text(&reply, 200, "text/plain", "one\ntwo\n");
	assert_sends("Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n" KEPT_NOWHERE "\r\none\ntwo\n");
}

static void an_empty_answer_has_no_body(void **state)
{
	(void)state;
	reply_text(&reply, 200, "text/plain", "not sent");
	reply_release(&reply);
	reply_init(&reply, &fake->request);
	reply_empty(&reply, 204);
	assert_sends("Status: 204 No Content\r\n" KEPT_NOWHERE "\r\n");
}

static void headers_go_before_the_body(void **state)
{
	(void)state;
	struct err err = {0};

	assert_int_equal(reply_header(&reply, "Cache-Control", "no-cache", &err), 0);
	reply_json(&reply, 200, greeting());
	assert_int_equal(reply_header(&reply, "ETag", "\"1\"", &err), 0);
	assert_sends("Status: 200 OK\r\nCache-Control: no-cache\r\nContent-Type: application/json\r\nETag: \"1\"\r\n"
	             "Content-Length: 16\r\n\r\n"
	             "{\"hello\":\"猫\"}\n");
}

static void a_header_cannot_bring_another_one(void **state)
{
	(void)state;
	struct err err = {0};

	assert_true(reply_header(&reply, "X-Name", "a\r\nSet-Cookie: b", &err));
	assert_int_equal(err.code, ERR_INTERNAL);
	assert_true(reply_header(&reply, "X-Name", "a\nb", &err));
	assert_true(reply_header(&reply, "X-Name", "\r", &err));
	reply_empty(&reply, 200);
	assert_sends("Status: 200 OK\r\n" KEPT_NOWHERE "\r\n");
}

static void headers_have_their_bound(void **state)
{
	(void)state;
	struct err err = {0};
	char *value = malloc(REPLY_HEADERS_MAX + 1);

	assert_non_null(value);
	memset(value, 'x', REPLY_HEADERS_MAX);
	value[REPLY_HEADERS_MAX] = '\0';
	assert_true(reply_header(&reply, "X-Long", value, &err));
	assert_int_equal(err.code, ERR_INTERNAL);
	free(value);
	reply_empty(&reply, 200);
	reply_send(&reply);
	assert_non_null(strstr(fake_answer(fake), "Status: 500 Internal Server Error\r\n"));
}

static void a_file_is_named_to_nginx_by_its_encoded_path(void **state)
{
	(void)state;
	struct err err = {0};

	assert_int_equal(reply_file(&reply, "/data/my cats/100%#?\"\n猫.png", strlen("/data/my cats"), "image/png", &err), 0);
	assert_sends("Status: 200 OK\r\n"
	             "X-Accel-Redirect: /.file/data/my%20cats/100%25%23%3F%22%0A%E7%8C%AB.png\r\n"
	             "Content-Type: image/png\r\n"
	             "X-File-Root: /data/my cats\r\n\r\n");
}

static void a_root_that_no_header_holds_is_left_out(void **state)
{
	(void)state;
	struct err err = {0};

	assert_int_equal(reply_file(&reply, "/a\nb/c.png", strlen("/a\nb"), "image/png", &err), 0);
	assert_sends("Status: 200 OK\r\nX-Accel-Redirect: /.file/a%0Ab/c.png\r\nContent-Type: image/png\r\n\r\n");
}

static void every_error_has_a_status(void **state)
{
	(void)state;
	static const struct {
		enum err_code code;
		int status;
	} cases[] = {
		{ERR_NONE, 500},          {ERR_BAD_REQUEST, 400},     {ERR_FORBIDDEN, 403},  {ERR_NOT_FOUND, 404},
		{ERR_METHOD, 405},        {ERR_CONFLICT, 409},        {ERR_TOO_LARGE, 413},  {ERR_MEDIA_TYPE, 415},
		{ERR_UNPROCESSABLE, 422}, {ERR_LENGTH_REQUIRED, 411}, {ERR_INTERNAL, 500},   {ERR_UPSTREAM, 502},
		{ERR_UNAVAILABLE, 503},   {ERR_NO_SPACE, 507},        {ERR_SLOW, 408},       {ERR_TOO_MANY, 429},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(reply_status(cases[i].code), cases[i].status);
}

static void a_failure_of_ours_is_a_status_of_the_server(void **state)
{
	(void)state;
	for (enum err_code code = ERR_BAD_REQUEST; code <= ERR_TOO_MANY; code++) {
		const struct err err = {.code = code};

		assert_int_equal(err_is_ours(&err), reply_status(code) >= 500);
		assert_int_equal(err_is_down(&err), reply_status(code) == 502 || reply_status(code) == 503);
	}
}

static void an_error_is_a_message(void **state)
{
	(void)state;
	struct err err;

	err_set(&err, ERR_NOT_FOUND, "Database \"%s\" not found", "猫");
	reply_error(&reply, &err);
	assert_sends("Status: 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 41\r\n" KEPT_NOWHERE "\r\n"
	             "{\"message\":\"Database \\\"猫\\\" not found\"}\n");
}

static void an_error_of_v1_is_a_problem(void **state)
{
	(void)state;
	struct err err;

	reply.problem = true;
	err_set(&err, ERR_CONFLICT, "The task is not yours");
	reply_error(&reply, &err);
	assert_sends("Status: 409 Conflict\r\nContent-Type: application/problem+json\r\nContent-Length: 101\r\n" KEPT_NOWHERE "\r\n"
	             "{\"message\":\"The task is not yours\",\"title\":\"Conflict\",\"status\":409,"
	             "\"detail\":\"The task is not yours\"}\n");
}

static void an_error_replaces_what_was_built(void **state)
{
	(void)state;
	struct err err;

	reply_header(&reply, "Cache-Control", "no-cache", &err);
	reply_json(&reply, 200, greeting());
	err_set(&err, ERR_BAD_REQUEST, "no");
	reply_error(&reply, &err);
	assert_sends("Status: 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 17\r\n" KEPT_NOWHERE "\r\n{\"message\":\"no\"}\n");
}

static void a_wrong_method_keeps_the_list_of_right_ones(void **state)
{
	(void)state;
	struct err err;

	reply.problem = true;
	reply_header(&reply, "Allow", "GET, POST", &err);
	err_set(&err, ERR_METHOD, "no");
	reply_error(&reply, &err);
	reply_send(&reply);
	assert_ptr_equal(strstr(fake_answer(fake),
	                        "Status: 405 Method Not Allowed\r\nAllow: GET, POST\r\nContent-Type: application/problem+json\r\n"),
	                 fake_answer(fake));
}

static void the_servers_own_errors_are_kept_from_the_client(void **state)
{
	(void)state;
	struct err err;

	log_init("test_reply", LOG_ERROR);
	err_set(&err, ERR_INTERNAL, "SQLite: /srv/secret.db is malformed");
	reply_error(&reply, &err);
	reply_send(&reply);
	assert_non_null(strstr(fake_answer(fake), "Status: 500 Internal Server Error\r\n"));
	assert_non_null(strstr(fake_answer(fake), "{\"message\":\"The server made an error"));
	assert_null(strstr(fake_answer(fake), "secret"));
}

static void a_stream_is_sent_as_it_comes(void **state)
{
	(void)state;
	struct err err;

	reply_header(&reply, "Content-Disposition", "attachment", &err);
	assert_int_equal(reply_stream_start(&reply, 200, "text/csv"), 0);
	assert_int_equal(FCGX_PutStr("a,b\r\n", 5, fake->request.out), 5);
	assert_sends("Status: 200 OK\r\nContent-Disposition: attachment\r\nContent-Type: text/csv\r\n" KEPT_NOWHERE "\r\n"
	             "a,b\r\n");
}

static void a_client_that_went_away_is_no_error(void **state)
{
	(void)state;
	fake->out.stop = fake->out.wrNext;
	reply_json(&reply, 200, greeting());
	assert_sends("");
}

#define REPLY_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	log_init("test_reply", LOG_ERROR);
	const struct CMUnitTest tests[] = {
		REPLY_TEST(json_is_answered_in_utf8),
		REPLY_TEST(text_has_the_type_that_is_told),
		REPLY_TEST(an_empty_answer_has_no_body),
		REPLY_TEST(headers_go_before_the_body),
		REPLY_TEST(a_header_cannot_bring_another_one),
		REPLY_TEST(headers_have_their_bound),
		REPLY_TEST(a_file_is_named_to_nginx_by_its_encoded_path),
		REPLY_TEST(a_root_that_no_header_holds_is_left_out),
		REPLY_TEST(every_error_has_a_status),
		REPLY_TEST(a_failure_of_ours_is_a_status_of_the_server),
		REPLY_TEST(an_error_is_a_message),
		REPLY_TEST(an_error_of_v1_is_a_problem),
		REPLY_TEST(an_error_replaces_what_was_built),
		REPLY_TEST(a_wrong_method_keeps_the_list_of_right_ones),
		REPLY_TEST(the_servers_own_errors_are_kept_from_the_client),
		REPLY_TEST(a_stream_is_sent_as_it_comes),
		REPLY_TEST(a_client_that_went_away_is_no_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
