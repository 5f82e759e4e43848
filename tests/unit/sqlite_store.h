/* A store of SQLite databases, in a folder of its own for each test. Include after cmocka.h. */
#ifndef TESTS_UNIT_SQLITE_STORE_H
#define TESTS_UNIT_SQLITE_STORE_H

#include <stdbool.h>

#include "dataset/dataset.h"
#include "tempdir.h"

static struct config config;
static struct dataset_store *store;
static struct err failure;
static bool is_child; /* a forked child reports by its status, and runs no other test */

__attribute__((unused)) static void must(int result)
{
	if (result != 0 && is_child) {
		fprintf(stderr, "# %s\n", failure.text);
		_exit(1);
	}
	if (result != 0)
		fail_msg("%s", failure.text);
}

static const char *no_variable(const char *name)
{
	(void)name;
	return NULL;
}

__attribute__((unused)) static void store_open(void)
{
	must(dataset_store_open(&store, &config, &failure));
}

/* As after a kill: the log keeps what is in it. */
__attribute__((unused)) static void start_again(void)
{
	dataset_store_free(store);
	store_open();
}

/* more: further keys of the configuration, each preceded by a comma; or "". */
__attribute__((unused)) static int store_set_up_with(void **state, const char *more)
{
	char text[256];

	tempdir_make(state);
	snprintf(text, sizeof(text), "{\"sqlite_db_dir\": \"dbs\"%s}", more);
	temp_text("config.json", text);
	assert_int_equal(mkdir(temp("dbs"), 0755), 0);
	must(config_load(&config, temp("config.json"), no_variable, &failure));
	store_open();
	return 0;
}

__attribute__((unused)) static int store_set_up(void **state)
{
	return store_set_up_with(state, "");
}

__attribute__((unused)) static int store_tear_down(void **state)
{
	dataset_store_free(store);
	config_release(&config);
	return tempdir_remove(state);
}

#endif
