/* Counts of statistics, added up. */
#include "dataset/stats_kept.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void stats_add(struct stats_kept *kept, enum stats_kind kind, const struct stats_row *row)
{
	size_t count = kept->count[kind];

	if (row->n == 0)
		return;
	if ((count & (count - 1)) == 0)
		kept->rows[kind] = memory_grow(kept->rows[kind], count ? 2 * count : 1, sizeof(*row));
	kept->rows[kind][count] = *row;
	for (size_t i = 0; i < STATS_TEXTS; i++)
		kept->rows[kind][count].text[i] = row->text[i] ? memory_text(row->text[i]) : NULL;
	kept->count[kind]++;
}

static bool stats_same_text(const char *one, const char *other)
{
	return one && other ? strcmp(one, other) == 0 : one == other;
}

void stats_correct(struct stats_kept *kept, enum stats_kind kind, const struct stats_row *row)
{
	for (size_t i = 0; i < kept->count[kind]; i++) {
		struct stats_row *known = &kept->rows[kind][i];
		bool same = known->number == row->number;

		for (size_t j = 0; j < STATS_TEXTS && same; j++)
			same = stats_same_text(known->text[j], row->text[j]);
		if (same) {
			known->n += row->n;
			known->ms += row->ms;
			return;
		}
	}
	stats_add(kept, kind, row);
}

static void stats_drop_empty_of(struct stats_kept *kept, enum stats_kind kind)
{
	size_t left = 0;

	for (size_t i = 0; i < kept->count[kind]; i++) {
		if (kept->rows[kind][i].n > 0) {
			kept->rows[kind][left++] = kept->rows[kind][i];
			continue;
		}
		for (size_t j = 0; j < STATS_TEXTS; j++)
			free(kept->rows[kind][i].text[j]);
	}
	kept->count[kind] = left;
}

void stats_drop_empty(struct stats_kept *kept)
{
	for (int kind = 0; kind < STATS_KINDS; kind++)
		stats_drop_empty_of(kept, (enum stats_kind)kind);
}

void stats_kept_release(struct stats_kept *kept)
{
	for (size_t kind = 0; kind < STATS_KINDS; kind++) {
		for (size_t i = 0; i < kept->count[kind]; i++) {
			for (size_t j = 0; j < STATS_TEXTS; j++)
				free(kept->rows[kind][i].text[j]);
		}
		free(kept->rows[kind]);
	}
	memset(kept, 0, sizeof(*kept));
}

int64_t stats_lead_from(int64_t lead_time_ms)
{
	int64_t width = 1;

	while (lead_time_ms / width >= STATS_LEAD_EXACT_MS)
		width *= 2;
	return lead_time_ms - lead_time_ms % width;
}
