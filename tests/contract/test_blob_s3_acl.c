/* The image store in a bucket without ACLs, with a key that may not do everything, or on a server that lacks a
 * header, against the gateway that AWS_ENDPOINT_URL names. */
#include <unistd.h>

#include "behind.h"

#define ERROR(code, message) "<Error><Code>" code "</Code><Message>" message "</Message></Error>"

/* The ways in which servers take no ACL. */
static const struct refusal {
	const char *status, *body;
} refusals[] = {
	{"400 Bad Request", ERROR("AccessControlListNotSupported", "The bucket does not allow ACLs")},
	{"501 Not Implemented", ERROR("NotImplemented", "A header you provided is not implemented")},
	{"501 Not Implemented", ERROR("NotImplemented", "Header 'x-amz-acl' with value 'public-read' not implemented")},
	{"501 Not Implemented", ""},
	{"403 Forbidden", ERROR("AccessDenied", "")},
};
enum { REFUSALS = sizeof(refusals) / sizeof(refusals[0]) };

static void refuse_acls(struct behind *b, const struct refusal *refusal)
{
	gateway_set(b->gateway, GATEWAY_PASS, 0, NULL, NULL);
	gateway_rule(b->gateway, "^x-amz-acl:", GATEWAY_ANSWER, GATEWAY_ALWAYS, refusal->status, refusal->body);
}

static size_t acls(struct behind *b)
{
	return gateway_count(b->gateway, "^x-amz-acl:") + gateway_count(b->gateway, "^(GET|PUT) .*[?]acl");
}

static void a_private_image_is_never_asked_for_an_acl(void **state)
{
	struct behind b = begin_behind(*state);
	b.f.store = another_blob_store(&b.f.config);
	for (size_t i = 0; i < REFUSALS; i++) {
		refuse_acls(&b, &refusals[i]);
		must(put_text(&b.f, "images/a.png", "a cat", false));
		must(put_text(&b.f, "images/a.png", "a cat", false)); /* the answer got lost */
		assert_int_equal(acls(&b), 0);
		refused(put_text(&b.f, "images/a.png", "a dog", false), ERR_CONFLICT);
	}
	end_behind(&b);
}

/* As R2 refuses whatever is not signed. */
static void a_private_image_is_stored_again_where_nobody_may_ask_unsigned(void **state)
{
	struct behind b = begin_behind(*state);
	b.f.store = another_blob_store(&b.f.config);
	gateway_set(b.gateway, GATEWAY_PASS, 0, NULL, NULL);
	gateway_rule(b.gateway, "^authorization:", GATEWAY_PASS, GATEWAY_ALWAYS, NULL, NULL);
	gateway_rule(b.gateway, NULL, GATEWAY_ANSWER, GATEWAY_ALWAYS, "400 Bad Request",
	             ERROR("InvalidArgument", "Authorization"));
	must(put_text(&b.f, "images/a.png", "a cat", false));
	must(put_text(&b.f, "images/a.png", "a cat", false));
	assert_int_equal(acls(&b), 0);
	end_behind(&b);
}

static void a_public_image_needs_no_acl_where_there_is_a_public_url(void **state)
{
	char key[64];
	for (size_t i = 0; i < REFUSALS; i++) {
		struct behind b = begin_behind(*state);
		b.f.config.image_store.public_url = (char *)(uintptr_t) "https://pictures.example.org";
		b.f.store = another_blob_store(&b.f.config);
		refuse_acls(&b, &refusals[i]);
		snprintf(key, sizeof(key), "images/%zu.png", i);
		must(blob_set_public(b.f.store, key, true, &failure));
		must(put_text(&b.f, key, "a cat", true));
		must(put_text(&b.f, key, "a cat", true));
		assert_string_equal(text_of(&b.f, key), "a cat");
		must(blob_set_public(b.f.store, key, true, &failure));
		must(blob_set_public(b.f.store, key, false, &failure));
		refused(put_text(&b.f, key, "a dog", true), ERR_CONFLICT);
		/* It is known by now, and not taken for a refusal of If-None-Match. */
		gateway_set(b.gateway, GATEWAY_PASS, 0, NULL, NULL);
		must(put_text(&b.f, "images/later.png", "a cat", true));
		assert_int_equal(acls(&b), 0);
		assert_int_equal(gateway_count(b.gateway, "^if-none-match:"), 1);
		end_behind(&b);
	}
}

