/* Sets a sample's label and state in SQLite by its votes, its decision, its leases and the policy, through rules.h. */
#include "dataset/sqlite/internal.h"

#include "dataset/rules.h"

/* --- what was said of a sample ------------------------------------------------------------------------------------ */

struct said {
	struct sample now;        /* label, state, labelled_at, labelled_by */
	struct rules_vote *votes; /* own their strings */
	size_t count;
	struct rules_decision decision;
	char *decided_label, *decided_by; /* the decision's strings */
	int64_t leases, slots;
};

static void said_release(struct said *said)
{
	for (size_t i = 0; i < said->count; i++) {
		free((char *)(uintptr_t)said->votes[i].user);
		free((char *)(uintptr_t)said->votes[i].label);
	}
	free(said->votes);
	free(said->decided_label);
	free(said->decided_by);
	sample_release(&said->now);
}

static int load_now(struct sqlite_conn *writer, int64_t row, struct said *said, bool *found, struct err *err)
{
	sqlite3_stmt *stmt =
		conn_query(writer, err,
	                   "SELECT label, state, labelled_at, labelled_by, slots,"
	                   " (SELECT COUNT(*) FROM leases WHERE leases.sample = samples.id) FROM samples WHERE id = ?",
	                   "i", row);
	int step = stmt ? conn_step(writer, stmt, err) : -1;

	*found = step == 1;
	if (step < 1)
		return step;
	said->now.label = column_text(stmt, 0);
	said->now.state = (enum sample_state)sqlite3_column_int(stmt, 1);
	said->now.labelled_at = sqlite3_column_int64(stmt, 2);
	said->now.labelled_by = column_text(stmt, 3);
	said->slots = sqlite3_column_int64(stmt, 4);
	said->leases = sqlite3_column_int64(stmt, 5);
	conn_done(stmt);
	return 0;
}

static int load_votes(struct sqlite_conn *writer, int64_t row, struct said *said, struct err *err)
{
	sqlite3_stmt *stmt = conn_query(writer, err, "SELECT user, label, n, at FROM votes WHERE sample = ?", "i", row);
	int step = stmt ? 1 : -1;

	while (stmt && (step = conn_step(writer, stmt, err)) == 1) {
		said->votes = memory_grow(said->votes, said->count + 1, sizeof(*said->votes));
		said->votes[said->count++] = (struct rules_vote){
			.user = column_text(stmt, 0),
			.label = sqlite3_column_type(stmt, 1) == SQLITE_NULL ? NULL : column_text(stmt, 1),
			.n = sqlite3_column_int64(stmt, 2),
			.at = sqlite3_column_int64(stmt, 3)};
	}
	return step;
}

/* For samples whose events were undone, or whose labels were merged. */
static int fold_decision(struct sqlite_conn *writer, int64_t row, struct said *said, struct err *err)
{
	struct rules_decision none = {.made = false};
	struct events events;
	int failed = events_load(writer, row, &events, err);
	struct rules_vote *votes = memory_new(events.count + 1, sizeof(*votes));

	if (!failed) {
		rules_fold(events.item, events.count, RULES_NOTHING, &none, votes, &said->decision);
		free(said->decided_label);
		free(said->decided_by);
		said->decision.label = said->decided_label = memory_text(said->decision.label);
		said->decision.by = said->decided_by = memory_text(said->decision.by);
	}
	free(votes);
	events_release(&events);
	return failed;
}

static int load_decision(struct sqlite_conn *writer, int64_t row, struct said *said, struct err *err)
{
	sqlite3_stmt *stmt = conn_query(writer, err,
	                                "SELECT label, by, at, source, n FROM events WHERE sample = ?"
	                                " AND source NOT IN (" RULES_VOTE_SOURCES ") ORDER BY n DESC LIMIT 1",
	                                "i", row);
	int step = stmt ? conn_step(writer, stmt, err) : -1;

	if (step < 1)
		return step;
	const struct label_event event = {.label = said->decided_label = column_text(stmt, 0),
	                                  .by = said->decided_by = column_text(stmt, 1),
	                                  .at = sqlite3_column_int64(stmt, 2),
	                                  .source = (const char *)sqlite3_column_text(stmt, 3)};
	bool is_decision = rules_is_decision(event.source);
	if (is_decision)
		said->decision = rules_decision_of(&event, sqlite3_column_int64(stmt, 4));
	conn_done(stmt);
	return is_decision ? 0 : fold_decision(writer, row, said, err);
}

/* --- what follows from it ----------------------------------------------------------------------------------------- */

static int save_slots(struct sqlite_conn *writer, int64_t row, const struct said *said, int64_t places, struct err *err)
{
	return said->slots == places
	               ? 0
	               : conn_run(writer, err, "UPDATE samples SET slots = ?2 WHERE id = ?1", "ii", row, places);
}

static int outcome_save(struct sqlite_conn *writer, int64_t row, const struct said *said,
                        const struct rules_settled *settled, struct err *err)
{
	const struct rules_outcome *outcome = &settled->outcome;

	if (!settled->changes)
		return save_slots(writer, row, said, settled->places, err);
	return conn_run(writer, err,
	                "UPDATE samples SET label = ?2, state = ?3, version = version + 1, labelled_at = ?4, labelled_by = ?5,"
	                " slots = ?6 WHERE id = ?1",
	                "isiisi", row, outcome->label, (int64_t)outcome->state, outcome->at, outcome->by, settled->places) ||
	       (settled->leases_end && said->leases > 0 &&
	        conn_run(writer, err, "DELETE FROM leases WHERE sample = ?", "i", row));
}

int sample_settle(struct sqlite_conn *writer, int64_t row, struct rules_quorum quorum, int64_t *places, struct err *err)
{
	struct said said = {.count = 0};
	struct rules_settled settled = {.places = 0};
	bool found;
	int failed = load_now(writer, row, &said, &found, err);

	if (!failed && found) {
		failed = load_votes(writer, row, &said, err) || load_decision(writer, row, &said, err);
		if (!failed) {
			settled = rules_settle(&said.now, said.votes, said.count, &said.decision, quorum, said.leases);
			failed = outcome_save(writer, row, &said, &settled, err);
		}
	}
	said_release(&said);
	if (places)
		*places = settled.places;
	return failed;
}
