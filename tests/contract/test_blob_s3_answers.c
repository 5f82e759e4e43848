/* What the image store in S3 accepts as an answer of S3, against the gateway that AWS_ENDPOINT_URL names: not the
 * answers of proxies, login pages or broken lines. */
#include <unistd.h>

#include "behind.h"

#define PAGE "<html><head><title>Log in</title></head><body>Welcome to the hotel</body></html>"

/* What a captive portal says to whatever it is asked. */
static const struct portal {
	const char *status, *body;
} portals[] = {
	{"200 OK\r\nContent-Type: text/html", PAGE},
	{"200 OK\r\nContent-Type: text/html; charset=utf-8\r\nETag: \"5f3-62\"\r\nX-Request-Id: 1", PAGE},
	{"200 OK\r\nContent-Type: text/plain", "ok"},
	{"302 Found\r\nContent-Type: text/html\r\nLocation: http://login.example/", PAGE},
	{"404 Not Found\r\nContent-Type: text/html", PAGE},
};
enum { PORTALS = sizeof(portals) / sizeof(portals[0]) };

static void portal_for(struct behind *b, const char *pattern, const struct portal *portal)
{
	gateway_set(b->gateway, GATEWAY_PASS, 0, NULL, NULL);
	gateway_rule(b->gateway, pattern, GATEWAY_ANSWER, GATEWAY_ALWAYS, portal->status, portal->body);
}

static void through(struct behind *b)
{
	gateway_set(b->gateway, GATEWAY_PASS, GATEWAY_ALWAYS, NULL, NULL);
}

/* b must stay where it is: the store keeps its configuration by pointer. */
static void begin(struct behind *b, void **state)
{
	*b = begin_behind(*state);
	b->f.store = another_blob_store(&b->f.config);
	through(b);
}

static void an_object_is_stored_when_s3_says_so_alone(void **state)
{
	struct behind b;
	begin(&b, state);
	for (size_t i = 0; i < PORTALS; i++) {
		portal_for(&b, "^PUT ", &portals[i]);
		refused(put_text(&b.f, "images/a.png", "a cat", false), ERR_UPSTREAM);
		through(&b);
		refused(blob_stat(b.f.store, "images/a.png", &(struct blob_info){0}, &failure), ERR_NOT_FOUND);
	}
	must(put_text(&b.f, "images/a.png", "a cat", false));
	assert_string_equal(text_of(&b.f, "images/a.png"), "a cat");
	end_behind(&b);
}

static void an_etag_of_other_bytes_is_not_believed(void **state)
{
	struct behind b;
	begin(&b, state);
	gateway_set(b.gateway, GATEWAY_ANSWER, 1, "200 OK\r\nETag: \"0123456789abcdef0123456789abcdef\"", "");
	refused(put_text(&b.f, "images/a.png", "a cat", false), ERR_UPSTREAM);
	assert_non_null(strstr(failure.text, "does not have it"));
	/* It encrypts: there the ETag is none of the bytes'. */
	gateway_rule(b.gateway, "^PUT ", GATEWAY_LOSE, 1, "200 OK\r\nETag: \"0123456789abcdef0123456789abcdef\"", "");
	must(put_text(&b.f, "images/b.png", "a dog", false));
	end_behind(&b);
}

static void reading_is_not_answered_by_a_page(void **state)
{
	struct behind b;
	char bytes[sizeof(PAGE)];
	size_t got;
	begin(&b, state);
	must(put_text(&b.f, "images/a.png", "a cat", false));
	for (size_t i = 0; i < PORTALS; i++) {
		portal_for(&b, "^GET ", &portals[i]);
		refused(blob_read(b.f.store, "images/a.png", 0, bytes, sizeof(bytes), &got, &failure), ERR_UPSTREAM);
		portal_for(&b, "^HEAD ", &portals[i]);
		refused(blob_stat(b.f.store, "images/a.png", &(struct blob_info){0}, &failure), ERR_UPSTREAM);
	}
	end_behind(&b);
}

