/* Labels in SQLite, with a lease or without; each function that changes them is one job of a group commit. */
#include "dataset/sqlite_internal.h"

#include "base/text.h"

/* --- parts of a write ---------------------------------------------------------------------------------------------- */

/* Has this request of the user's given a label to the sample already? */
static int given_already(struct sqlite_conn *writer, int64_t row, const char *user, const char *request, bool *given,
                         struct err *err)
{
	int64_t found = 0;

	if (request && conn_int64(writer, err, 0, &found, "SELECT 1 FROM events WHERE sample = ? AND request = ? AND by = ?",
	                          "iss", row, request, user))
		return -1;
	*given = found != 0;
	return 0;
}

int label_apply(struct sqlite_conn *writer, int64_t row, const char *user, const char *label, const char *source,
                int64_t lead_time_ms, const char *request, int64_t overlap, struct err *err)
{
	int64_t now = text_now(), n;
	bool given;

	if (given_already(writer, row, user, request, &given, err))
		return -1;
	if (given)
		return 0;
	return event_add(writer, row, label, user, now, source, lead_time_ms, request, &n, err) ||
	                       conn_run(writer, err,
	                                "INSERT INTO votes (sample, user, label, n, at) VALUES (?1, ?2, ?3, ?4, ?5)"
	                                " ON CONFLICT (sample, user) DO UPDATE SET label = excluded.label, n = excluded.n,"
	                                " at = excluded.at",
	                                "issii", row, user, label, n, now) ||
	                       conn_run(writer, err, "DELETE FROM leases WHERE sample = ? AND user = ?", "is", row, user) ||
	                       sample_settle(writer, row, overlap, NULL, err)
	               ? -1
	               : 0;
}

/* --- using a lease ------------------------------------------------------------------------------------------------- */

struct use {
	const char *user, *token, *label, *request;
	int64_t lead_time_ms;
	int64_t lease_us, expires_at;
	enum dataset_skip skip;
	int64_t row;
};

/* The lease's sample, when the token is live and its holder is the user. */
static int check_lease(struct sqlite_conn *writer, struct use *use, struct err *err)
{
	if (conn_int64(writer, err, 0, &use->row, "SELECT sample FROM leases WHERE token = ? AND user = ? AND expires > ?",
	               "ssi", use->token, use->user, text_now()))
		return -1;
	return use->row ? 0 : err_set(err, ERR_CONFLICT, "The task is no longer yours: its lease was used, taken back or ran out");
}

static int end_lease(struct sqlite_conn *writer, const struct use *use, struct err *err)
{
	int64_t overlap;

	return conn_run(writer, err, "DELETE FROM leases WHERE token = ?", "s", use->token) ||
	                       overlap_load(writer, &overlap, err) || sample_settle(writer, use->row, overlap, NULL, err)
	               ? -1
	               : 0;
}

static int run_renew(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct use *use = data;
	int64_t lease_us;

	if (check_lease(writer, use, err) || lease_length(writer, use->lease_us, &lease_us, err))
		return -1;
	use->expires_at = text_now() + lease_us;
	return conn_run(writer, err, "UPDATE leases SET expires = ?2 WHERE token = ?1", "si", use->token, use->expires_at);
}

int sqlite_renew(struct dataset *dataset, const char *user, const char *token, int64_t *expires_at, struct err *err)
{
	struct use use = {.user = user, .token = token};

	use.lease_us = lease_default(dataset);
	if (db_write(dataset_db(dataset), false, run_renew, &use, err))
		return -1;
	*expires_at = use.expires_at;
	return 0;
}

static int run_release(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct use *use = data;

	return check_lease(writer, use, err) || end_lease(writer, use, err) ? -1 : 0;
}

int sqlite_release(struct dataset *dataset, const char *user, const char *token, struct err *err)
{
	struct use use = {.user = user, .token = token};

	return db_write(dataset_db(dataset), false, run_release, &use, err);
}

static int to_the_end(struct sqlite_conn *writer, int64_t row, struct err *err)
{
	return conn_run(writer, err, "UPDATE settings SET value = value + 1 WHERE key = 'queue_end'", "") ||
	                       conn_run(writer, err,
	                                "UPDATE samples SET position = ?2 + (SELECT value FROM settings WHERE key = 'queue_end')"
	                                " WHERE id = ?1",
	                                "ii", row, QUEUE_END_BASE)
	               ? -1
	               : 0;
}

static int run_skip(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct use *use = data;
	int64_t now = text_now(), n;

	if (check_lease(writer, use, err))
		return -1;
	switch (use->skip) {
	case DATASET_SKIP_REQUEUE_FOR_ME:
		return to_the_end(writer, use->row, err) || end_lease(writer, use, err) ? -1 : 0;
	case DATASET_SKIP_REQUEUE_FOR_OTHERS:
		return conn_run(writer, err, "INSERT OR IGNORE INTO votes (sample, user, label, n, at) VALUES (?, ?, NULL, 0, ?)",
		                "isi", use->row, use->user, now) ||
		                       end_lease(writer, use, err)
		               ? -1
		               : 0;
	default:
		return event_add(writer, use->row, "", use->user, now, "skip", -1, NULL, &n, err) || end_lease(writer, use, err)
		               ? -1
		               : 0;
	}
}

int sqlite_skip(struct dataset *dataset, const char *user, const char *token, enum dataset_skip skip, struct err *err)
{
	struct use use = {.user = user, .token = token, .skip = skip};

	return db_write(dataset_db(dataset), true, run_skip, &use, err);
}

