/* The former names of labels in MongoDB, in the document with the labels' details. */
#include "dataset/mongodb/store.h"

enum { FORMERS_MAX = 10000 }; /* for a dataset; the oldest are forgotten, since a document's size is limited */

void formers_release(struct formers *formers)
{
	for (size_t i = 0; i < formers->count; i++) {
		free(formers->item[i].name);
		free(formers->item[i].by);
	}
	free(formers->item);
	memset(formers, 0, sizeof(*formers));
}

static void read_one(struct formers *out, bson_iter_t *iter)
{
	struct former former = {.key = -1, .was = -1};

	while (bson_iter_next(iter)) {
		const char *key = bson_iter_key(iter), *text = BSON_ITER_HOLDS_UTF8(iter) ? bson_iter_utf8(iter, NULL) : "";

		if (strcmp(key, "name") == 0 && !former.name)
			former.name = memory_text(text);
		else if (strcmp(key, "by") == 0 && !former.by)
			former.by = memory_text(text);
		else if (strcmp(key, "key") == 0)
			former.key = bson_iter_as_int64(iter);
		else if (strcmp(key, "was") == 0)
			former.was = bson_iter_as_int64(iter);
	}
	former.name = former.name ? former.name : memory_text("");
	former.by = former.by ? former.by : memory_text("");
	out->item = memory_grow(out->item, out->count + 1, sizeof(*out->item));
	out->item[out->count++] = former;
}

static int read_formers(void *data, const bson_t *document, struct err *err)
{
	bson_iter_t iter, item, member;

	(void)err;
	if (!bson_iter_init_find(&iter, document, "former") || !BSON_ITER_HOLDS_ARRAY(&iter) ||
	    !bson_iter_recurse(&iter, &item))
		return WORK_ENOUGH;
	while (bson_iter_next(&item)) {
		if (bson_iter_recurse(&item, &member))
			read_one(data, &member);
	}
	return WORK_ENOUGH;
}

int formers_read(struct work *work, const char *dataset, struct formers *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	return work_find(work, "label_details", BCON_NEW("_id", BCON_UTF8(dataset)), NULL, read_formers, out, err);
}

int formers_write(struct work *work, const char *dataset, const struct formers *formers, struct err *err)
{
	bson_t *update = bson_new(), set, list, member;
	size_t first = formers->count > FORMERS_MAX ? formers->count - FORMERS_MAX : 0;

	BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
	BSON_APPEND_ARRAY_BEGIN(&set, "former", &list);
	for (size_t i = first; i < formers->count; i++) {
		const struct former *former = &formers->item[i];
		char buffer[16];
		const char *key;

		bson_uint32_to_string((uint32_t)(i - first), &key, buffer, sizeof(buffer));
		BSON_APPEND_DOCUMENT_BEGIN(&list, key, &member);
		BSON_APPEND_UTF8(&member, "name", former->name);
		BSON_APPEND_INT64(&member, "key", former->key);
		BSON_APPEND_INT64(&member, "was", former->was);
		BSON_APPEND_UTF8(&member, "by", former->by);
		bson_append_document_end(&list, &member);
	}
	bson_append_array_end(&set, &list);
	bson_append_document_end(update, &set);
	return work_update(work, "label_details", BCON_NEW("_id", BCON_UTF8(dataset)), update, true, NULL, err);
}

const struct former *formers_find(const struct formers *formers, const char *name)
{
	for (size_t i = 0; i < formers->count; i++) {
		if (strcmp(formers->item[i].name, name) == 0)
			return &formers->item[i];
	}
	return NULL;
}

void formers_forget(struct formers *formers, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < formers->count; i++) {
		struct former *former = &formers->item[i];

		if (strcmp(former->name, name) != 0) {
			formers->item[kept++] = *former;
			continue;
		}
		free(former->name);
		free(former->by);
	}
	formers->count = kept;
}

void formers_note(struct formers *formers, const char *name, int64_t key, int64_t was, const char *by)
{
	formers_forget(formers, name);
	formers->item = memory_grow(formers->item, formers->count + 1, sizeof(*formers->item));
	formers->item[formers->count++] =
		(struct former){.name = memory_text(name), .key = key, .was = was, .by = memory_text(by)};
}