static void a_public_image_without_acl_and_public_url_says_what_to_do(void **state)
{
	for (size_t i = 0; i < REFUSALS; i++) {
		struct behind b = begin_behind(*state);
		b.f.store = another_blob_store(&b.f.config);
		refuse_acls(&b, &refusals[i]);
		refused(put_text(&b.f, "images/a.png", "a cat", true), ERR_UPSTREAM);
		assert_non_null(strstr(failure.text, "image_store.public_url"));
		gateway_set(b.gateway, GATEWAY_PASS, 0, NULL, NULL);
		must(put_text(&b.f, "images/a.png", "a cat", false));
		refuse_acls(&b, &refusals[i]);
		refused(blob_set_public(b.f.store, "images/a.png", true, &failure), ERR_UPSTREAM);
		assert_non_null(strstr(failure.text, "image_store.public_url"));
		must(blob_set_public(b.f.store, "images/a.png", false, &failure)); /* as it is */
		must(blob_delete(b.f.store, "images/a.png", &failure));
		end_behind(&b);
	}
}

static void what_stays_readable_by_anybody_is_not_said_to_be_hidden(void **state)
{
	struct behind b = begin_behind(*state);
	b.f.store = another_blob_store(&b.f.config);
	must(put_text(&b.f, "images/a.png", "a cat", true));
	for (size_t i = 0; i < REFUSALS; i++) {
		refuse_acls(&b, &refusals[i]);
		refused(blob_set_public(b.f.store, "images/a.png", false, &failure), ERR_UPSTREAM);
		assert_non_null(strstr(failure.text, "anybody can read 'images/a.png'"));
		refused(put_text(&b.f, "images/a.png", "a cat", false), ERR_UPSTREAM);
	}
	end_behind(&b);
}

static void large_public_images_need_no_acl_either(void **state)
{
	int fd = large_file();
	struct blob_put put = {.type = "image/png", .public_read = true, .fd = fd, .length = LARGE};
	char key[64];
	for (size_t i = 0; i < 2; i++) {
		struct behind b = begin_behind(*state);
		b.f.config.image_store.public_url = (char *)(uintptr_t) "https://pictures.example.org";
		b.f.store = another_blob_store(&b.f.config);
		refuse_acls(&b, &refusals[i]);
		snprintf(key, sizeof(key), "images/large%zu.png", i);
		put.key = key;
		must(blob_put(b.f.store, &put, &failure));
		must(blob_put(b.f.store, &put, &failure));
		end_behind(&b);
	}
	close(fd);
}

/* Both are 501, which doesn't say what it is about. */
static void a_server_with_neither_acls_nor_conditions_works(void **state)
{
	struct behind b = begin_behind(*state);
	b.f.config.image_store.public_url = (char *)(uintptr_t) "https://pictures.example.org";
	b.f.store = another_blob_store(&b.f.config);
	gateway_set(b.gateway, GATEWAY_PASS, 0, NULL, NULL);
	gateway_rule(b.gateway, "^(x-amz-acl|if-none-match):", GATEWAY_ANSWER, GATEWAY_ALWAYS, "501 Not Implemented",
	             ERROR("NotImplemented", ""));
	must(put_text(&b.f, "images/a.png", "a cat", true));
	refused(put_text(&b.f, "images/a.png", "a dog", true), ERR_CONFLICT);
	end_behind(&b);
}

