/* The queue in SQLite, and the leases taken from it; each function that changes them is one job of a group commit. */
#include "dataset/sqlite/internal.h"

#include "base/text.h"
#include "dataset/rules_gold.h"

enum {
	SWEEP_MAX = 1000, /* expired leases ended in one write */
	PASSED_MIN = 16,  /* skipping this many samples is quicker than remembering them */
};

/* A lease that ends later than a new one would was taken before the clock went back: it now ends when the new one
 * would. Mostly there is none, and looking costs a tenth of a change that finds nothing. */
static int lease_shorten(struct sqlite_conn *writer, int64_t end, struct err *err)
{
	int64_t later;

	if (conn_int64(writer, err, 0, &later, "SELECT EXISTS (SELECT 1 FROM leases WHERE expires > ?)", "i", end))
		return -1;
	return later ? conn_run(writer, err, "UPDATE" OR_FAIL "leases SET expires = ?1 WHERE expires > ?1", "i", end) : 0;
}

/* Ends leases that ran out, so that their samples are in the queue again; once for all that are taken together. */
static int lease_sweep(struct sqlite_conn *writer, int64_t now, int64_t lease_us, struct rules_quorum quorum,
                       struct err *err)
{
	if (writer->now.swept)
		return 0;
	writer->now.swept = true;
	if (lease_shorten(writer, now + lease_us, err))
		return -1;
	for (int i = 0; i < SWEEP_MAX; i++) {
		int64_t row;

		if (conn_int64(writer, err, 0, &row, "SELECT sample FROM leases WHERE expires <= ? ORDER BY expires LIMIT 1", "i",
		               now))
			return -1;
		if (row == 0)
			return 0;
		if (conn_run(writer, err, "DELETE FROM leases WHERE sample = ? AND expires <= ?", "ii", row, now) ||
		    sample_settle(writer, row, quorum, NULL, err))
			return -1;
	}
	return 0;
}

struct taking {
	const char *user;
	int64_t lease_us; /* from the configuration; the policy's own has precedence */
	size_t wanted;
	bool next;          /* as for /obtain: the user's own lease again, and a shared one when nothing is free */
	const int64_t *ids; /* of the samples that are wanted; NULL: any */
	struct task *out;
	size_t taken;
	struct dataset_policy policy;
	bool no_gold; /* is open to the user any more */
};

static int lease_insert(struct sqlite_conn *writer, int64_t row, const char *user, int64_t now, int64_t lease_us,
                        struct task *out, struct err *err)
{
	task_token(row - 1, out->token);
	out->expires_at = now + lease_us;
	return conn_run(writer, err,
	                "INSERT INTO leases (token, sample, user, taken, expires) VALUES (?1, ?2, ?3, ?4, ?5)",
	                "sisii", out->token, row, user, now, out->expires_at) ||
	       sample_load(writer, row, &out->sample, err);
}

/* --- the queue ---------------------------------------------------------------------------------------------------- */

/* A user's walk through the queue. For a user ahead of the others, the samples that this user has already voted on
 * are skipped once, and then remembered. */
struct walk {
	const char *user;
	int64_t position; /* nothing before it is open to the user */
	int64_t passed;
};

static int walk_begin(struct sqlite_conn *writer, const char *user, struct walk *walk, struct err *err)
{
	*walk = (struct walk){.user = user};
	return conn_int64(writer, err, INT64_MIN, &walk->position, "SELECT position FROM ahead WHERE user = ?", "s", user);
}

