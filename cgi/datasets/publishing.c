/* How far the dataset changes under way in this program have come. */
#include <pthread.h>
#include <string.h>

#include "base/json.h"
#include "publishing.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct publishing *under_way; /* protected by the lock */

void publishing_begin(struct publishing *progress)
{
	pthread_mutex_lock(&lock);
	progress->next = under_way;
	under_way = progress;
	pthread_mutex_unlock(&lock);
}

void publishing_end(struct publishing *progress)
{
	struct publishing **at = &under_way;

	pthread_mutex_lock(&lock);
	while (*at != progress)
		at = &(*at)->next;
	*at = progress->next;
	pthread_mutex_unlock(&lock);
}

void publishing_add(cJSON *document, const char *dataset)
{
	pthread_mutex_lock(&lock);
	for (const struct publishing *progress = under_way; progress; progress = progress->next) {
		if (strcmp(progress->dataset, dataset) != 0)
			continue;
		cJSON *told = json_new_object();

		json_add_bool(told, "public", progress->public_read);
		json_add_int64(told, "done", atomic_load(&progress->done));
		json_add_int64(told, "total", atomic_load(&progress->total));
		json_add(document, "publishing", told);
		break;
	}
	pthread_mutex_unlock(&lock);
}