static void a_key_without_list_bucket_is_well_and_uploads(void **state)
{
	struct behind b = begin_behind(*state);
	int fd = large_file();
	struct blob_put put = {.key = "images/large.png", .type = "image/png", .fd = fd, .length = LARGE};
	b.f.store = another_blob_store(&b.f.config);
	gateway_set(b.gateway, GATEWAY_PASS, 0, NULL, NULL);
	gateway_rule(b.gateway, "^HEAD ", GATEWAY_ANSWER, GATEWAY_ALWAYS, "403 Forbidden", "");
	must(blob_ping(b.f.store, &failure));
	must(blob_ping(b.f.store, &failure));
	assert_int_equal(gateway_count(b.gateway, "^POST .*uploads"), 1); /* not at each question */
	must(put_text(&b.f, "images/a.png", "a cat", false));
	refused(put_text(&b.f, "images/a.png", "a dog", false), ERR_CONFLICT);
	must(blob_put(b.f.store, &put, &failure));
	gateway_rule(b.gateway, "^if-none-match:", GATEWAY_ANSWER, GATEWAY_ALWAYS, "501 Not Implemented", "");
	must(put_text(&b.f, "images/b.png", "a cat", false));
	int64_t removed = -1;
	must(blob_sweep(b.f.store, "", 0, &removed, &failure));
	assert_int_equal(removed, 0);
	close(fd);
	end_behind(&b);
}

/* A 200 without a header of S3's is no proof, and no disproof. */
static void a_bucket_whose_answer_could_be_anybodys_is_told_by_a_write(void **state)
{
	struct behind b = begin_behind(*state);
	b.f.store = another_blob_store(&b.f.config);
	gateway_set(b.gateway, GATEWAY_PASS, 0, NULL, NULL);
	gateway_rule(b.gateway, "^HEAD ", GATEWAY_ANSWER, GATEWAY_ALWAYS, "200 OK", "");
	must(blob_ping(b.f.store, &failure));
	end_behind(&b);
}

static void a_key_that_may_do_nothing_is_not_well(void **state)
{
	struct behind b = begin_behind(*state);
	b.f.store = another_blob_store(&b.f.config);
	gateway_set(b.gateway, GATEWAY_ANSWER, GATEWAY_ALWAYS, "403 Forbidden", ERROR("AccessDenied", ""));
	refused(blob_ping(b.f.store, &failure), ERR_UPSTREAM);
	end_behind(&b);
}

static void a_bundle_of_authorities_that_is_not_there_is_named(void **state)
{
	struct blob_fixture *f = *state;
	struct config config = f->config;
	struct blob_store *store;
	config.image_store.ca_bundle = (char *)(uintptr_t) "/nonexistent/ca.pem";
	refused(blob_open(&store, &config, &failure), ERR_BAD_REQUEST);
	assert_non_null(strstr(failure.text, "/nonexistent/ca.pem"));
	assert_non_null(strstr(failure.text, "AWS_CA_BUNDLE"));
}

int main(void)
{
	if (getenv("TEST_BLOB") == NULL || strcmp(getenv("TEST_BLOB"), "s3") != 0) {
		fputs("test_blob_s3_acl runs with TEST_BLOB=s3 alone\n", stderr);
		return 1;
	}
	const struct CMUnitTest tests[] = {
		BLOB_TEST(a_private_image_is_never_asked_for_an_acl),
		BLOB_TEST(a_private_image_is_stored_again_where_nobody_may_ask_unsigned),
		BLOB_TEST(a_public_image_needs_no_acl_where_there_is_a_public_url),
		BLOB_TEST(a_public_image_without_acl_and_public_url_says_what_to_do),
		BLOB_TEST(what_stays_readable_by_anybody_is_not_said_to_be_hidden),
		BLOB_TEST(large_public_images_need_no_acl_either),
		BLOB_TEST(a_server_with_neither_acls_nor_conditions_works),
		BLOB_TEST(a_key_without_list_bucket_is_well_and_uploads),
		BLOB_TEST(a_bucket_whose_answer_could_be_anybodys_is_told_by_a_write),
		BLOB_TEST(a_key_that_may_do_nothing_is_not_well),
		BLOB_TEST(a_bundle_of_authorities_that_is_not_there_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