/* Finds the next sample that is open to the user; *row is 0 when there is none. */
static int walk_on(struct sqlite_conn *writer, struct walk *walk, int64_t *row, struct err *err)
{
	sqlite3_stmt *stmt =
		conn_query(writer, err,
	                   "SELECT id, position,"
	                   " EXISTS (SELECT 1 FROM votes WHERE votes.sample = samples.id AND votes.user = ?1)"
	                   " OR EXISTS (SELECT 1 FROM leases WHERE leases.sample = samples.id AND leases.user = ?1)"
	                   " FROM samples INDEXED BY samples_queue WHERE slots > 0 AND position >= ?2"
	                   " ORDER BY position",
	                   "si", walk->user, walk->position);
	int found = stmt ? 1 : -1;

	*row = 0;
	while (*row == 0 && stmt && (found = conn_step(writer, stmt, err)) == 1) {
		walk->position = sqlite3_column_int64(stmt, 1);
		if (sqlite3_column_int(stmt, 2))
			walk->passed++;
		else
			*row = sqlite3_column_int64(stmt, 0);
	}
	if (found == 0)
		walk->position = INT64_MAX;
	if (found == 1)
		conn_done(stmt);
	return found < 0;
}

static int walk_end(struct sqlite_conn *writer, const struct walk *walk, struct err *err)
{
	return walk->passed < PASSED_MIN
	               ? 0
	               : conn_run(writer, err,
	                          "INSERT INTO ahead (user, position) VALUES (?1, ?2)"
	                          " ON CONFLICT (user) DO UPDATE SET position = excluded.position",
	                          "si", walk->user, walk->position);
}

/* --- taking ------------------------------------------------------------------------------------------------------- */

static int oldest_shareable(struct sqlite_conn *writer, const char *user, int64_t now, int64_t *row, struct err *err)
{
	return conn_int64(writer, err, 0, row,
	                  "SELECT leases.sample FROM leases JOIN samples ON samples.id = leases.sample"
	                  " WHERE leases.expires > ?2 AND samples.state = 0"
	                  " AND NOT EXISTS (SELECT 1 FROM votes WHERE votes.sample = leases.sample AND votes.user = ?1)"
	                  " ORDER BY leases.taken, samples.position LIMIT 1",
	                  "si", user, now);
}

/* The user's oldest live lease; *row is 0 when there is none. */
static int own_lease(struct sqlite_conn *conn, const char *user, int64_t now, int64_t *row, struct task *out,
                     struct err *err)
{
	sqlite3_stmt *stmt = conn_query(conn, err,
	                                "SELECT leases.sample, leases.token, leases.expires FROM leases JOIN samples"
	                                " ON samples.id = leases.sample WHERE leases.user = ?1 AND leases.expires > ?2"
	                                " AND (samples.state = 0 OR (samples.known_answer = 1 AND NOT EXISTS"
	                                " (SELECT 1 FROM votes WHERE votes.sample = samples.id AND votes.user = ?1)))"
	                                " ORDER BY leases.taken, samples.position LIMIT 1",
	                                "si", user, now);
	int found = stmt ? conn_step(conn, stmt, err) : -1;

	*row = 0;
	if (found == 1) {
		*row = sqlite3_column_int64(stmt, 0);
		snprintf(out->token, sizeof(out->token), "%s", column_peek(stmt, 1));
		out->expires_at = sqlite3_column_int64(stmt, 2);
		conn_done(stmt);
	}
	return found < 0;
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
	       sample_load(writer, row, &out->sample, err);
}

/* --- those whose answer is known ---------------------------------------------------------------------------------- */

/* Looks from `from` on, up to below `to`, for one that the user may be given; *row stays 0 when there is none. */
static int find_gold(struct sqlite_conn *writer, const struct taking *taking, int64_t from, int64_t to, bool at_end,
                     struct rules_quorum quorum, int64_t *row, struct err *err)
{
	sqlite3_stmt *stmt =
		conn_query(writer, err,
	                   "SELECT samples.id, votes.user IS NOT NULL, votes.label, votes.n,"
	                   " (SELECT COUNT(*) FROM leases WHERE leases.sample = samples.id)"
	                   " FROM samples INDEXED BY samples_gold"
	                   " LEFT JOIN votes ON votes.sample = samples.id AND votes.user = ?1 WHERE samples.known_answer = 1"
	                   " AND samples.id >= ?2 AND samples.id < ?3 AND NOT EXISTS"
	                   " (SELECT 1 FROM leases WHERE leases.sample = samples.id AND leases.user = ?1) ORDER BY samples.id",
	                   "sii", taking->user, from, to);
	int found = stmt ? 1 : -1;