static int label_known(struct sqlite_conn *writer, const char *label, bool *known, struct err *err)
{
	int64_t found;

	if (conn_int64(writer, err, 0, &found, "SELECT 1 FROM labels WHERE label = ? AND key >= 0", "s", label))
		return -1;
	*known = found != 0;
	return 0;
}

/* The lease is over then, but its token tells the sample. */
static int labelled_already(struct sqlite_conn *writer, struct use *use, bool *given, struct err *err)
{
	int64_t row = task_token_sample(use->token) + 1;

	if (given_already(writer, row, use->user, use->request, given, err))
		return -1;
	if (*given)
		use->row = row;
	return 0;
}

static int run_label_task(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct use *use = data;
	int64_t overlap;
	bool known, given;

	if (labelled_already(writer, use, &given, err))
		return -1;
	if (given)
		return 0;
	if (check_lease(writer, use, err) || label_known(writer, use->label, &known, err) ||
	    overlap_load(writer, &overlap, err))
		return -1;
	if (!known)
		return err_set(err, ERR_UNPROCESSABLE, "The dataset has no label %s", use->label);
	return label_apply(writer, use->row, use->user, use->label, "task", use->lead_time_ms, use->request, overlap, err);
}

int sqlite_label_task(struct dataset *dataset, const char *user, const char *token, const char *label,
                      int64_t lead_time_ms, const char *request, struct sample *out, struct err *err)
{
	struct use use = {.user = user, .token = token, .label = label, .request = request, .lead_time_ms = lead_time_ms};

	if (db_write(dataset_db(dataset), true, run_label_task, &use, err))
		return -1;
	return out ? sqlite_sample(dataset, use.row - 1, out, err) : 0;
}

/* --- labelling without a lease --------------------------------------------------------------------------------------- */

struct by_path {
	const char *name, *user, *base_dir, *filepath, *label, *request;
	bool accepted;
};

static int base_dir_matches(struct sqlite_conn *writer, const struct by_path *path, bool *matches, struct err *err)
{
	int64_t same;

	if (conn_int64(writer, err, 0, &same,
	               "SELECT base_dir IS ?2 FROM metadata ORDER BY dataset_name IS NOT ?1, rowid LIMIT 1", "ss", path->name,
	               path->base_dir))
		return -1;
	*matches = same != 0;
	return 0;
}

static int run_label_path(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct by_path *path = data;
	int64_t overlap, row = 0;
	bool known, matches;

	path->accepted = false;
	if (label_known(writer, path->label, &known, err) || base_dir_matches(writer, path, &matches, err) ||
	    overlap_load(writer, &overlap, err))
		return -1;
	if (!known || !matches)
		return 0;
	for (;;) {
		if (conn_int64(writer, err, 0, &row, "SELECT id FROM samples WHERE filepath = ? AND id > ? ORDER BY id LIMIT 1",
		               "si", path->filepath, row))
			return -1;
		if (row == 0)
			return 0;
		if (label_apply(writer, row, path->user, path->label, "classify", -1, path->request, overlap, err))
			return -1;
		path->accepted = true;
	}
}

int sqlite_label_path(struct dataset *dataset, const char *user, const char *base_dir, const char *filepath,
                      const char *label, const char *request, bool *accepted, struct err *err)
{
	struct by_path path = {.name = dataset->name,
	                       .user = user,
	                       .base_dir = base_dir,
	                       .filepath = filepath,
	                       .label = label,
	                       .request = request};

	if (db_write(dataset_db(dataset), true, run_label_path, &path, err))
		return -1;
	*accepted = path.accepted;
	return 0;
}

/* --- unreadable files ---------------------------------------------------------------------------------------------- */

struct unreadable {
	const int64_t *ids;
	size_t count;
};

static int mark_unreadable(struct sqlite_conn *writer, int64_t row, struct err *err)
{
	int64_t unlabelled;

	if (conn_int64(writer, err, 0, &unlabelled, "SELECT 1 FROM samples WHERE id = ? AND state = 0", "i", row))
		return -1;
	if (!unlabelled)
		return 0;
	return conn_run(writer, err, "UPDATE samples SET state = 3, slots = 0, version = version + 1 WHERE id = ?", "i", row) ||
	                       conn_run(writer, err, "DELETE FROM leases WHERE sample = ?", "i", row)
	               ? -1
	               : 0;
}

static int run_mark_unreadable(struct sqlite_conn *writer, void *data, struct err *err)
{
	const struct unreadable *all = data;

	for (size_t i = 0; i < all->count; i++) {
		if (mark_unreadable(writer, all->ids[i] + 1, err))
			return -1;
	}
	return 0;
}

int sqlite_mark_unreadable(struct dataset *dataset, const int64_t *ids, size_t count, struct err *err)
{
	struct unreadable all = {.ids = ids, .count = count};

	return db_write(dataset_db(dataset), false, run_mark_unreadable, &all, err);
}

static int run_retry_unreadable(struct sqlite_conn *writer, void *data, struct err *err)
{
	/* Nobody holds them, so each has a place; how many it has is counted when one is taken. */
	if (conn_run(writer, err, "UPDATE samples SET state = 0, version = version + 1, slots = 1 WHERE state = 3", ""))
		return -1;
	*(int64_t *)data = sqlite3_changes64(writer->db);
	return 0;
}

/* Called at start and reload, and so the time to end what a crash left, too. */
int sqlite_retry_unreadable(struct dataset *dataset, int64_t *count, struct err *err)
{
	return db_write(dataset_db(dataset), true, run_retry_unreadable, count, err) || db_catch_up(dataset_db(dataset), err)
	               ? -1
	               : 0;
}
