/* Cuts every text to its bound, then asks the store's backend for the audit log. */
#include "dataset/audit.h"

#include "base/memory.h"
#include "base/text.h"
#include "dataset/backend.h"

/* Copies as much of the text as fits. */
static char *bounded(const char *text, size_t max)
{
	size_t len = strnlen(text, max + 1);
	return memory_text_part(text, len <= max ? len : text_utf8_span(text, max));
}

int audit_add(struct dataset_store *store, const struct audit_entry *entry, struct err *err)
{
	char *target = bounded(entry->target, AUDIT_TARGET_MAX), *detail = bounded(entry->detail, AUDIT_DETAIL_MAX);
	struct audit_entry kept = *entry;

	kept.target = target;
	kept.detail = detail;
	int failed = store->backend->audit_add(store, &kept, err);
	free(target);
	free(detail);
	return failed;
}

int audit_list(struct dataset_store *store, int64_t after, size_t limit, audit_visit *visit, void *data,
               struct err *err)
{
	return store->backend->audit_list(store, after, limit, visit, data, err);
}
