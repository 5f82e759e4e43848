/* What the image stores' contract tests build on: an empty store of the backend that TEST_BLOB names. */
#ifndef CONTRACT_BLOB_FIXTURE_H
#define CONTRACT_BLOB_FIXTURE_H

#include "fixture.h" /* must, refused, failure */

#include "blob/blob.h"
#include "blob/key.h"

struct blob_fixture {
	struct config config;
	struct blob_store *store;
	char dir[64];    /* fs: a temporary folder */
	char bucket[64]; /* s3: a bucket of its own */
};

int with_blobs(void **state);
int blobs_teardown(void **state);
#define BLOB_TEST(name) cmocka_unit_test_setup_teardown(name, with_blobs, blobs_teardown)

/* Opens another store on the same objects, with a partly different configuration. */
struct blob_store *another_blob_store(const struct config *config);

int put_text(struct blob_fixture *fixture, const char *key, const char *text, bool public_read);
/* The object's bytes as text, valid until the next call; fails the test when they can't be read. */
const char *text_of(struct blob_fixture *fixture, const char *key);
/* The URL of blob_url, valid for 600 s. */
const char *url_of(struct blob_fixture *fixture, const char *key, bool public_read);

/* An unnamed file with the text, at position 0. */
int temporary_file(const char *text);

/* Runs curl with these arguments, in the shell's syntax, and returns its output, valid until the next call. */
const char *curl(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
