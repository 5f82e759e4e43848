/* Routes: which one of a program's table a request takes, and what its path names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fastcgi/route.h"

static int nothing(struct call *call, struct err *err)
{
	(void)call;
	(void)err;
	return 0;
}

static const struct route routes[] = {
	{"GET", "/v1/datasets", ROLE_VIEWER, nothing, false, "limit after", ""},
	{"GET", "/v1/datasets/{dataset}", ROLE_VIEWER, nothing, false, "", ""},
	{"DELETE", "/v1/datasets/{dataset}", ROLE_ADMIN, nothing, false, "", ""},
	{"POST", "/v1/datasets/{dataset}/tasks/{token}/label", ROLE_ANNOTATOR, nothing, false, "", ""},
	{"PUT", "/v1/datasets/{dataset}/images/{filepath...}", ROLE_CONTRIBUTOR, nothing, false, "", ""},
	{"GET", "/a/{b}/{c}/{d...}", ROLE_VIEWER, nothing, false, ROUTE_ANY, ROUTE_ANY},
	{"DELETE", "/samples/{id}", ROLE_VIEWER, nothing, false, "", ""},
	{"POST", "/samples/label", ROLE_VIEWER, nothing, false, "", ""},
	{"PUT", "/samples/label", ROLE_VIEWER, nothing, false, "", ""},
	{0},
};

/* A request on its way to a route. */
struct asked {
	struct program program;
	struct app app;
	struct request request;
	struct call call;
	const char *dataset;
	struct buf allow;
	struct err err;
	int result;
};

static void ask(struct asked *asked, const char *method, const char *target)
{
	memset(asked, 0, sizeof(*asked));
	asked->program.routes = routes;
	asked->app.program = &asked->program;
	asked->call.app = &asked->app;
	asked->call.request = &asked->request;
	buf_init(&asked->call.rest, REQUEST_URI_MAX);
	buf_init(&asked->allow, 128);
	assert_int_equal(request_parse_target(&asked->request, target, &asked->err), 0);
	asked->request.method = method;
	asked->result = route_find(&asked->call, &asked->dataset, &asked->allow, &asked->err);
}

static void done(struct asked *asked)
{
	request_release(&asked->request);
	buf_release(&asked->call.rest);
	buf_release(&asked->allow);
}

static void assert_finds(const char *method, const char *target, size_t route)
{
	struct asked asked;

	ask(&asked, method, target);
	if (asked.result)
		fail_msg("%s %s: %s", method, target, asked.err.text);
	assert_ptr_equal(asked.call.route, &routes[route]);
	done(&asked);
}

static void assert_fails(const char *method, const char *target, enum err_code code, const char *allow)
{
	struct asked asked;

	ask(&asked, method, target);
	if (asked.result == 0)
		fail_msg("%s %s has a route", method, target);
	assert_int_equal(asked.err.code, code);
	assert_string_equal(buf_text(&asked.allow), allow);
	done(&asked);
}

static void a_path_is_matched_by_its_segments(void **state)
{
	(void)state;
	assert_finds("GET", "/v1/datasets", 0);
	assert_finds("GET", "/v1/datasets?limit=5", 0);
	assert_finds("GET", "/v1/%64atasets", 0);
	assert_finds("GET", "/v1/datasets/cats", 1);
	assert_finds("DELETE", "/v1/datasets/cats", 2);
	assert_finds("POST", "/v1/datasets/cats/tasks/abc/label", 3);
	assert_fails("GET", "/", ERR_NOT_FOUND, "");
	assert_fails("GET", "/v1", ERR_NOT_FOUND, "");
	assert_fails("GET", "/v1/dataset", ERR_NOT_FOUND, "");
	assert_fails("GET", "/v1/datasetss", ERR_NOT_FOUND, "");
	assert_fails("GET", "/v1/datasets/cats/", ERR_NOT_FOUND, "");
	assert_fails("GET", "//v1/datasets", ERR_NOT_FOUND, "");
	assert_fails("POST", "/v1/datasets/cats/tasks/abc", ERR_NOT_FOUND, "");
	assert_fails("POST", "/v1/datasets/cats/tasks/a/b/label", ERR_NOT_FOUND, "");
}

static void a_name_in_a_pattern_is_no_parameter_s_value(void **state)
{
	(void)state;
	assert_finds("DELETE", "/samples/1", 6);
	assert_finds("DELETE", "/samples/labels", 6);
	assert_finds("POST", "/samples/label", 7);
	assert_finds("PUT", "/samples/label", 8);
	assert_fails("DELETE", "/samples/label", ERR_METHOD, "POST, PUT");
	assert_fails("POST", "/samples/1", ERR_METHOD, "DELETE");
}

static void a_path_names_things(void **state)
{
	(void)state;
	struct asked asked;

	ask(&asked, "POST", "/v1/datasets/my%20cats%2F%E7%8C%AB/tasks/abc/label");
	assert_int_equal(asked.result, 0);
	assert_string_equal(asked.dataset, "my cats/猫");
	assert_string_equal(asked.call.param[0], "abc");
	done(&asked);

	ask(&asked, "GET", "/v1/datasets");
	assert_null(asked.dataset);
	done(&asked);

	/* The dataset named by a pattern that almost matched is forgotten. */
	ask(&asked, "GET", "/a/1/2/3/4");
	assert_null(asked.dataset);
	assert_string_equal(asked.call.param[0], "1");
	assert_string_equal(asked.call.param[1], "2");
	assert_string_equal(asked.call.param[2], "3/4");
	done(&asked);
}

