/* Copies the audit log of datasets that were moved. What the destination has is known by digests, so that a move that
 * is repeated, or goes on, adds nothing twice. */
#include "migrate_audit.h"

#include <inttypes.h>

#include "base/memory.h"

struct digest {
	unsigned char bytes[HASH_SHA256_SIZE];
};

struct copying {
	struct digest *there; /* of the destination's entries; sorted */
	size_t there_count;
	migrate_audit_wants *wants;
	void *data;
	struct audit_entry *page; /* owns its texts */
	size_t count, seen;       /* in the page; of the source's page */
	int64_t last;             /* number of the entry that was read last */
};

static struct digest entry_digest(const struct audit_entry *entry)
{
	const char *const texts[] = {entry->by, entry->action, entry->target, entry->dataset, entry->detail};
	struct digest digest;
	struct buf all;

	buf_init(&all, 4 * AUDIT_TARGET_MAX + 4 * AUDIT_DETAIL_MAX);
	buf_printf(&all, "%" PRId64, entry->at / 1000);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		buf_char(&all, '\0');
		buf_str(&all, texts[i]);
	}
	hash_sha256(all.data, all.len, digest.bytes);
	buf_release(&all);
	return digest;
}

static int compare_digests(const void *one, const void *other)
{
	return memcmp(one, other, sizeof(struct digest));
}

static void note_there(void *data, int64_t number, const struct audit_entry *entry)
{
	struct copying *copying = data;

	copying->last = number;
	copying->seen++;
	copying->there = memory_grow(copying->there, copying->there_count + 1, sizeof(*copying->there));
	copying->there[copying->there_count++] = entry_digest(entry);
}

static void take_missing(void *data, int64_t number, const struct audit_entry *entry)
{
	struct copying *copying = data;
	const struct digest digest = entry_digest(entry);

	copying->last = number;
	copying->seen++;
	if (!copying->wants(copying->data, entry->dataset) ||
	    (copying->there_count > 0 &&
	     bsearch(&digest, copying->there, copying->there_count, sizeof(digest), compare_digests)))
		return;
	copying->page[copying->count++] = (struct audit_entry){.at = entry->at,
	                                                       .by = memory_text(entry->by),
	                                                       .action = memory_text(entry->action),
	                                                       .target = memory_text(entry->target),
	                                                       .dataset = memory_text(entry->dataset),
	                                                       .detail = memory_text(entry->detail)};
}

static void page_clear(struct copying *copying)
{
	for (size_t i = 0; i < copying->count; i++) {
		const struct audit_entry *entry = &copying->page[i];

		free((char *)(uintptr_t)entry->by);
		free((char *)(uintptr_t)entry->action);
		free((char *)(uintptr_t)entry->target);
		free((char *)(uintptr_t)entry->dataset);
		free((char *)(uintptr_t)entry->detail);
	}
	copying->count = 0;
}

static int audit_page(struct dataset_store *store, audit_visit *visit, struct copying *copying, bool *more,
                      struct err *err)
{
	copying->seen = 0;
	int failed = audit_list(store, false, copying->last, AUDIT_PAGE_MAX, visit, copying, err);
	*more = copying->seen == AUDIT_PAGE_MAX;
	return failed;
}

static int read_there(struct dataset_store *to, struct copying *copying, struct err *err)
{
	for (bool more = true; more;) {
		if (audit_page(to, note_there, copying, &more, err))
			return -1;
	}
	if (copying->there_count > 1)
		qsort(copying->there, copying->there_count, sizeof(*copying->there), compare_digests);
	return 0;
}

int migrate_audit_log(struct dataset_store *from, struct dataset_store *to, migrate_audit_wants *wants, void *data,
                      int64_t *count, struct err *err)
{
	struct copying copying = {.wants = wants, .data = data};
	bool more = true;

	*count = 0;
	copying.page = memory_new(AUDIT_PAGE_MAX, sizeof(*copying.page));
	int failed = read_there(to, &copying, err);
	for (copying.last = 0; !failed && more; page_clear(&copying)) {
		failed = audit_page(from, take_missing, &copying, &more, err) ||
		         audit_add_all(to, copying.page, copying.count, err);
		*count += failed ? 0 : (int64_t)copying.count;
	}
	free(copying.page);
	free(copying.there);
	return failed ? err_prefix(err, "The audit log") : 0;
}
