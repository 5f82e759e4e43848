/* The queue, leases and labels in SQLite; each function that changes them is one job of a group commit. */
#include "dataset/sqlite.h"

#include "base/hash.h"
#include "base/text.h"

enum { SWEEP_MAX = 1000 }; /* expired leases ended in one write */

#define MICROSECONDS INT64_C(1000000)

/* --- parts of a write ---------------------------------------------------------------------------------------------- */

/* How many more people may be given the sample. */
static int refresh_slots(struct sqlite_conn *writer, int64_t row, int64_t overlap, struct err *err)
{
	return conn_run(writer, err,
	                "UPDATE samples SET slots = CASE WHEN state <> 0 THEN 0 ELSE MAX(0, ?2"
	                " - (SELECT COUNT(*) FROM votes WHERE votes.sample = ?1 AND votes.label IS NOT NULL)"
	                " - (SELECT COUNT(*) FROM leases WHERE leases.sample = ?1 AND leases.shared = 0)) END WHERE id = ?1",
	                "ii", row, overlap);
}

static int overlap_load(struct sqlite_conn *conn, int64_t *overlap, struct err *err)
{
	return conn_int64(conn, err, 1, overlap, "SELECT value FROM settings WHERE key = 'overlap'", "");
}

/* Ends leases whose time is over, so that their samples are in the queue again. */
static int sweep(struct sqlite_conn *writer, int64_t now, int64_t overlap, struct err *err)
{
	for (int i = 0; i < SWEEP_MAX; i++) {
		int64_t row;

		if (conn_int64(writer, err, 0, &row, "SELECT sample FROM leases WHERE expires <= ? ORDER BY expires LIMIT 1", "i",
		               now))
			return -1;
		if (row == 0)
			return 0;
		if (conn_run(writer, err, "DELETE FROM leases WHERE sample = ? AND expires <= ?", "ii", row, now) ||
		    refresh_slots(writer, row, overlap, err))
			return -1;
	}
	return 0;
}

/* A state change that takes the sample out of everybody's hands. */
static int set_label(struct sqlite_conn *writer, int64_t row, const char *label, const char *user, int64_t now,
                     enum sample_state state, struct err *err)
{
	return conn_run(writer, err,
	                "UPDATE samples SET label = ?2, state = ?3, slots = 0, version = version + 1, labelled_at = ?4,"
	                " labelled_by = ?5 WHERE id = ?1",
	                "isiis", row, label, (int64_t)state, now, user) ||
	                       conn_run(writer, err, "DELETE FROM leases WHERE sample = ?", "i", row)
	               ? -1
	               : 0;
}

/* The label that more than half of the voters gave, once enough have voted. */
static int decide(struct sqlite_conn *writer, int64_t row, const char *user, int64_t overlap, int64_t now,
                  struct err *err)
{
	int64_t total;

	if (conn_int64(writer, err, 0, &total, "SELECT COUNT(*) FROM votes WHERE sample = ? AND label IS NOT NULL", "i", row))
		return -1;
	if (total < overlap)
		return refresh_slots(writer, row, overlap, err);
	sqlite3_stmt *stmt = conn_query(writer, err,
	                                "SELECT label FROM votes WHERE sample = ?1 AND label IS NOT NULL GROUP BY label"
	                                " HAVING COUNT(*) * 2 > ?2",
	                                "ii", row, total);
	int found = stmt ? conn_step(writer, stmt, err) : -1;
	if (found < 0)
		return -1;
	char *label = found ? column_text(stmt, 0) : NULL;
	conn_done(stmt);
	int failed = set_label(writer, row, label ? label : "", user, now, label ? SAMPLE_LABELLED : SAMPLE_UNLABELLED, err);
	free(label);
	return failed;
}