	while (*row == 0 && stmt && (found = conn_step(writer, stmt, err)) == 1) {
		enum gold_answer answer = gold_answer_of(sqlite3_column_int(stmt, 1), column_peek(stmt, 2),
		                                         sqlite3_column_int64(stmt, 3));

		if (gold_may_offer(answer, at_end, sqlite3_column_int64(stmt, 4), quorum))
			*row = sqlite3_column_int64(stmt, 0);
	}
	if (found == 1)
		conn_done(stmt);
	return found < 0;
}

/* Takes one of them, from a random place on; *taken is false when there is none. */
static int take_gold(struct sqlite_conn *writer, struct taking *taking, bool at_end, int64_t now, int64_t lease_us,
                     struct rules_quorum quorum, bool *taken, struct err *err)
{
	int64_t last, row = 0;

	*taken = false;
	if (conn_int64(writer, err, 0, &last, "SELECT MAX(id) FROM samples WHERE known_answer = 1", ""))
		return -1;
	int64_t from = last ? (int64_t)(((uint64_t)arc4random() << 31 | arc4random() >> 1) % (uint64_t)last) : 0;
	if (find_gold(writer, taking, from, INT64_MAX, at_end, quorum, &row, err) ||
	    (row == 0 && find_gold(writer, taking, 0, from, at_end, quorum, &row, err)))
		return -1;
	if (row == 0)
		return 0;
	*taken = true;
	return lease_insert(writer, row, taking->user, now, lease_us, &taking->out[taking->taken++], err);
}

/* By chance; *taken: instead of the queue's next sample. */
static int take_gold_if_due(struct sqlite_conn *writer, struct taking *taking, int64_t now, int64_t lease_us,
                            struct rules_quorum quorum, bool *taken, struct err *err)
{
	*taken = false;
	if (taking->no_gold || !gold_is_due(&taking->policy, arc4random_uniform(100)))
		return 0;
	if (take_gold(writer, taking, false, now, lease_us, quorum, taken, err))
		return -1;
	taking->no_gold = !*taken;
	return 0;
}

/* In place of what the queue lacks. */
static int take_gold_at_end(struct sqlite_conn *writer, struct taking *taking, int64_t now, int64_t lease_us,
                            struct rules_quorum quorum, struct err *err)
{
	bool more = taking->policy.gold_rate > 0;

	while (more && taking->taken < taking->wanted) {
		if (take_gold(writer, taking, true, now, lease_us, quorum, &more, err))
			return -1;
	}
	return 0;
}

/* --- free ones ---------------------------------------------------------------------------------------------------- */

static int take_free(struct sqlite_conn *writer, struct taking *taking, int64_t now, int64_t lease_us,
                     struct rules_quorum quorum, struct err *err)
{
	struct walk walk;
	bool gold;

	if (walk_begin(writer, taking->user, &walk, err))
		return -1;
	while (taking->taken < taking->wanted) {
		int64_t row, places;

		if (take_gold_if_due(writer, taking, now, lease_us, quorum, &gold, err))
			return -1;
		if (gold)
			continue;
		if (walk_on(writer, &walk, &row, err))
			return -1;
		if (row == 0)
			break;
		/* Under the present policy there may be no place any more. */
		if (sample_settle(writer, row, quorum, &places, err))
			return -1;
		if (places == 0)
			continue;
		if (lease_insert(writer, row, taking->user, now, lease_us, &taking->out[taking->taken], err))
			return -1;
		taking->taken++;
		if (conn_run(writer, err, "UPDATE" OR_FAIL "samples SET slots = ?2 WHERE id = ?1", "ii", row, places - 1))
			return -1;
	}
	return walk_end(writer, &walk, err) || take_gold_at_end(writer, taking, now, lease_us, quorum, err);
}

