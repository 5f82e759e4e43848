/* Counts for the statistics anew: in a table by what each count is of, which may be one of many thousand lead times. */
#include "check_stats.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "dataset/rules.h"

enum { SLOTS_AT_FIRST = 1024, NAME_MAX_BYTES = 8192 };

struct slot {
	char *name; /* NULL: unused */
	enum stats_kind kind;
	struct stats_row missing; /* what was counted less what is kept; its texts are its own */
	int64_t kept, counted;
};
struct check_stats {
	struct slot *slots;
	size_t size, used; /* size is a power of two */
};

/* --- the table ---------------------------------------------------------------------------------------------------- */

static size_t hash_name(const char *name)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a */

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 1099511628211u;
	return (size_t)hash;
}

static struct slot *find_slot(const struct check_stats *stats, const char *name)
{
	size_t at = hash_name(name) & (stats->size - 1);

	while (stats->slots[at].name && strcmp(stats->slots[at].name, name) != 0)
		at = (at + 1) & (stats->size - 1);
	return &stats->slots[at];
}

static void grow(struct check_stats *stats)
{
	struct check_stats larger = {.size = 2 * stats->size, .used = stats->used};

	larger.slots = memory_new(larger.size, sizeof(*larger.slots));
	for (size_t i = 0; i < stats->size; i++) {
		if (stats->slots[i].name)
			*find_slot(&larger, stats->slots[i].name) = stats->slots[i];
	}
	free(stats->slots);
	*stats = larger;
}

static void name_count(enum stats_kind kind, const struct stats_row *row, char out[NAME_MAX_BYTES])
{
	static const char *const kinds[STATS_KINDS] = {"labels given", "lead times", "pairs of votes", "opinions"};
	size_t len = (size_t)snprintf(out, NAME_MAX_BYTES, "%s:", kinds[kind]);

	for (int i = 0; i < STATS_TEXTS && row->text[i] && len < NAME_MAX_BYTES; i++)
		len += (size_t)snprintf(out + len, NAME_MAX_BYTES - len, " \"%s\"", row->text[i]);
	if (len < NAME_MAX_BYTES)
		snprintf(out + len, NAME_MAX_BYTES - len, " %" PRId64, row->number);
}

static struct slot *take_slot(struct check_stats *stats, enum stats_kind kind, const struct stats_row *row)
{
	char name[NAME_MAX_BYTES];

	name_count(kind, row, name);
	if (2 * stats->used >= stats->size)
		grow(stats);
	struct slot *slot = find_slot(stats, name);
	if (!slot->name) {
		*slot = (struct slot){.name = memory_text(name), .kind = kind, .missing = {.number = row->number}};
		for (int i = 0; i < STATS_TEXTS && row->text[i]; i++)
			slot->missing.text[i] = memory_text(row->text[i]);
		stats->used++;
	}
	return slot;
}

static void count_row(struct check_stats *stats, enum stats_kind kind, const struct stats_row *row)
{
	struct slot *slot = take_slot(stats, kind, row);

	slot->counted += row->n;
	slot->missing.ms += row->ms;
}

struct check_stats *check_stats_new(const struct stats_kept *kept)
{
	struct check_stats *stats = memory_new(1, sizeof(*stats));

	stats->size = SLOTS_AT_FIRST;
	stats->slots = memory_new(stats->size, sizeof(*stats->slots));
	for (int kind = 0; kind < STATS_KINDS; kind++) {
		for (size_t i = 0; i < kept->count[kind]; i++) {
			struct slot *slot = take_slot(stats, (enum stats_kind)kind, &kept->rows[kind][i]);

			slot->kept += kept->rows[kind][i].n;
			slot->missing.ms -= kept->rows[kind][i].ms;
		}
	}
	return stats;
}

void check_stats_free(struct check_stats *stats)
{
	for (size_t i = 0; stats && i < stats->size; i++) {
		free(stats->slots[i].name);
		for (int j = 0; j < STATS_TEXTS; j++)
			free(stats->slots[i].missing.text[j]);
	}
	if (stats)
		free(stats->slots);
	free(stats);
}

/* --- counting ----------------------------------------------------------------------------------------------------- */

static char *borrowed(const char *text)
{
	return (char *)(uintptr_t)text;
}

static void count_event(struct check_stats *stats, const struct label_event *event, int64_t sign)
{
	struct stats_row row = {.text = {borrowed(event->by)}, .number = event->at / STATS_DAY_US, .n = sign};

	if (!rules_gives(event))
		return;
	count_row(stats, STATS_GIVEN, &row);
	if (event->lead_time_ms < 0)
		return;
	row.number = stats_lead_from(event->lead_time_ms);
	row.ms = sign * event->lead_time_ms;
	count_row(stats, STATS_LEAD, &row);
}

/* Votes are in order of user. */
static void count_two_votes(struct check_stats *stats, const struct dataset_vote *one, const struct dataset_vote *other,
                            int64_t voters)
{
	bool in_order = strcmp(one->label, other->label) <= 0;
	const struct stats_row pair = {.text = {in_order ? one->label : other->label, in_order ? other->label : one->label},
	                               .number = voters,
	                               .n = 1};
	const struct stats_row opinion = {.text = {one->user, other->user, one->label, other->label}, .n = 1};

	count_row(stats, STATS_PAIR, &pair);
	count_row(stats, STATS_OPINION, &opinion);
}

void check_stats_count(struct check_stats *stats, const struct dataset_record *record)
{
	int64_t voters = 0;

	for (size_t i = 0; i < record->event_count; i++) {
		const struct label_event *event = &record->events[i];

		count_event(stats, event, 1);
		if (event->undoes > 0 && (size_t)event->undoes <= record->event_count)
			count_event(stats, &record->events[event->undoes - 1], -1);
	}
	for (size_t i = 0; i < record->vote_count; i++)
		voters += record->votes[i].label != NULL;
	for (size_t i = 0; i < record->vote_count && voters > 1; i++) {
		for (size_t j = i + 1; j < record->vote_count; j++) {
			if (record->votes[i].label && record->votes[j].label)
				count_two_votes(stats, &record->votes[i], &record->votes[j], voters);
		}
	}
}

size_t check_stats_differing(const struct check_stats *stats, struct dataset_stats_fix **out, check_stats_visit *visit,
                             void *data)
{
	size_t count = 0;

	*out = memory_new(stats->used + 1, sizeof(**out));
	for (size_t i = 0; i < stats->size; i++) {
		const struct slot *slot = &stats->slots[i];

		if (!slot->name || (slot->kept == slot->counted && slot->missing.ms == 0))
			continue;
		visit(data, slot->name, slot->kept, slot->counted);
		(*out)[count] = (struct dataset_stats_fix){.kind = slot->kind, .by = slot->missing};
		(*out)[count++].by.n = slot->counted - slot->kept;
	}
	return count;
}
