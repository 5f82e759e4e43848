/* A sample in SQLite with what was said of it, while a write changes it: read once, changed, and settled by rules.h. */
#include "dataset/sqlite/internal.h"

#include "dataset/rules.h"

void said_release(struct said *said)
{
	for (size_t i = 0; i < said->vote_count; i++) {
		free((char *)(uintptr_t)said->votes[i].user);
		free((char *)(uintptr_t)said->votes[i].label);
	}
	free(said->votes);
	free(said->decided_label);
	free(said->decided_by);
	sample_release(&said->now);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

void said_read(struct said *said, sqlite3_stmt *stmt)
{
	said->now.label = column_text(stmt, 0);
	said->now.state = (enum sample_state)sqlite3_column_int(stmt, 1);
	said->now.version = sqlite3_column_int64(stmt, 2);
	said->now.labelled_at = sqlite3_column_int64(stmt, 3);
	said->now.labelled_by = column_text(stmt, 4);
	said->slots = sqlite3_column_int64(stmt, 5);
	said->now.gold = sqlite3_column_int(stmt, 6);
	said->now.disputed = sqlite3_column_int(stmt, 7);
	said->leases = sqlite3_column_int64(stmt, 8);
}

static int load_now(struct sqlite_conn *writer, int64_t row, struct said *said, bool *found, bool *voted,
                    struct err *err)
{
	sqlite3_stmt *stmt =
		conn_query(writer, err,
	                   "SELECT " SAID_COLUMNS ", (SELECT MAX(n) FROM events WHERE events.sample = samples.id),"
	                   " EXISTS (SELECT 1 FROM votes WHERE votes.sample = samples.id) FROM samples WHERE id = ?",
	                   "i", row);
	int step = stmt ? conn_step(writer, stmt, err) : -1;

	*found = step == 1;
	*voted = false;
	if (step < 1)
		return step;
	said_read(said, stmt);
	said->events = sqlite3_column_int64(stmt, SAID_COLUMN_COUNT);
	*voted = sqlite3_column_int(stmt, SAID_COLUMN_COUNT + 1);
	conn_done(stmt);
	return 0;
}

void said_read_vote(struct said *said, sqlite3_stmt *stmt)
{
	said->votes = memory_grow(said->votes, said->vote_count + 1, sizeof(*said->votes));
	said->votes[said->vote_count++] = (struct rules_vote){
		.user = column_text(stmt, 0),
		.label = sqlite3_column_type(stmt, 1) == SQLITE_NULL ? NULL : column_text(stmt, 1),
		.n = sqlite3_column_int64(stmt, 2),
		.at = sqlite3_column_int64(stmt, 3)};
}

static int load_votes(struct sqlite_conn *writer, struct said *said, struct err *err)
{
	sqlite3_stmt *stmt = conn_query(writer, err, "SELECT " VOTE_COLUMNS " FROM votes WHERE sample = ?", "i", said->row);
	int step = stmt ? 1 : -1;

	while (stmt && (step = conn_step(writer, stmt, err)) == 1)
		said_read_vote(said, stmt);
	return step;
}

static void set_decision(struct said *said, const struct rules_decision *decision)
{
	char *label = memory_text(decision->label), *by = memory_text(decision->by);

	free(said->decided_label);
	free(said->decided_by);
	said->decision = *decision;
	said->decision.label = said->decided_label = label;
	said->decision.by = said->decided_by = by;
}

/* For samples whose events were undone, or whose labels were merged, or whose answer is known. */
static void set_folded(struct said *said, const struct events *events)
{
	struct rules_decision none = {.made = false}, decision;
	struct rules_vote *votes = memory_new(events->count + 1, sizeof(*votes));

	if (said->now.gold)
		rules_fold_gold(events->item, events->count, RULES_NOTHING, votes, &decision);
	else
		rules_fold(events->item, events->count, RULES_NOTHING, &none, votes, &decision);
	set_decision(said, &decision);
	free(votes);
}

static int fold_decision(struct sqlite_conn *writer, struct said *said, struct err *err)
{
	struct events events;
	int failed = events_load(writer, said->row, &events, err);

	if (!failed)
		set_folded(said, &events);
	events_release(&events);
	return failed;
}

void said_decide_by(struct said *said, const struct events *events)
{
	size_t last = events->count;

	while (last > 0 && rules_is_vote(events->item[last - 1].source))
		last--;
	if (events->count > 0 && (said->now.gold || (last > 0 && !rules_is_decision(events->item[last - 1].source)))) {
		set_folded(said, events);
	} else if (last > 0) {
		struct rules_decision decision = rules_decision_of(&events->item[last - 1], (int64_t)last);

		set_decision(said, &decision);
	}
}

static int load_decision(struct sqlite_conn *writer, struct said *said, struct err *err)
{
	if (said->now.gold)
		return fold_decision(writer, said, err);
	sqlite3_stmt *stmt = conn_query(writer, err,
	                                "SELECT label, by, at, source, n FROM events WHERE sample = ?"
	                                " AND source NOT IN (" RULES_VOTE_SOURCES ") ORDER BY n DESC LIMIT 1",
	                                "i", said->row);
	int step = stmt ? conn_step(writer, stmt, err) : -1;

	if (step < 1)
		return step;
	const struct label_event event = {.label = column_peek(stmt, 0),
	                                  .by = column_peek(stmt, 1),
	                                  .at = sqlite3_column_int64(stmt, 2),
	                                  .source = column_peek(stmt, 3)};
	bool is_decision = rules_is_decision(event.source);
	if (is_decision) {
		struct rules_decision decision = rules_decision_of(&event, sqlite3_column_int64(stmt, 4));

		set_decision(said, &decision);
	}
	conn_done(stmt);
	return is_decision ? 0 : fold_decision(writer, said, err);
}

/* Most samples have neither votes nor events yet. */
int said_load(struct sqlite_conn *writer, int64_t row, struct said *out, bool *found, struct err *err)
{
	bool voted;

	*out = (struct said){.row = row};
	return load_now(writer, row, out, found, &voted, err) || (voted && load_votes(writer, out, err)) ||
	       (out->events > 0 && load_decision(writer, out, err));
}

/* --- changing ----------------------------------------------------------------------------------------------------- */

int said_note_label(struct sqlite_conn *writer, struct said *said, struct events *events, struct err *err)
{
	const struct label_event event = {.label = said->now.label,
	                                  .by = said->now.labelled_by,
	                                  .at = said->now.labelled_at,
	                                  .source = "seed",
	                                  .lead_time_ms = -1};

	if (said->events > 0 || !said->now.label[0])
		return 0;
	struct rules_decision decision = rules_decision_of(&event, ++said->events);
	set_decision(said, &decision);
	if (events)
		events_add(events, &event);
	return event_insert(writer, said->row, said->events, &event, NULL, err);
}

int said_add_event(struct sqlite_conn *writer, struct said *said, const struct label_event *event, const char *request,
                   struct err *err)
{
	if (said_note_label(writer, said, NULL, err) ||
	    event_add(writer, said->row, said->events + 1, event, request, err))
		return -1;
	said->events++;
	/* of a sample whose answer is known, only that is decided */
	if (rules_is_decision(event->source) && (!said->now.gold || strcmp(event->source, RULES_GOLD) == 0)) {
		struct rules_decision decision = rules_decision_of(event, said->events);

		set_decision(said, &decision);
	}
	return event->merged && event->merged[0] ? fold_decision(writer, said, err) : 0;
}

static struct rules_vote *find_said_vote(struct said *said, const char *user)
{
	for (size_t i = 0; i < said->vote_count; i++) {
		if (strcmp(said->votes[i].user, user) == 0)
			return &said->votes[i];
	}
	said->votes = memory_grow(said->votes, said->vote_count + 1, sizeof(*said->votes));
	struct rules_vote *vote = &said->votes[said->vote_count++];
	*vote = (struct rules_vote){.user = memory_text(user)};
	return vote;
}

int said_set_vote(struct sqlite_conn *writer, struct said *said, const struct rules_vote *vote, struct err *err)
{
	static const char insert[] =
		"INSERT" OR_FAIL "INTO votes (sample, user, label, n, at) VALUES (?1, ?2, ?3, ?4, ?5)";
	static const char update[] =
		"UPDATE" OR_FAIL "votes SET label = ?3, n = ?4, at = ?5 WHERE sample = ?1 AND user = ?2";
	size_t known = said->vote_count;
	struct rules_vote *kept = find_said_vote(said, vote->user);

	free((char *)(uintptr_t)kept->label);
	kept->label = vote->label ? memory_text(vote->label) : NULL;
	kept->n = vote->n;
	kept->at = vote->at;
	return conn_run(writer, err, said->vote_count > known ? insert : update, "issii", said->row, vote->user,
	                vote->label, vote->n, vote->at);
}

int said_unsay(struct sqlite_conn *writer, struct said *said, const char *user, struct err *err)
{
	for (size_t i = 0; i < said->vote_count; i++) {
		if (strcmp(said->votes[i].user, user) != 0)
			continue;
		free((char *)(uintptr_t)said->votes[i].user);
		free((char *)(uintptr_t)said->votes[i].label);
		said->votes[i] = said->votes[--said->vote_count];
		return conn_run(writer, err, "DELETE FROM votes WHERE sample = ? AND user = ?", "is", said->row, user);
	}
	return 0;
}

int said_mark_gold(struct sqlite_conn *writer, struct said *said, bool gold, struct err *err)
{
	said->now.gold = gold;
	return conn_run(writer, err, "UPDATE" OR_FAIL "samples SET known_answer = ?2 WHERE id = ?1", "ii", said->row,
	                (int64_t)gold);
}

int said_forget_votes(struct sqlite_conn *writer, struct said *said, struct err *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < said->vote_count; i++) {
		if (!said->votes[i].label) {
			said->votes[kept++] = said->votes[i];
			continue;
		}
		free((char *)(uintptr_t)said->votes[i].user);
		free((char *)(uintptr_t)said->votes[i].label);
	}
	if (kept == said->vote_count)
		return 0;
	said->vote_count = kept;
	return conn_run(writer, err, "DELETE FROM votes WHERE sample = ? AND label IS NOT NULL", "i", said->row);
}

