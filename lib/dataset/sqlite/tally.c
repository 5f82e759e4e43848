/* Adds up the changes of SQLite's counts that one transaction makes, and writes each sum once, before the commit. */
#include "dataset/sqlite/internal.h"

#include "dataset/rules.h"

static const char COUNTS[] =
	"INSERT INTO counts VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET n = n + excluded.n";
static const char GIVEN[] =
	"INSERT INTO stats_given VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET n = n + excluded.n";
static const char LEADS[] = "INSERT INTO stats_leads VALUES (?1, ?2, ?3, ?4)"
			    " ON CONFLICT DO UPDATE SET n = n + excluded.n, ms = ms + excluded.ms";

void tally_clear(struct sqlite_conn *writer)
{
	for (size_t i = 0; i < writer->tally_count; i++)
		free(writer->tally[i].text);
	writer->tally_count = 0;
}

static int write_sum(struct sqlite_conn *writer, const struct tallied *sum, struct err *err)
{
	char state[24];

	switch (sum->kind) {
	case TALLY_SIZE:
		return conn_run(writer, err, COUNTS, "ssi", "size", "", sum->n);
	case TALLY_BYTES:
		return conn_run(writer, err, COUNTS, "ssi", "bytes", "", sum->n);
	case TALLY_STATE:
		snprintf(state, sizeof(state), "%lld", (long long)sum->number);
		return conn_run(writer, err, COUNTS, "ssi", "state", state, sum->n);
	case TALLY_LABEL:
		return conn_run(writer, err, COUNTS, "ssi", "label", sum->text, sum->n);
	case TALLY_GIVEN:
		return conn_run(writer, err, GIVEN, "sii", sum->text, sum->number, sum->n);
	case TALLY_LEAD:
		return conn_run(writer, err, LEADS, "siii", sum->text, sum->number, sum->n, sum->ms);
	}
	return 0;
}

int tally_write(struct sqlite_conn *writer, struct err *err)
{
	int failed = 0;

	for (size_t i = 0; i < writer->tally_count && !failed; i++) {
		if (writer->tally[i].n || writer->tally[i].ms)
			failed = write_sum(writer, &writer->tally[i], err);
	}
	tally_clear(writer);
	return failed;
}

static int tally(struct sqlite_conn *writer, const struct tallied *change, struct err *err)
{
	for (size_t i = 0; i < writer->tally_count; i++) {
		struct tallied *sum = &writer->tally[i];

		if (sum->kind != change->kind || sum->number != change->number || strcmp(sum->text, change->text) != 0)
			continue;
		sum->n += change->n;
		sum->ms += change->ms;
		return 0;
	}
	if (writer->tally_count == TALLY_MAX && tally_write(writer, err))
		return -1;
	struct tallied *sum = &writer->tally[writer->tally_count++];
	*sum = *change;
	sum->text = memory_text(change->text);
	return 0;
}

int tally_size(struct sqlite_conn *writer, int64_t samples, int64_t bytes, struct err *err)
{
	const struct tallied size = {.kind = TALLY_SIZE, .text = "", .n = samples};
	const struct tallied more = {.kind = TALLY_BYTES, .text = "", .n = bytes};

	return tally(writer, &size, err) || (bytes && tally(writer, &more, err));
}

int tally_state(struct sqlite_conn *writer, enum sample_state state, int64_t samples, struct err *err)
{
	const struct tallied change = {.kind = TALLY_STATE, .text = "", .number = (int64_t)state, .n = samples};

	return tally(writer, &change, err);
}

int tally_label(struct sqlite_conn *writer, const char *label, int64_t samples, struct err *err)
{
	const struct tallied change = {.kind = TALLY_LABEL, .text = (char *)(uintptr_t)label, .n = samples};

	return label[0] ? tally(writer, &change, err) : 0;
}

int tally_event(struct sqlite_conn *writer, const struct label_event *event, int64_t sign, struct err *err)
{
	const struct tallied given = {.kind = TALLY_GIVEN,
	                              .text = (char *)(uintptr_t)event->by,
	                              .number = event->at / STATS_DAY_US,
	                              .n = sign};
	const struct tallied lead = {.kind = TALLY_LEAD,
	                             .text = (char *)(uintptr_t)event->by,
	                             .number = stats_lead_from(event->lead_time_ms),
	                             .n = sign,
	                             .ms = sign * event->lead_time_ms};

	if (!rules_gives(event))
		return 0;
	return tally(writer, &given, err) || (event->lead_time_ms >= 0 && tally(writer, &lead, err));
}
