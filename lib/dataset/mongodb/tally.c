/* Adds up the changes of kept counts that one transaction in MongoDB makes. */
#include "dataset/mongodb/batch.h"

void batch_count(struct batch *batch, const char *kind, char *name, int64_t delta, int64_t ms)
{
	for (size_t i = 0; i < batch->count_count; i++) {
		if (strcmp(batch->counts[i].kind, kind) == 0 && strcmp(batch->counts[i].name, name) == 0) {
			batch->counts[i].delta += delta;
			batch->counts[i].ms += ms;
			free(name);
			return;
		}
	}
	if (batch->count_count == batch->count_capacity) {
		batch->count_capacity = batch->count_capacity ? batch->count_capacity * 2 : 16;
		batch->counts = memory_grow(batch->counts, batch->count_capacity, sizeof(*batch->counts));
	}
	batch->counts[batch->count_count++] = (struct count){.kind = kind, .name = name, .delta = delta, .ms = ms};
}