int said_replace(struct sqlite_conn *writer, struct said *said, const struct rules_vote *votes, size_t count,
                 const struct rules_decision *decision, struct err *err)
{
	if (said_forget_votes(writer, said, err))
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (said_set_vote(writer, said, &votes[i], err))
			return -1;
	}
	set_decision(said, decision);
	return 0;
}

/* --- what follows from it ----------------------------------------------------------------------------------------- */

static int save_slots(struct sqlite_conn *writer, const struct said *said, int64_t places, struct err *err)
{
	return said->slots == places ? 0
	                             : conn_run(writer, err, "UPDATE" OR_FAIL "samples SET slots = ?2 WHERE id = ?1", "ii",
	                                        said->row, places);
}

static int tally_outcome(struct sqlite_conn *writer, const struct sample *was, const struct rules_outcome *now,
                         struct err *err)
{
	return (was->state != now->state &&
	        (tally_state(writer, was->state, -1, err) || tally_state(writer, now->state, 1, err))) ||
	       (strcmp(was->label, now->label) != 0 &&
	        (tally_label(writer, was->label, -1, err) || tally_label(writer, now->label, 1, err)));
}

static int save_disputed(struct sqlite_conn *writer, const struct said *said, const struct rules_settled *settled,
                         struct err *err)
{
	return settled->disputes ? conn_run(writer, err, "UPDATE" OR_FAIL "samples SET votes_differ = ?2 WHERE id = ?1", "ii",
	                                    said->row, (int64_t)settled->outcome.disputed)
	                         : 0;
}

