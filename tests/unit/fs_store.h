/* A store of images in a folder of its own, for each test. */
#ifndef FS_STORE_H
#define FS_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>

#include "blob/blob.h"

struct fixture {
	char dir[64];
	struct config config;
	struct blob_store *store;
	struct err err;
};

static inline int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "/tmp/test-blob-fs-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->config.image_store.type = (char *)(uintptr_t)"fs";
	f->config.image_store.public_url = (char *)(uintptr_t)"";
	f->config.image_store.dir = f->dir;
	assert_int_equal(blob_open(&f->store, &f->config, &f->err), 0);
	*state = f;
	return 0;
}

static inline int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	blob_free(f->store);
	nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

#define FS_STORE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
