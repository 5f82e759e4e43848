/* Which requests count as coming from another site's page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fastcgi/origin.h"
#include "fcgi.h"

static char server_name[64];

/* Asked at http://labels.example:8080; headers are name and value in turn, NULL at the end. */
static bool refused(const char *method, const char *const *headers)
{
	struct fake *fake = fake_new();
	struct request request;
	struct config config = {.listen = {.server_name = server_name}};
	struct err err;
	fake_param(fake, "REQUEST_METHOD", method);
	fake_param(fake, "REQUEST_URI", "/classify");
	fake_param(fake, "REQUEST_SCHEME", "http");
	fake_param(fake, "SERVER_PORT", "8080");
	fake_param(fake, "HTTP_HOST", "labels.example:8080");
	for (; headers[0]; headers += 2)
		fake_param(fake, headers[0], headers[1]);
	assert_int_equal(request_init(&request, &fake->request, &err), 0);
	bool answer = origin_check(&request, &config, &err) != 0;
	if (answer)
		assert_int_equal(err.code, ERR_FORBIDDEN);
	request_release(&request);
	fake_free(fake);
	return answer;
}

#define REFUSED(...) refused("POST", (const char *const[]){__VA_ARGS__, NULL, NULL})

static void scripts_say_nothing_of_it(void **state)
{
	(void)state;
	assert_false(REFUSED("HTTP_USER_AGENT", "curl/8"));
}

static void a_site_is_told_wherever_it_stands(void **state)
{
	(void)state;
	static const char *const foreign[] = {"cross-site", "same-site", "Cross-Site", "CROSS-SITE", " cross-site", "same-origin, cross-site",
	                                      "none,same-site", "cross-site, same-origin", "something-new"};
	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++)
		assert_true(REFUSED("HTTP_SEC_FETCH_SITE", foreign[i]));
	assert_true(REFUSED("HTTP_SEC_FETCH_SITE", "same-origin", "HTTP_SEC_FETCH_SITE", "cross-site"));
	static const char *const own[] = {"same-origin", "none", "Same-Origin", ""};
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		assert_false(REFUSED("HTTP_SEC_FETCH_SITE", own[i]));
}

static void an_origin_is_ours_or_refused(void **state)
{
	(void)state;
	static const char *const foreign[] = {
		"http://evil.example", "null", "", "http://", "labels.example:8080", "http://labels.example", "http://labels.example:80800",
		"http://labels.example:8080.evil.example", "http://evil.example/labels.example:8080", "http://labels.example:8080, http://evil.example",
		"http://me@labels.example:8080", "file://labels.example:8080", "http://xlabels.example:8080", "http://labels.example:808"};
	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++) {
		if (!REFUSED("HTTP_ORIGIN", foreign[i]))
			fail_msg("taken for ours: %s", foreign[i]);
	}
	assert_false(REFUSED("HTTP_ORIGIN", "http://labels.example:8080"));
	assert_false(REFUSED("HTTP_ORIGIN", "HTTP://Labels.Example:8080"));
	assert_false(REFUSED("HTTP_ORIGIN", "https://labels.example:8080")); /* a proxy does the TLS */
	assert_true(REFUSED("HTTP_ORIGIN", "http://labels.example:8080", "HTTP_ORIGIN", "http://evil.example"));
	assert_true(REFUSED("HTTP_ORIGIN", "http://evil.example", "HTTP_SEC_FETCH_SITE", "same-origin"));
}

static void a_proxys_name_is_ours(void **state)
{
	(void)state;
	assert_false(REFUSED("HTTP_ORIGIN", "https://public.example", "FORWARDED_HOST", "public.example"));
	assert_false(REFUSED("HTTP_ORIGIN", "https://public.example", "FORWARDED_HOST", "public.example:443", "FORWARDED_PROTO", "https"));
	assert_true(REFUSED("HTTP_ORIGIN", "http://public.example", "FORWARDED_HOST", "public.example", "FORWARDED_PROTO", "https"));
	assert_true(REFUSED("HTTP_ORIGIN", "https://public.example:8443", "FORWARDED_HOST", "public.example"));
	assert_true(REFUSED("HTTP_ORIGIN", "https://public.example", "HTTP_X_FORWARDED_HOST", "public.example")); /* anybody can say that */
}

static void a_configured_name_is_ours(void **state)
{
	(void)state;
	snprintf(server_name, sizeof(server_name), "public.example");
	assert_false(REFUSED("HTTP_ORIGIN", "https://public.example"));
	assert_false(REFUSED("HTTP_ORIGIN", "http://public.example:8080"));
	assert_true(REFUSED("HTTP_ORIGIN", "https://public.example:8443"));
	assert_true(REFUSED("HTTP_ORIGIN", "https://xpublic.example"));
	snprintf(server_name, sizeof(server_name), "*.example");
	assert_false(REFUSED("HTTP_ORIGIN", "https://public.example"));
	assert_true(REFUSED("HTTP_ORIGIN", "https://example"));
	assert_true(REFUSED("HTTP_ORIGIN", "https://public.example.evil"));
	server_name[0] = '\0';
	assert_true(REFUSED("HTTP_ORIGIN", "https://public.example"));
}

static void what_changes_nothing_may_come_from_anywhere(void **state)
{
	(void)state;
	static const char *const foreign[] = {"HTTP_ORIGIN", "http://evil.example", "HTTP_SEC_FETCH_SITE", "cross-site", NULL, NULL};
	assert_false(refused("GET", foreign) || refused("HEAD", foreign) || refused("OPTIONS", foreign));
	assert_true(refused("PUT", foreign) && refused("PATCH", foreign) && refused("DELETE", foreign) && refused("POST", foreign));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scripts_say_nothing_of_it),
		cmocka_unit_test(a_site_is_told_wherever_it_stands),
		cmocka_unit_test(an_origin_is_ours_or_refused),
		cmocka_unit_test(a_proxys_name_is_ours),
		cmocka_unit_test(a_configured_name_is_ours),
		cmocka_unit_test(what_changes_nothing_may_come_from_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