static int save_settled(struct sqlite_conn *writer, const struct said *said, const struct rules_settled *settled,
                        struct err *err)
{
	const struct rules_outcome *outcome = &settled->outcome;

	if (!settled->changes)
		return save_slots(writer, said, settled->places, err);
	int failed = writer->gathered
	                     ? gather_settled(writer, said->row, settled, err)
	                     : conn_run(writer, err,
	                                "UPDATE" OR_FAIL "samples SET label = ?2, state = ?3, version = version + 1,"
	                                " labelled_at = ?4, labelled_by = ?5, slots = ?6, " TALLIED " WHERE id = ?1",
	                                "isiisi", said->row, outcome->label, (int64_t)outcome->state, outcome->at,
	                                outcome->by, settled->places);
	return failed || tally_outcome(writer, &said->now, outcome, err) ||
	       (settled->leases_end && said->leases > 0 &&
	        conn_run(writer, err, "DELETE FROM leases WHERE sample = ?", "i", said->row));
}

int said_settle(struct sqlite_conn *writer, const struct said *said, struct rules_quorum quorum, int64_t *places,
                struct err *err)
{
	struct rules_settled settled =
		rules_settle(&said->now, said->votes, said->vote_count, &said->decision, quorum, said->leases);

	if (places)
		*places = settled.places;
	return save_settled(writer, said, &settled, err) || save_disputed(writer, said, &settled, err);
}

int sample_settle(struct sqlite_conn *writer, int64_t row, struct rules_quorum quorum, int64_t *places, struct err *err)
{
	struct said said;
	bool found;
	int failed = said_load(writer, row, &said, &found, err);

	if (places)
		*places = 0;
	if (!failed && found)
		failed = said_settle(writer, &said, quorum, places, err);
	said_release(&said);
	return failed;
}