static int check_chosen(struct sqlite_conn *writer, const struct taking *taking, struct err *err)
{
	int64_t row;

	for (size_t i = 0; i < taking->wanted; i++) {
		if (conn_int64(writer, err, 0, &row, "SELECT id FROM samples WHERE id = ?", "i", taking->ids[i] + 1) ||
		    rules_check_found(taking->ids[i], row != 0, err))
			return -1;
	}
	return 0;
}

static int may_choose(struct sqlite_conn *writer, int64_t row, const char *user, int64_t places,
                      struct rules_quorum quorum, bool *may, struct err *err)
{
	sqlite3_stmt *stmt =
		conn_query(writer, err,
	                   "SELECT state, votes.user IS NOT NULL,"
	                   " EXISTS (SELECT 1 FROM leases WHERE leases.sample = samples.id AND leases.user = ?2),"
	                   " (SELECT COUNT(*) FROM leases WHERE leases.sample = samples.id), known_answer, votes.label"
	                   " FROM samples LEFT JOIN votes ON votes.sample = samples.id AND votes.user = ?2 WHERE id = ?1",
	                   "is", row, user);
	int found = stmt ? conn_step(writer, stmt, err) : -1;
	bool done = found == 1 && (sqlite3_column_int(stmt, 1) || sqlite3_column_int(stmt, 2));
	int64_t leases = found == 1 ? sqlite3_column_int64(stmt, 3) : 0;

	if (found == 1 && sqlite3_column_int(stmt, 4))
		*may = gold_may_choose(done, sqlite3_column_type(stmt, 5) != SQLITE_NULL, leases, quorum);
	else
		*may = found == 1 && rules_may_choose((enum sample_state)sqlite3_column_int(stmt, 0), places, done, leases);
	if (found == 1)
		conn_done(stmt);
	return found < 0;
}

static int take_chosen(struct sqlite_conn *writer, struct taking *taking, int64_t now, int64_t lease_us,
                       struct rules_quorum quorum, struct err *err)
{
	if (check_chosen(writer, taking, err))
		return -1;
	for (size_t i = 0; i < taking->wanted; i++) {
		int64_t row = taking->ids[i] + 1, places;
		bool may;

		if (sample_settle(writer, row, quorum, &places, err) ||
		    may_choose(writer, row, taking->user, places, quorum, &may, err))
			return -1;
		if (!may)
			continue;
		if (lease_insert(writer, row, taking->user, now, lease_us, &taking->out[taking->taken], err))
			return -1;
		taking->taken++;
		if (sample_settle(writer, row, quorum, NULL, err))
			return -1;
	}
	return 0;
}

static int take_shared(struct sqlite_conn *writer, struct taking *taking, int64_t now, int64_t lease_us,
                       struct err *err)
{
	int64_t row;

	if (oldest_shareable(writer, taking->user, now, &row, err))
		return -1;
	if (row == 0)
		return 0;
	taking->taken = 1;
	return lease_insert(writer, row, taking->user, now, lease_us, taking->out, err);
}

static int check_held(struct sqlite_conn *writer, const struct taking *taking, int64_t now, struct err *err)
{
	int64_t held;

	/* whether they ran out is not in the index, and matters only near the limit */
	if (conn_int64(writer, err, 0, &held, "SELECT COUNT(*) FROM leases WHERE user = ?", "s", taking->user))
		return -1;
	if (held + (int64_t)taking->wanted <= DATASET_TASKS_HELD_MAX)
		return 0;
	if (conn_int64(writer, err, 0, &held, "SELECT COUNT(*) FROM leases WHERE user = ? AND expires > ?", "si",
	               taking->user, now))
		return -1;
	if (held + (int64_t)taking->wanted > DATASET_TASKS_HELD_MAX)
		return err_set(err, ERR_CONFLICT, "You hold %lld tasks; at most %d may be held at once", (long long)held,
		               DATASET_TASKS_HELD_MAX);
	return 0;
}

static void taking_forget(struct taking *taking)
{
	tasks_release(taking->out, taking->wanted);
	taking->taken = 0;
}

