/* Reads members of BSON documents. */
#include "dataset/mongodb/work.h"

const char *text_in(const bson_t *document, const char *key)
{
	bson_iter_t iter, at;

	return bson_iter_init(&iter, document) && bson_iter_find_descendant(&iter, key, &at) && BSON_ITER_HOLDS_UTF8(&at)
	               ? bson_iter_utf8(&at, NULL)
	               : "";
}

int64_t number_in(const bson_t *document, const char *key)
{
	bson_iter_t iter, found;

	return bson_iter_init(&iter, document) && bson_iter_find_descendant(&iter, key, &found) ? bson_iter_as_int64(&found)
	                                                                                        : 0;
}
