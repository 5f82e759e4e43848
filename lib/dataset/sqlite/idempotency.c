/* Answers kept by idempotency key, in a database of their own beside the datasets. */
#include "dataset/sqlite/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "dataset/rules.h"

/* A name that no dataset has. */
#define ANSWERS ".idempotency"

static int open_or_make(const char *path, struct sqlite_db **out, struct err *err)
{
	if (db_open(out, path, true, &schema_of_answers, err) == 0)
		return 0;
	return err->code == ERR_CONFLICT ? db_open(out, path, false, &schema_of_answers, err) : -1;
}

/* It keeps answers for a day: if it is damaged, requests go on without those that were in it. */
static int set_aside(const char *path, const struct stat *file, const struct err *why, struct err *err)
{
	char *aside;

	if (db_set_aside(path, file->st_dev, file->st_ino, &aside, err))
		return -1;
	if (aside)
		log_write(LOG_WARN, "the idempotency keys' database is damaged: it is set aside, and made anew", "database", path,
		          "aside", aside, "error", why->text, NULL);
	free(aside);
	return 0;
}

static bool is_replaced(const char *path)
{
	sqlite3 *db;
	struct err why;
	bool replaced = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK && wal_check(db, path, &why);

	sqlite3_close(db);
	return replaced;
}

static int open_answers(struct sqlite_store *store, const char *name, struct sqlite_db **out, struct err *err)
{
	char *path = dataset_path(store, name, "");
	struct stat file;
	struct err why;
	bool is_there = stat(path, &file) == 0;
	int failed = open_or_make(path, out, &why);

	if (failed && is_there && (why.code == ERR_INTERNAL || is_replaced(path)))
		failed = set_aside(path, &file, &why, err) || open_or_make(path, out, err);
	else if (failed)
		*err = why;
	free(path);
	return failed ? err_prefix(err, "The idempotency keys' database %s/%s.db", store->config->sqlite_db_dir, name) : 0;
}

static int try_write(struct sqlite_store *store, write_run *run, void *data, struct stat *file, struct err *err)
{
	struct sqlite_dataset *answers;

	if (handle_get(store, ANSWERS, open_answers, &answers, err))
		return -1;
	*file = (struct stat){.st_dev = answers->db->device, .st_ino = answers->db->inode};
	int failed = db_write(answers->db, true, run, data, err);
	handle_put(answers);
	return failed;
}

/* Damage that is met only now is set aside, too, and the write made once more. */
static int write_answers(struct dataset_store *base, write_run *run, void *data, struct err *err)
{
	struct sqlite_store *store = sqlite_store(base);
	struct stat file = {.st_ino = 0};

	if (try_write(store, run, data, &file, err) == 0)
		return 0;
	if (err->code != ERR_INTERNAL || file.st_ino == 0)
		return -1;
	struct err why = *err;
	char *path = dataset_path(store, ANSWERS, "");
	int failed = set_aside(path, &file, &why, err);
	free(path);
	return failed || try_write(store, run, data, &file, err) ? -1 : 0;
}

struct claim {
	const char *user, *key, *fingerprint, *body;
	int status;
	enum idempotency found;
	char *answer;
};

static void read_answer(sqlite3_stmt *stmt, struct claim *claim, int64_t now)
{
	bool same = strcmp((const char *)sqlite3_column_text(stmt, 0), claim->fingerprint) == 0;

	claim->found = rules_claim(same, sqlite3_column_type(stmt, 2) != SQLITE_NULL, now - sqlite3_column_int64(stmt, 1));
	if (claim->found != IDEMPOTENCY_DONE)
		return;
	claim->status = sqlite3_column_int(stmt, 2);
	claim->answer = column_text(stmt, 3);
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

	if (write_answers(store, run_claim, &claim, err)) {
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

	return write_answers(store, run_finish, &claim, err);
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

	return write_answers(store, run_abandon, &claim, err);
}