int label_apply(struct sqlite_conn *writer, int64_t row, const char *user, const char *label, const char *source,
                int64_t lead_time_ms, int64_t overlap, struct err *err)
{
	int64_t now = text_now();

	if (event_add(writer, row, label, user, now, source, lead_time_ms, err))
		return -1;
	if (overlap <= 1)
		return set_label(writer, row, label, user, now, SAMPLE_LABELLED, err);
	return conn_run(writer, err,
	                "INSERT INTO votes (sample, user, label) VALUES (?1, ?2, ?3)"
	                " ON CONFLICT (sample, user) DO UPDATE SET label = excluded.label",
	                "iss", row, user, label) ||
	                       conn_run(writer, err, "DELETE FROM leases WHERE sample = ? AND user = ?", "is", row, user) ||
	                       decide(writer, row, user, overlap, now, err)
	               ? -1
	               : 0;
}

int overlap_changed(struct sqlite_conn *writer, int64_t overlap, struct err *err)
{
	for (int64_t row = 0;;) {
		if (conn_int64(writer, err, 0, &row,
		               "SELECT votes.sample FROM votes JOIN samples ON samples.id = votes.sample WHERE samples.state = 0"
		               " AND votes.label IS NOT NULL AND votes.sample > ?1 GROUP BY votes.sample HAVING COUNT(*) >= ?2"
		               " ORDER BY votes.sample LIMIT 1",
		               "ii", row, overlap))
			return -1;
		if (row == 0)
			break;
		if (decide(writer, row, "", overlap, text_now(), err))
			return -1;
	}
	return conn_run(writer, err,
	                "UPDATE samples SET slots = MAX(0, ?1"
	                " - (SELECT COUNT(*) FROM votes WHERE votes.sample = samples.id AND votes.label IS NOT NULL)"
	                " - (SELECT COUNT(*) FROM leases WHERE leases.sample = samples.id AND leases.shared = 0))"
	                " WHERE state = 0",
	                "i", overlap);
}

/* --- taking leases ------------------------------------------------------------------------------------------------- */

struct taking {
	const char *user;
	int64_t lease_us; /* of the configuration; the policy's own goes before */
	size_t wanted;
	bool next; /* as /obtain: one's own again, and shared when nothing is free */
	struct task *out;
	size_t taken;
};