static void a_list_is_not_empty_because_a_page_has_no_keys(void **state)
{
	struct behind b;
	int64_t removed;
	begin(&b, state);
	must(put_text(&b.f, "images/a.png", "a cat", false));
	for (size_t i = 0; i < PORTALS; i++) {
		portal_for(&b, "^GET ", &portals[i]);
		refused(blob_sweep(b.f.store, "", 0, &removed, &failure), ERR_UPSTREAM);
	}
	end_behind(&b);
}

static void what_is_to_be_gone_hidden_or_well_is_so_by_s3_s_word(void **state)
{
	struct behind b;
	begin(&b, state);
	must(put_text(&b.f, "images/a.png", "a cat", true));
	for (size_t i = 0; i < PORTALS; i++) {
		portal_for(&b, "^(DELETE|PUT|HEAD|POST) ", &portals[i]);
		refused(blob_delete(b.f.store, "images/a.png", &failure), ERR_UPSTREAM);
		refused(blob_set_public(b.f.store, "images/a.png", false, &failure), ERR_UPSTREAM);
		refused(blob_ping(b.f.store, &failure), ERR_UPSTREAM);
	}
	through(&b);
	assert_string_equal(curl("'%s'", url_of(&b.f, "images/a.png", true)), "a cat");
	end_behind(&b);
}

static void an_upload_in_parts_ends_by_s3_s_word(void **state)
{
	static const char *const steps[] = {"^POST .*uploads", "^PUT .*partNumber=2", "^POST .*uploadId", "^HEAD "};
	static const struct portal late[] = {
		{"200 OK", "  <Error><Code>InvalidPart</Code><Message>gone</Message></Error>"},
		{"404 Not Found", ""},
	};
	struct behind b;
	int fd = large_file();
	struct blob_put put = {.key = "images/large.png", .type = "image/png", .fd = fd, .length = LARGE};
	struct blob_info info;
	begin(&b, state);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		portal_for(&b, steps[i], &portals[i % 2]);
		refused(blob_put(b.f.store, &put, &failure), ERR_UPSTREAM);
	}
	for (size_t i = 0; i < 2; i++) {
		portal_for(&b, "^POST .*uploadId", &late[i]);
		refused(blob_put(b.f.store, &put, &failure), ERR_UPSTREAM);
	}
	through(&b);
	refused(blob_stat(b.f.store, put.key, &info, &failure), ERR_NOT_FOUND);
	int64_t removed = -1;
	must(blob_sweep(b.f.store, "", 0, &removed, &failure));
	assert_int_equal(removed, 0);
	must(blob_put(b.f.store, &put, &failure));
	must(blob_stat(b.f.store, put.key, &info, &failure));
	assert_int_equal(info.bytes, LARGE);
	close(fd);
	end_behind(&b);
}

/* The first answer to the end of an upload is lost; to the second one S3 says that there is no such upload. */
static void an_upload_whose_last_answer_is_lost_is_found(void **state)
{
	struct behind b;
	int fd = large_file();
	struct blob_put put = {.key = "images/large.png", .type = "image/png", .fd = fd, .length = LARGE};
	begin(&b, state);
	gateway_rule(b.gateway, NULL, GATEWAY_PASS, 0, NULL, NULL);
	gateway_set(b.gateway, GATEWAY_PASS, 0, NULL, NULL);
	gateway_rule(b.gateway, "^POST .*uploadId", GATEWAY_LOSE, 1, NULL, NULL);
	must(blob_put(b.f.store, &put, &failure));
	assert_true(gateway_count(b.gateway, "^POST .*uploadId") == 2);
	close(fd);
	end_behind(&b);
}

/* --- contradictions and changed bytes
 * ----------------------------------------------------------------------- */

static void a_bare_404_to_a_write_is_no_missing_object(void **state)
{
	struct behind b;
	begin(&b, state);
	gateway_set(b.gateway, GATEWAY_ANSWER, GATEWAY_ALWAYS, "404 Not Found", "");
	refused(put_text(&b.f, "images/a.png", "a cat", false), ERR_UPSTREAM);
	refused(blob_set_public(b.f.store, "images/a.png", true, &failure), ERR_UPSTREAM);
	refused(blob_delete(b.f.store, "images/a.png", &failure), ERR_UPSTREAM);
	gateway_set(b.gateway, GATEWAY_ANSWER, GATEWAY_ALWAYS, "404 Not Found", "<Error><Code>NoSuchKey</Code></Error>");
	refused(put_text(&b.f, "images/a.png", "a cat", false), ERR_UPSTREAM);
	refused(blob_set_public(b.f.store, "images/a.png", true, &failure), ERR_NOT_FOUND);
	end_behind(&b);
}

