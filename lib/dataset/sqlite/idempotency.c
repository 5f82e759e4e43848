/* Answers kept by idempotency key, in a database of their own beside the datasets. */
#include "dataset/sqlite/internal.h"

#include "base/clock.h"
#include "base/text.h"
#include "dataset/rules.h"

struct claim {
	const char *user, *key, *fingerprint, *body;
	int status;
	enum idempotency found;
	char *answer;
};

static void claim_from(sqlite3_stmt *stmt, struct claim *claim, int64_t now)
{
	bool same = strcmp(column_peek(stmt, 0), claim->fingerprint) == 0;

	claim->found = rules_claim(same, sqlite3_column_type(stmt, 2) != SQLITE_NULL, now - sqlite3_column_int64(stmt, 1));
	if (claim->found != IDEMPOTENCY_DONE)
		return;
	claim->status = sqlite3_column_int(stmt, 2);
	claim->answer = column_text(stmt, 3);
}

static int write_claim(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct claim *claim = data;
	int64_t now = text_now();

	free(claim->answer); /* from an attempt whose transaction failed */
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
		claim_from(stmt, claim, now);
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

	if (beside_write(store, &beside_answers, write_claim, &claim, err)) {
		free(claim.answer);
		return -1;
	}
	*out = claim.found;
	*status = claim.status;
	*body = claim.answer;
	return 0;
}

static int write_finish(struct sqlite_conn *writer, void *data, struct err *err)
{
	const struct claim *claim = data;

	return conn_run(writer, err, "UPDATE answers SET status = ?3, body = ?4 WHERE user = ?1 AND key = ?2", "ssis",
	                claim->user, claim->key, (int64_t)claim->status, claim->body);
}

int sqlite_idempotency_finish(struct dataset_store *store, const char *user, const char *key, int status,
                              const char *body, struct err *err)
{
	struct claim claim = {.user = user, .key = key, .status = status, .body = body};

	return beside_write(store, &beside_answers, write_finish, &claim, err);
}

static int write_abandon(struct sqlite_conn *writer, void *data, struct err *err)
{
	const struct claim *claim = data;

	return conn_run(writer, err, "DELETE FROM answers WHERE user = ? AND key = ? AND status IS NULL", "ss", claim->user,
	                claim->key);
}

int sqlite_idempotency_abandon(struct dataset_store *store, const char *user, const char *key, struct err *err)
{
	struct claim claim = {.user = user, .key = key};

	return beside_write(store, &beside_answers, write_abandon, &claim, err);
}