static int lease_insert(struct sqlite_conn *writer, int64_t row, const char *user, int64_t now, int64_t lease_us,
                        bool shared, struct task *out, struct err *err)
{
	char token[HASH_TOKEN_MAX];

	hash_random_token(HASH_TOKEN_BYTES, token);
	snprintf(out->token, sizeof(out->token), "%.*s", DATASET_TOKEN_MAX - 1, token);
	out->expires_at = now + lease_us;
	return conn_run(writer, err,
	                "INSERT INTO leases (token, sample, user, taken, expires, shared) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	                "sisiii", out->token, row, user, now, out->expires_at, (int64_t)shared) ||
	                       sample_load(writer, row, &out->sample, err)
	               ? -1
	               : 0;
}

/* The queue's head that this user may have; 0 when there is none. */
static int queue_head(struct sqlite_conn *writer, const char *user, int64_t *row, struct err *err)
{
	return conn_int64(writer, err, 0, row,
	                  "SELECT id FROM samples INDEXED BY samples_queue WHERE slots > 0"
	                  " AND NOT EXISTS (SELECT 1 FROM votes WHERE votes.sample = samples.id AND votes.user = ?1)"
	                  " AND NOT EXISTS (SELECT 1 FROM leases WHERE leases.sample = samples.id AND leases.user = ?1)"
	                  " ORDER BY position LIMIT 1",
	                  "s", user);
}

static int oldest_shareable(struct sqlite_conn *writer, const char *user, int64_t now, int64_t *row, struct err *err)
{
	return conn_int64(writer, err, 0, row,
	                  "SELECT leases.sample FROM leases JOIN samples ON samples.id = leases.sample"
	                  " WHERE leases.expires > ?2 AND leases.shared = 0 AND samples.state = 0"
	                  " AND NOT EXISTS (SELECT 1 FROM votes WHERE votes.sample = leases.sample AND votes.user = ?1)"
	                  " ORDER BY leases.taken, samples.position LIMIT 1",
	                  "si", user, now);
}

/* The user's oldest live lease; row 0 when there is none. */
static int own_lease(struct sqlite_conn *conn, const char *user, int64_t now, int64_t *row, struct task *out,
                     struct err *err)
{
	sqlite3_stmt *stmt = conn_query(conn, err,
	                                "SELECT leases.sample, leases.token, leases.expires FROM leases JOIN samples"
	                                " ON samples.id = leases.sample WHERE leases.user = ?1 AND leases.expires > ?2"
	                                " AND samples.state = 0 ORDER BY leases.taken, samples.position LIMIT 1",
	                                "si", user, now);
	int found = stmt ? conn_step(conn, stmt, err) : -1;

	*row = 0;
	if (found == 1) {
		*row = sqlite3_column_int64(stmt, 0);
		snprintf(out->token, sizeof(out->token), "%s", (const char *)sqlite3_column_text(stmt, 1));
		out->expires_at = sqlite3_column_int64(stmt, 2);
		conn_done(stmt);
	}
	return found < 0 ? -1 : 0;
}

static int lease_length(struct sqlite_conn *conn, int64_t otherwise_us, int64_t *out, struct err *err)
{
	if (conn_int64(conn, err, 0, out, "SELECT value FROM settings WHERE key = 'lease_seconds'", ""))
		return -1;
	*out = *out ? *out * MICROSECONDS : otherwise_us;
	return 0;
}

static int take_own(struct sqlite_conn *writer, struct taking *taking, int64_t now, int64_t lease_us, struct err *err)
{
	struct task *out = taking->out;
	int64_t row;

	if (own_lease(writer, taking->user, now, &row, out, err))
		return -1;
	if (row == 0)
		return 0;
	out->expires_at = now + lease_us;
	taking->taken = 1;
	return conn_run(writer, err, "UPDATE leases SET expires = ?2 WHERE token = ?1", "si", out->token, out->expires_at) ||
	                       sample_load(writer, row, &out->sample, err)
	               ? -1
	               : 0;
}

static int take_free(struct sqlite_conn *writer, struct taking *taking, int64_t now, int64_t lease_us, int64_t overlap,
                     struct err *err)
{
	while (taking->taken < taking->wanted) {
		int64_t row;

		if (queue_head(writer, taking->user, &row, err))
			return -1;
		if (row == 0)
			return 0;
		if (lease_insert(writer, row, taking->user, now, lease_us, false, &taking->out[taking->taken], err))
			return -1;
		taking->taken++;
		if (refresh_slots(writer, row, overlap, err))
			return -1;
	}
	return 0;
}

static int take_shared(struct sqlite_conn *writer, struct taking *taking, int64_t now, int64_t lease_us, struct err *err)
{
	int64_t row;

	if (oldest_shareable(writer, taking->user, now, &row, err))
		return -1;
	if (row == 0)
		return 0;
	taking->taken = 1;
	return lease_insert(writer, row, taking->user, now, lease_us, true, taking->out, err);
}

static int check_held(struct sqlite_conn *writer, const struct taking *taking, int64_t now, struct err *err)
{
	int64_t held;

	if (conn_int64(writer, err, 0, &held, "SELECT COUNT(*) FROM leases WHERE user = ? AND expires > ?", "si",
	               taking->user, now))
		return -1;
	if (held + (int64_t)taking->wanted > DATASET_TASKS_HELD_MAX)
		return err_set(err, ERR_CONFLICT, "You hold %lld tasks; at most %d may be held at once", (long long)held,
		               DATASET_TASKS_HELD_MAX);
	return 0;
}

static void give_back(struct taking *taking)
{
	tasks_release(taking->out, taking->wanted);
	taking->taken = 0;
}

static int run_take(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct taking *taking = data;
	int64_t now = text_now(), overlap, lease_us;

	give_back(taking); /* of a run whose transaction failed */
	if (overlap_load(writer, &overlap, err) || lease_length(writer, taking->lease_us, &lease_us, err) ||
	    sweep(writer, now, overlap, err))
		return -1;
	if (!taking->next)
		return check_held(writer, taking, now, err) || take_free(writer, taking, now, lease_us, overlap, err) ? -1 : 0;
	if (take_own(writer, taking, now, lease_us, err))
		return -1;
	if (taking->taken == 0 && take_free(writer, taking, now, lease_us, overlap, err))
		return -1;
	return taking->taken == 0 ? take_shared(writer, taking, now, lease_us, err) : 0;
}

static int take(struct dataset *dataset, struct taking *taking, struct err *err)
{
	taking->lease_us = ((struct sqlite_dataset *)dataset)->store->config->limits.lease_seconds * MICROSECONDS;
	memset(taking->out, 0, taking->wanted * sizeof(*taking->out));
	/* A lease needs no sync: what power loss takes away is only that its sample is free again. */
	if (db_write(dataset_db(dataset), false, run_take, taking, err) == 0)
		return 0;
	give_back(taking);
	return -1;
}

/* One's own lease that is good for more than half its time is answered without a write. */
static int own_without_write(struct dataset *dataset, const char *user, struct task *out, bool *found, struct err *err)
{
	struct sqlite_dataset *own = (struct sqlite_dataset *)dataset;
	struct sqlite_conn *conn = db_read(own->db, err);
	int64_t now = text_now(), row = 0, lease_us;

	if (!conn)
		return -1;
	memset(out, 0, sizeof(*out));
	int failed = lease_length(conn, own->store->config->limits.lease_seconds * MICROSECONDS, &lease_us, err) ||
	             own_lease(conn, user, now, &row, out, err);
	*found = !failed && row > 0 && out->expires_at - now > lease_us / 2;
	if (*found)
		failed = sample_load(conn, row, &out->sample, err);
	db_read_end(own->db, conn);
	return failed ? -1 : 0;
}

int sqlite_next(struct dataset *dataset, const char *user, struct task *out, struct err *err)
{
	struct taking taking = {.user = user, .wanted = 1, .next = true, .out = out};
	bool found;

	if (own_without_write(dataset, user, out, &found, err))
		return -1;
	if (found)
		return 0;
	if (take(dataset, &taking, err))
		return -1;
	return taking.taken ? 0 : err_set(err, ERR_NOT_FOUND, "Sample not found");
}

int sqlite_lease(struct dataset *dataset, const char *user, size_t count, struct task *out, size_t *taken,
                 struct err *err)
{
	struct taking taking = {.user = user, .wanted = count, .out = out};

	if (take(dataset, &taking, err))
		return -1;
	*taken = taking.taken;
	return 0;
}

int sqlite_held(struct dataset *dataset, const char *user, struct task **out, size_t *count, struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);

	if (!conn)
		return -1;
	*out = calloc(DATASET_TASKS_HELD_MAX + 1, sizeof(**out));
	*count = 0;
	if (!*out)
		abort();
	sqlite3_stmt *stmt = conn_query(conn, err,
	                                "SELECT " SAMPLE_COLUMNS ", leases.token, leases.expires FROM leases JOIN samples"
	                                " ON samples.id = leases.sample WHERE leases.user = ?1 AND leases.expires > ?2"
	                                " ORDER BY leases.taken, samples.position LIMIT ?3",
	                                "sii", user, text_now(), (int64_t)DATASET_TASKS_HELD_MAX + 1);
	int row = stmt ? 1 : -1;
	while (stmt && (row = conn_step(conn, stmt, err)) == 1) {
		struct task *task = &(*out)[(*count)++];

		sample_read(stmt, &task->sample);
		snprintf(task->token, sizeof(task->token), "%s",
		         (const char *)sqlite3_column_text(stmt, SAMPLE_COLUMN_COUNT));
		task->expires_at = sqlite3_column_int64(stmt, SAMPLE_COLUMN_COUNT + 1);
	}
	db_read_end(dataset_db(dataset), conn);
	if (row == 0)
		return 0;
	tasks_release(*out, *count);
	free(*out);
	return -1;
}