static void an_object_that_is_there_and_is_not_is_told_after_a_few_attempts(void **state)
{
	struct behind b;
	begin(&b, state);
	gateway_set(b.gateway, GATEWAY_PASS, 0, NULL, NULL);
	gateway_rule(b.gateway, "^PUT ", GATEWAY_ANSWER, GATEWAY_ALWAYS, "412 Precondition Failed",
	             "<Error><Code>PreconditionFailed</Code></Error>");
	gateway_rule(b.gateway, "^HEAD ", GATEWAY_ANSWER, GATEWAY_ALWAYS, "404 Not Found", "");
	refused(put_text(&b.f, "images/a.png", "a cat", false), ERR_UPSTREAM);
	assert_non_null(strstr(failure.text, "says that 'images/a.png' is there, and that it is not"));
	assert_in_range(gateway_count(b.gateway, "^PUT "), 2, 10);
	end_behind(&b);
}

static void one_bit_that_flips_on_the_way_is_noticed(void **state)
{
	struct behind b;
	char bytes[64];
	size_t got;
	begin(&b, state);
	must(put_text(&b.f, "images/a.png", "a cat", false));
	gateway_set(b.gateway, GATEWAY_PASS, 0, NULL, NULL);
	gateway_rule(b.gateway, "^GET ", GATEWAY_FLIP, 1, NULL, NULL);
	must(blob_read(b.f.store, "images/a.png", 0, bytes, sizeof(bytes), &got, &failure));
	assert_int_equal(got, 5);
	assert_memory_equal(bytes, "a cat", 5);
	gateway_rule(b.gateway, "^GET ", GATEWAY_FLIP, GATEWAY_ALWAYS, NULL, NULL);
	refused(blob_read(b.f.store, "images/a.png", 0, bytes, sizeof(bytes), &got, &failure), ERR_UPSTREAM);
	assert_non_null(strstr(failure.text, "arrive changed"));
	end_behind(&b);
}

static void a_list_that_does_not_go_on_ends(void **state)
{
	struct behind b;
	int64_t removed;
	begin(&b, state);
	gateway_set(b.gateway, GATEWAY_ANSWER, GATEWAY_ALWAYS, "200 OK",
	            "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><Upload><Key>images/a.png</Key>"
	            "<UploadId>u</UploadId><Initiated>2099-01-01T00:00:00.000Z</Initiated></Upload>"
	            "</ListMultipartUploadsResult>");
	refused(blob_sweep(b.f.store, "", 0, &removed, &failure), ERR_UPSTREAM);
	end_behind(&b);
}

int main(void)
{
	if (getenv("TEST_BLOB") == NULL || strcmp(getenv("TEST_BLOB"), "s3") != 0) {
		fputs("test_blob_s3_answers runs with TEST_BLOB=s3 alone\n", stderr);
		return 1;
	}
	const struct CMUnitTest tests[] = {
		BLOB_TEST(an_object_is_stored_when_s3_says_so_alone),
		BLOB_TEST(an_etag_of_other_bytes_is_not_believed),
		BLOB_TEST(reading_is_not_answered_by_a_page),
		BLOB_TEST(a_list_is_not_empty_because_a_page_has_no_keys),
		BLOB_TEST(what_is_to_be_gone_hidden_or_well_is_so_by_s3_s_word),
		BLOB_TEST(an_upload_in_parts_ends_by_s3_s_word),
		BLOB_TEST(an_upload_whose_last_answer_is_lost_is_found),
		BLOB_TEST(a_bare_404_to_a_write_is_no_missing_object),
		BLOB_TEST(an_object_that_is_there_and_is_not_is_told_after_a_few_attempts),
		BLOB_TEST(one_bit_that_flips_on_the_way_is_noticed),
		BLOB_TEST(a_list_that_does_not_go_on_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
