/* Answers kept by idempotency key, in a database of their own beside the datasets. */
#include "dataset/sqlite.h"

#include "base/buf.h"
#include "base/text.h"

enum { CLAIM_SECONDS = 60 }; /* a claim whose process died is given up */

#define MICROSECONDS INT64_C(1000000)

/* Makes the database, or opens it when it is there. */
static struct sqlite_db *open_answers(const struct sqlite_store *store, struct err *err)
{
	struct sqlite_db *db;
	struct buf path;

	buf_init(&path, 16384);
	buf_printf(&path, "%s/.idempotency.db", store->config->sqlite_db_dir);
	int failed = db_open(&db, buf_text(&path), true, schema_migrate_idempotency, err);
	if (failed && err->code == ERR_CONFLICT)
		failed = db_open(&db, buf_text(&path), false, schema_migrate_idempotency, err);
	buf_release(&path);
	return failed ? NULL : db;
}

static struct sqlite_db *answers(struct dataset_store *base, struct err *err)
{
	struct sqlite_store *store = (struct sqlite_store *)base;

	pthread_mutex_lock(&store->mutex);
	struct sqlite_db *db = store->idempotency;
	if (!db || !db_current(db)) {
		db = open_answers(store, err);
		if (db) {
			db->former = store->idempotency;
			store->idempotency = db;
		}
	}
	pthread_mutex_unlock(&store->mutex);
	return db;
}

struct claim {
	const char *user, *key, *fingerprint, *body;
	int status;
	enum idempotency found;
	char *answer;
};

static void read_answer(sqlite3_stmt *stmt, struct claim *claim, int64_t now)
{
	const char *fingerprint = (const char *)sqlite3_column_text(stmt, 0);
	int64_t at = sqlite3_column_int64(stmt, 1);

	if (strcmp(fingerprint, claim->fingerprint) != 0) {
		claim->found = IDEMPOTENCY_OTHER;
	} else if (sqlite3_column_type(stmt, 2) != SQLITE_NULL) {
		claim->found = IDEMPOTENCY_DONE;
		claim->status = sqlite3_column_int(stmt, 2);
		claim->answer = column_text(stmt, 3);
	} else if (llabs(now - at) < CLAIM_SECONDS * MICROSECONDS) { /* the clock may have gone back */
		claim->found = IDEMPOTENCY_BUSY;
	}
}

static int run_claim(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct claim *claim = data;
	int64_t now = text_now();

	free(claim->answer); /* of a run whose transaction failed */
	claim->answer = NULL;
	claim->found = IDEMPOTENCY_NEW;
	if (conn_run(writer, err, "DELETE FROM answers WHERE at < ?", "i", now - IDEMPOTENCY_SECONDS * MICROSECONDS))
		return -1;
	sqlite3_stmt *stmt = conn_query(writer, err,
	                                "SELECT fingerprint, at, status, body FROM answers WHERE user = ? AND key = ?", "ss",
	                                claim->user, claim->key);
	int row = stmt ? conn_step(writer, stmt, err) : -1;
	if (row < 0)
		return -1;
	if (row == 1) {
		read_answer(stmt, claim, now);
		conn_done(stmt);
	}
	if (claim->found != IDEMPOTENCY_NEW)
		return 0;
	return conn_run(writer, err,
	                "INSERT OR REPLACE INTO answers (user, key, fingerprint, at, status, body)"
	                " VALUES (?1, ?2, ?3, ?4, NULL, NULL)",
	                "sssi", claim->user, claim->key, claim->fingerprint, now);
}

int sqlite_idempotency_claim(struct dataset_store *store, const char *user, const char *key, const char *fingerprint,
                             enum idempotency *out, int *status, char **body, struct err *err)
{
	struct claim claim = {.user = user, .key = key, .fingerprint = fingerprint};
	struct sqlite_db *db = answers(store, err);

	if (!db || db_write(db, true, run_claim, &claim, err)) {
		free(claim.answer);
		return -1;
	}
	*out = claim.found;
	*status = claim.status;
	*body = claim.answer;
	return 0;
}

static int run_finish(struct sqlite_conn *writer, void *data, struct err *err)
{
	const struct claim *claim = data;

	return conn_run(writer, err, "UPDATE answers SET status = ?3, body = ?4 WHERE user = ?1 AND key = ?2", "ssis",
	                claim->user, claim->key, (int64_t)claim->status, claim->body);
}

int sqlite_idempotency_finish(struct dataset_store *store, const char *user, const char *key, int status,
                              const char *body, struct err *err)
{
	struct claim claim = {.user = user, .key = key, .status = status, .body = body};
	struct sqlite_db *db = answers(store, err);

	return db ? db_write(db, true, run_finish, &claim, err) : -1;
}

static int run_abandon(struct sqlite_conn *writer, void *data, struct err *err)
{
	const struct claim *claim = data;

	return conn_run(writer, err, "DELETE FROM answers WHERE user = ? AND key = ? AND status IS NULL", "ss", claim->user,
	                claim->key);
}

int sqlite_idempotency_abandon(struct dataset_store *store, const char *user, const char *key, struct err *err)
{
	struct claim claim = {.user = user, .key = key};
	struct sqlite_db *db = answers(store, err);

	return db ? db_write(db, true, run_abandon, &claim, err) : -1;
}