/* --- using a lease ------------------------------------------------------------------------------------------------- */

struct use {
	const char *user, *token, *label;
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
	                       overlap_load(writer, &overlap, err) || refresh_slots(writer, use->row, overlap, err)
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

	use.lease_us = ((struct sqlite_dataset *)dataset)->store->config->limits.lease_seconds * MICROSECONDS;
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
	int64_t now = text_now();

	if (check_lease(writer, use, err))
		return -1;
	switch (use->skip) {
	case DATASET_SKIP_REQUEUE_FOR_ME:
		return to_the_end(writer, use->row, err) || end_lease(writer, use, err) ? -1 : 0;
	case DATASET_SKIP_REQUEUE_FOR_OTHERS:
		return conn_run(writer, err, "INSERT OR IGNORE INTO votes (sample, user, label) VALUES (?, ?, NULL)", "is",
		                use->row, use->user) ||
		                       end_lease(writer, use, err)
		               ? -1
		               : 0;
	default:
		return event_add(writer, use->row, "", use->user, now, "skip", -1, err) ||
		                       set_label(writer, use->row, "", use->user, now, SAMPLE_SKIPPED, err)
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

static int run_label_task(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct use *use = data;
	int64_t overlap;
	bool known;

	if (check_lease(writer, use, err) || label_known(writer, use->label, &known, err) ||
	    overlap_load(writer, &overlap, err))
		return -1;
	if (!known)
		return err_set(err, ERR_UNPROCESSABLE, "The dataset has no label %s", use->label);
	return label_apply(writer, use->row, use->user, use->label, "task", use->lead_time_ms, overlap, err);
}

int sqlite_label_task(struct dataset *dataset, const char *user, const char *token, const char *label,
                      int64_t lead_time_ms, struct sample *out, struct err *err)
{
	struct use use = {.user = user, .token = token, .label = label, .lead_time_ms = lead_time_ms};

	if (db_write(dataset_db(dataset), true, run_label_task, &use, err))
		return -1;
	return out ? sqlite_sample(dataset, use.row - 1, out, err) : 0;
}

/* --- labelling without a lease --------------------------------------------------------------------------------------- */

struct by_path {
	const char *name, *user, *base_dir, *filepath, *label;
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
		if (label_apply(writer, row, path->user, path->label, "classify", -1, overlap, err))
			return -1;
		path->accepted = true;
	}
}

int sqlite_label_path(struct dataset *dataset, const char *user, const char *base_dir, const char *filepath,
                      const char *label, bool *accepted, struct err *err)
{
	struct by_path path = {
		.name = dataset->name, .user = user, .base_dir = base_dir, .filepath = filepath, .label = label};

	if (db_write(dataset_db(dataset), true, run_label_path, &path, err))
		return -1;
	*accepted = path.accepted;
	return 0;
}

/* --- unreadable files ---------------------------------------------------------------------------------------------- */

static int run_mark_unreadable(struct sqlite_conn *writer, void *data, struct err *err)
{
	int64_t row = *(int64_t *)data, unlabelled;

	if (conn_int64(writer, err, 0, &unlabelled, "SELECT 1 FROM samples WHERE id = ? AND state = 0", "i", row))
		return -1;
	if (!unlabelled)
		return 0;
	return conn_run(writer, err, "UPDATE samples SET state = 3, slots = 0, version = version + 1 WHERE id = ?", "i", row) ||
	                       conn_run(writer, err, "DELETE FROM leases WHERE sample = ?", "i", row)
	               ? -1
	               : 0;
}

int sqlite_mark_unreadable(struct dataset *dataset, int64_t id, struct err *err)
{
	int64_t row = id + 1;

	return db_write(dataset_db(dataset), false, run_mark_unreadable, &row, err);
}

static int run_retry_unreadable(struct sqlite_conn *writer, void *data, struct err *err)
{
	int64_t overlap;

	if (overlap_load(writer, &overlap, err) ||
	    conn_run(writer, err,
	             "UPDATE samples SET state = 0, version = version + 1, slots = MAX(0, ?1 - (SELECT COUNT(*) FROM votes"
	             " WHERE votes.sample = samples.id AND votes.label IS NOT NULL)) WHERE state = 3",
	             "i", overlap))
		return -1;
	*(int64_t *)data = sqlite3_changes64(writer->db);
	return 0;
}

int sqlite_retry_unreadable(struct dataset *dataset, int64_t *count, struct err *err)
{
	return db_write(dataset_db(dataset), true, run_retry_unreadable, count, err);
}