static void the_rest_of_a_path_is_one_name(void **state)
{
	(void)state;
	static const struct {
		const char *target, *rest;
	} cases[] = {
		{"/v1/datasets/cats/images/tom.png", "tom.png"},
		{"/v1/datasets/cats/images/a/b%20c/tom.png", "a/b c/tom.png"},
		{"/v1/datasets/cats/images/a%2Fb/tom.png", "a/b/tom.png"},
		{"/v1/datasets/cats/images//tom.png", "/tom.png"},
		{"/v1/datasets/cats/images/../tom.png", "../tom.png"},
		{"/v1/datasets/cats/images/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct asked asked;

		ask(&asked, "PUT", cases[i].target);
		assert_int_equal(asked.result, 0);
		assert_string_equal(asked.dataset, "cats");
		assert_string_equal(asked.call.param[0], cases[i].rest);
		done(&asked);
	}
	assert_fails("PUT", "/v1/datasets/cats/images", ERR_NOT_FOUND, "");
	assert_fails("PUT", "/v1/datasets/cats/images/", ERR_NOT_FOUND, "");
}

static void another_method_is_told_those_there_are(void **state)
{
	(void)state;
	assert_fails("POST", "/v1/datasets", ERR_METHOD, "GET");
	assert_fails("PUT", "/v1/datasets/cats", ERR_METHOD, "GET, DELETE");
	assert_fails("get", "/v1/datasets", ERR_METHOD, "GET");
	assert_fails("", "/v1/datasets", ERR_METHOD, "GET");
	assert_fails("PATCH", "/v1/nothing", ERR_NOT_FOUND, "");
}

static void head_is_a_get(void **state)
{
	(void)state;
	assert_finds("HEAD", "/v1/datasets", 0);
	assert_finds("HEAD", "/v1/datasets/cats", 1);
	assert_fails("HEAD", "/v1/datasets/cats/tasks/abc/label", ERR_METHOD, "POST");
}

static enum err_code query_of(const char *method, const char *target)
{
	struct asked asked;

	ask(&asked, method, target);
	assert_int_equal(asked.result, 0);
	enum err_code code = route_check_query(&asked.call, &asked.err) ? asked.err.code : ERR_NONE;
	done(&asked);
	return code;
}

static void an_unknown_query_parameter_is_refused(void **state)
{
	(void)state;
	assert_int_equal(query_of("GET", "/v1/datasets"), ERR_NONE);
	assert_int_equal(query_of("GET", "/v1/datasets?limit=1&after=a"), ERR_NONE);
	assert_int_equal(query_of("GET", "/v1/datasets?after=a&"), ERR_NONE);
	assert_int_equal(query_of("GET", "/v1/datasets?state=unlabelled"), ERR_BAD_REQUEST);
	assert_int_equal(query_of("GET", "/v1/datasets?limit=1&q=a"), ERR_BAD_REQUEST);
	assert_int_equal(query_of("GET", "/v1/datasets?limit+after=1"), ERR_BAD_REQUEST);
	assert_int_equal(query_of("GET", "/v1/datasets?lim=1"), ERR_BAD_REQUEST);
	assert_int_equal(query_of("GET", "/v1/datasets?=1"), ERR_BAD_REQUEST);
	assert_int_equal(query_of("DELETE", "/v1/datasets/a?force=1"), ERR_BAD_REQUEST);
	assert_int_equal(query_of("GET", "/a/b/c/d?any=1"), ERR_NONE);
}

static enum err_code fields_of(const char *fields, const char *body)
{
	struct route route = {.fields = fields};
	struct call call = {.route = &route};
	struct err err = {0};
	cJSON *tree = cJSON_Parse(body);

	enum err_code code = route_check_fields(&call, tree, &err) ? err.code : ERR_NONE;
	cJSON_Delete(tree);
	return code;
}

static void an_unknown_field_is_refused(void **state)
{
	(void)state;
	assert_int_equal(fields_of("label lead_time_ms", "{}"), ERR_NONE);
	assert_int_equal(fields_of("label lead_time_ms", "{\"lead_time_ms\": 1, \"label\": \"a\"}"), ERR_NONE);
	assert_int_equal(fields_of("label lead_time_ms", "{\"label\": \"a\", \"lead_time\": 1}"), ERR_BAD_REQUEST);
	assert_int_equal(fields_of("label lead_time_ms", "{\"Label\": \"a\"}"), ERR_BAD_REQUEST);
	assert_int_equal(fields_of("", "{\"a\": null}"), ERR_BAD_REQUEST);
	assert_int_equal(fields_of(ROUTE_ANY, "{\"a\": 1}"), ERR_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unknown_query_parameter_is_refused),
		cmocka_unit_test(an_unknown_field_is_refused),
		cmocka_unit_test(a_path_is_matched_by_its_segments),
		cmocka_unit_test(a_name_in_a_pattern_is_no_parameter_s_value),
		cmocka_unit_test(a_path_names_things),
		cmocka_unit_test(the_rest_of_a_path_is_one_name),
		cmocka_unit_test(another_method_is_told_those_there_are),
		cmocka_unit_test(head_is_a_get),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
