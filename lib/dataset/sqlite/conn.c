/* A SQLite connection with its prepared statements. */
#include "dataset/sqlite/internal.h"

#include <stdarg.h>

enum {
	BUSY_MS = 5000,          /* wait this long for writers of other programs (such as a person's sqlite3 shell) */
	READER_CACHE_KIB = 512,  /* page cache of a reading connection */
	WRITER_CACHE_KIB = 4096, /* and of the writing one */
};

int conn_open(struct sqlite_conn **out, const char *path, bool writable, struct err *err)
{
	struct sqlite_conn *conn = memory_new(1, sizeof(*conn));
	char pragma[128];

	if (sqlite3_open_v2(path, &conn->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL) !=
	    SQLITE_OK) {
		conn_fail(conn, err);
		conn_free(conn);
		return -1;
	}
	if (*path && wal_check(conn->db, path, err)) {
		conn_free(conn);
		return -1;
	}
	sqlite3_extended_result_codes(conn->db, 1);
	sqlite3_busy_timeout(conn->db, BUSY_MS);
	/* Closing must not checkpoint, which would be a write outside the lock. */
	sqlite3_db_config(conn->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	snprintf(pragma, sizeof(pragma), "PRAGMA cache_size = -%d; PRAGMA query_only = %d; PRAGMA temp_store = MEMORY;",
	         writable ? WRITER_CACHE_KIB : READER_CACHE_KIB, !writable);
	if (conn_script(conn, pragma, err)) {
		conn_free(conn);
		return -1;
	}
	*out = conn;
	return 0;
}

void conn_free(struct sqlite_conn *conn)
{
	if (!conn)
		return;
	for (size_t i = 0; i < SQLITE_STATEMENTS_MAX; i++)
		sqlite3_finalize(conn->statement[i].stmt);
	sqlite3_close_v2(conn->db);
	free(conn);
}

/* The place of a statement, by the address of its text: its own, or a free one; SQLITE_STATEMENTS_MAX: none is free. */
static size_t statement_place(const struct sqlite_conn *conn, const char *sql)
{
	size_t first = (uintptr_t)sql / sizeof(void *);

	for (size_t i = 0; i < SQLITE_STATEMENTS_MAX; i++) {
		size_t place = (first + i) % SQLITE_STATEMENTS_MAX;

		if (!conn->statement[place].sql || conn->statement[place].sql == sql)
			return place;
	}
	return SQLITE_STATEMENTS_MAX;
}

static sqlite3_stmt *statement(struct sqlite_conn *conn, const char *sql, struct err *err)
{
	size_t place = statement_place(conn, sql);
	sqlite3_stmt *stmt = NULL;

	if (place == SQLITE_STATEMENTS_MAX) {
		err_set(err, ERR_INTERNAL, "More than %d statements on one connection", SQLITE_STATEMENTS_MAX);
		return NULL;
	}
	if (conn->statement[place].sql) {
		sqlite3_reset(conn->statement[place].stmt);
		return conn->statement[place].stmt;
	}
	if (sqlite3_prepare_v3(conn->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK) {
		conn_fail(conn, err);
		return NULL;
	}
	conn->statement[place].sql = sql;
	conn->statement[place].stmt = stmt;
	return stmt;
}

static sqlite3_stmt *bind(struct sqlite_conn *conn, struct err *err, const char *sql, const char *types, va_list args)
{
	sqlite3_stmt *stmt = statement(conn, sql, err);

	for (int i = 0; stmt && types[i]; i++) {
		int code = SQLITE_OK;
		const char *text;

		switch (types[i]) {
		case 'i':
			code = sqlite3_bind_int64(stmt, i + 1, va_arg(args, int64_t));
			break;
		case 'd':
			code = sqlite3_bind_double(stmt, i + 1, va_arg(args, double));
			break;
		case 's':
			text = va_arg(args, const char *);
			code = sqlite3_bind_text(stmt, i + 1, text, -1, SQLITE_STATIC);
			break;
		default:
			code = sqlite3_bind_null(stmt, i + 1);
		}
		if (code != SQLITE_OK) {
			conn_fail(conn, err);
			return NULL;
		}
	}
	return stmt;
}

sqlite3_stmt *conn_query(struct sqlite_conn *conn, struct err *err, const char *sql, const char *types, ...)
{
	va_list args;

	va_start(args, types);
	sqlite3_stmt *stmt = bind(conn, err, sql, types, args);
	va_end(args);
	return stmt;
}

int conn_step(struct sqlite_conn *conn, sqlite3_stmt *stmt, struct err *err)
{
	int code = sqlite3_step(stmt);

	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE) {
		sqlite3_reset(stmt);
		return 0;
	}
	conn_fail(conn, err);
	sqlite3_reset(stmt);
	return -1;
}

void conn_done(sqlite3_stmt *stmt)
{
	sqlite3_reset(stmt);
}

static int run_to_end(struct sqlite_conn *conn, sqlite3_stmt *stmt, struct err *err)
{
	int row = stmt ? 1 : -1;

	while (row == 1)
		row = conn_step(conn, stmt, err);
	return row;
}

int conn_run(struct sqlite_conn *conn, struct err *err, const char *sql, const char *types, ...)
{
	va_list args;

	va_start(args, types);
	sqlite3_stmt *stmt = bind(conn, err, sql, types, args);
	va_end(args);
	return run_to_end(conn, stmt, err);
}

int conn_int64(struct sqlite_conn *conn, struct err *err, int64_t otherwise, int64_t *out, const char *sql,
               const char *types, ...)
{
	va_list args;

	va_start(args, types);
	sqlite3_stmt *stmt = bind(conn, err, sql, types, args);
	va_end(args);
	int row = stmt ? conn_step(conn, stmt, err) : -1;
	if (row < 0)
		return -1;
	*out = otherwise;
	if (row == 1) {
		*out = sqlite3_column_int64(stmt, 0);
		conn_done(stmt);
	}
	return 0;
}

const char *column_peek(sqlite3_stmt *stmt, int column)
{
	if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
		return NULL;
	return memory_must((void *)(uintptr_t)sqlite3_column_text(stmt, column));
}

char *column_text(sqlite3_stmt *stmt, int column)
{
	const char *text = column_peek(stmt, column);

	return memory_text(text ? text : "");
}
