/* Reads all label events of a sample. */
#include "dataset/said_events.h"

#include <stdlib.h>

#include "base/memory.h"

static void keep_said_event(void *data, const struct label_event *event)
{
	struct said_events *events = data;

	events->item = memory_grow(events->item, events->count + 1, sizeof(*events->item));
	struct label_event *kept = &events->item[events->count++];
	*kept = *event;
	kept->label = memory_text(event->label);
	kept->by = memory_text(event->by);
	kept->source = memory_text(event->source);
	kept->merged = memory_text(event->merged ? event->merged : "");
}

int said_events_read(struct dataset *dataset, int64_t id, struct said_events *out, struct err *err)
{
	*out = (struct said_events){.count = 0};
	return dataset_history(dataset, id, keep_said_event, out, err);
}

void said_events_release(struct said_events *events)
{
	for (size_t i = 0; i < events->count; i++) {
		free((char *)(uintptr_t)events->item[i].label);
		free((char *)(uintptr_t)events->item[i].by);
		free((char *)(uintptr_t)events->item[i].source);
		free((char *)(uintptr_t)events->item[i].merged);
	}
	free(events->item);
	*events = (struct said_events){.count = 0};
}
