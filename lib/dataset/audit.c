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
	int failed = store->backend->audit_add(store, &kept, 1, err);
	free(target);
	free(detail);
	return failed;
}

int audit_add_all(struct dataset_store *store, const struct audit_entry *entries, size_t count, struct err *err)
{
	if (count > AUDIT_PAGE_MAX)
		return err_set(err, ERR_BAD_REQUEST, "At most %d entries may be added at once", AUDIT_PAGE_MAX);
	return count > 0 ? store->backend->audit_add(store, entries, count, err) : 0;
}

int audit_list(struct dataset_store *store, bool newest_first, int64_t after, size_t limit, audit_visit *visit,
               void *data, struct err *err)
{
	return store->backend->audit_list(store, newest_first, newest_first && after == 0 ? INT64_MAX : after, limit, visit,
	                                  data, err);
}
