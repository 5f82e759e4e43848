/* Reads the ids of samples. */
#include "fastcgi/ids.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

static const double largest = 9007199254740991.0; /* exact as a double */

static int ids_read_all(const cJSON *list, int64_t *out, size_t *count, struct err *err)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, list) {
		double id = cJSON_IsNumber(item) ? item->valuedouble : -1;

		if (!(id >= 0 && id <= largest && id == floor(id)))
			return err_set(err, ERR_BAD_REQUEST, "\"ids\" must be a list of samples' ids");
		out[(*count)++] = (int64_t)id;
	}
	return 0;
}

int ids_read(const cJSON *list, size_t most, int64_t **out, size_t *count, struct err *err)
{
	*out = NULL;
	*count = 0;
	if (!cJSON_IsArray(list))
		return err_set(err, ERR_BAD_REQUEST, "\"ids\" must be a list of samples' ids");
	size_t size = (size_t)cJSON_GetArraySize(list);
	if (size > most)
		return err_set(err, ERR_BAD_REQUEST, "\"ids\" has more than %zu", most);
	*out = memory_new(size + 1, sizeof(**out));
	if (ids_read_all(list, *out, count, err) == 0)
		return 0;
	free(*out);
	*out = NULL;
	return -1;
}