static int write_take(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct taking *taking = data;
	int64_t now = text_now();

	taking_forget(taking); /* from an attempt whose transaction failed */
	taking->no_gold = false;
	if (policy_load(writer, &taking->policy, err))
		return -1;
	int64_t own_us = taking->policy.lease_seconds * MICROSECONDS, lease_us = own_us ? own_us : taking->lease_us;
	struct rules_quorum quorum = rules_quorum_of(&taking->policy);
	if (lease_sweep(writer, now, lease_us, quorum, err) || conn_catch_up(writer, err))
		return -1;
	if (!taking->next)
		return check_held(writer, taking, now, err) ||
		       (taking->ids ? take_chosen : take_free)(writer, taking, now, lease_us, quorum, err);
	if (take_own(writer, taking, now, lease_us, err))
		return -1;
	if (taking->taken == 0 && take_free(writer, taking, now, lease_us, quorum, err))
		return -1;
	return taking->taken == 0 ? take_shared(writer, taking, now, lease_us, err) : 0;
}

static int sqlite_lease_take(struct dataset *dataset, struct taking *taking, struct err *err)
{
	taking->lease_us = lease_default(dataset);
	memset(taking->out, 0, taking->wanted * sizeof(*taking->out));
	/* A lease needs no sync: if power loss takes it away, its sample is only free again. */
	if (db_write(dataset_db(dataset), false, write_take, taking, err) == 0)
		return 0;
	taking_forget(taking);
	return -1;
}

/* Gives the user's own lease again without a write, while more than half its time is left. */
static int own_without_write(struct dataset *dataset, const char *user, struct task *out, bool *found, struct err *err)
{
	struct sqlite_dataset *own = (struct sqlite_dataset *)dataset;
	struct sqlite_conn *conn = db_read(own->db, err);
	int64_t now = text_now(), row = 0, lease_us;

	if (!conn)
		return -1;
	memset(out, 0, sizeof(*out));
	int failed = lease_length(conn, lease_default(dataset), &lease_us, err) ||
	             own_lease(conn, user, now, &row, out, err);
	*found = !failed && row > 0 && out->expires_at - now > lease_us / 2 && out->expires_at - now <= lease_us;
	if (*found)
		failed = sample_load(conn, row, &out->sample, err);
	db_read_end(own->db, conn);
	return failed;
}

int sqlite_next(struct dataset *dataset, const char *user, struct task *out, struct err *err)
{
	struct taking taking = {.user = user, .wanted = 1, .next = true, .out = out};
	bool found;

	if (own_without_write(dataset, user, out, &found, err))
		return -1;
	if (found)
		return 0;
	if (sqlite_lease_take(dataset, &taking, err))
		return -1;
	return taking.taken ? 0 : err_set(err, ERR_NOT_FOUND, "Sample not found");
}

int sqlite_lease(struct dataset *dataset, const char *user, size_t count, struct task *out, size_t *taken,
                 struct err *err)
{
	struct taking taking = {.user = user, .wanted = count, .out = out};

	if (sqlite_lease_take(dataset, &taking, err))
		return -1;
	*taken = taking.taken;
	return 0;
}

int sqlite_lease_chosen(struct dataset *dataset, const char *user, const int64_t *ids, size_t count, struct task *out,
                        size_t *taken, struct err *err)
{
	struct taking taking = {.user = user, .wanted = count, .ids = ids, .out = out};

	if (sqlite_lease_take(dataset, &taking, err))
		return -1;
	*taken = taking.taken;
	return 0;
}

int sqlite_held(struct dataset *dataset, const char *user, struct task **out, size_t *count, struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);

	if (!conn)
		return -1;
	*out = memory_new(DATASET_TASKS_HELD_MAX + 1, sizeof(**out));
	*count = 0;
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
		         column_peek(stmt, SAMPLE_COLUMN_COUNT));
		task->expires_at = sqlite3_column_int64(stmt, SAMPLE_COLUMN_COUNT + 1);
	}
	db_read_end(dataset_db(dataset), conn);
	if (row == 0)
		return 0;
	tasks_release(*out, *count);
	free(*out);
	return -1;
}
