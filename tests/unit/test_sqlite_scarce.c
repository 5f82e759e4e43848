/* SQLite without memory, or without descriptors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataset/sqlite/internal.h"
#include "sqlite_store.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)

/* As a person's own program may leave a database whose texts SQLite converts as they are read. */
static sqlite3_stmt *utf16_row(sqlite3 **db)
{
	sqlite3_stmt *stmt;

	assert_int_equal(sqlite3_open(":memory:", db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(*db, "PRAGMA encoding = 'UTF-16'; CREATE TABLE t (a, b); INSERT INTO t VALUES ('cat', NULL)", NULL,
	                              NULL, NULL),
	                 SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(*db, "SELECT a, b FROM t", -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	return stmt;
}

static void a_text_that_there_is_no_memory_for_is_not_none(void **state)
{
	sqlite3 *db;
	int status;

	(void)state;
	pid_t child = fork();
	if (child == 0) {
		sqlite3_stmt *stmt = utf16_row(&db);

		signal(SIGABRT, SIG_DFL);
		sqlite3_hard_heap_limit64(1);
		_exit(column_peek(stmt, 0) ? 2 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(!WIFEXITED(status) || WEXITSTATUS(status) > 2);
	sqlite3_stmt *stmt = utf16_row(&db);
	assert_string_equal(column_peek(stmt, 0), "cat");
	assert_null(column_peek(stmt, 1));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

static void log_cannot_be_opened(const char *path, bool *replaced, int *failed)
{
	struct rlimit before, none;
	sqlite3 *db;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "SELECT count(*) FROM samples", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	*failed = wal_check(db, path, &failure);
	*replaced = wal_is_replaced(db, path);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	sqlite3_close(db);
}

static void a_log_that_cannot_be_looked_at_is_not_said_to_be_another_s(void **state)
{
	bool replaced;
	int failed;

	(void)state;
	must(dataset_create(store, "cats", "/cats", NULL, &failure));
	log_cannot_be_opened(temp("dbs/cats.db"), &replaced, &failed);
	assert_true(failed);
	assert_int_equal(failure.code, ERR_UNAVAILABLE);
	assert_true(failure.exhausted);
	assert_false(replaced);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_text_that_there_is_no_memory_for_is_not_none),
		TEST(a_log_that_cannot_be_looked_at_is_not_said_to_be_another_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
