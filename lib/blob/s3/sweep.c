/* The image store in an S3 bucket: aborting the uploads in parts that a crash left unfinished. */
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "blob/key.h"
#include "blob/s3/client.h"
#include "blob/s3/xml.h"

enum { PAGE_KEYS = 1000, ID_MAX = 1024 };

/* A page of the list of unfinished uploads. */
struct listed {
	char *key;
	char id[ID_MAX];
	int64_t time_us;
};
struct page {
	struct listed entry, *entries;
	size_t count;
	bool truncated;
	struct buf text; /* for decoding */
};

static void page_init(struct page *page)
{
	memset(page, 0, sizeof(*page));
	page->entries = memory_new(PAGE_KEYS, sizeof(*page->entries));
	buf_init(&page->text, S3_XML_TEXT_MAX);
}

static void page_release(struct page *page)
{
	for (size_t i = 0; i < page->count; i++)
		free(page->entries[i].key);
	free(page->entry.key);
	free(page->entries);
	buf_release(&page->text);
}

static void end_entry(struct page *page)
{
	if (page->entry.key && page->count < PAGE_KEYS)
		page->entries[page->count++] = page->entry;
	else
		free(page->entry.key);
	memset(&page->entry, 0, sizeof(page->entry));
}

static void set_field(struct page *page, const char *name, const char *text)
{
	struct listed *entry = &page->entry;
	if (strcmp(name, "Key") == 0) { /* percent-encoded, since XML can't hold every key */
		free(entry->key);
		entry->key = text_percent_decode(text, strlen(text), true, &page->text) == 0
		                     ? memory_text(buf_text(&page->text))
		                     : NULL; /* not one of ours */
	} else if (strcmp(name, "Initiated") == 0) {
		text_time_parse(text, &entry->time_us);
	} else if (strcmp(name, "UploadId") == 0) {
		snprintf(entry->id, sizeof(entry->id), "%.1023s", text);
	}
}

static const char item[] = "Upload"; /* the element that holds an entry */

static void read_element(void *data, const char *parent, const char *name, const char *text)
{
	struct page *page = data;
	if (strcmp(parent, item) == 0)
		set_field(page, name, text);
	else if (strcmp(name, item) == 0)
		end_entry(page);
	else if (strcmp(name, "IsTruncated") == 0)
		page->truncated = strcmp(text, "true") == 0;
}

static int sweep_read_page(struct s3_client *client, struct s3_call *call, struct page *page, struct err *err)
{
	call->proof = S3_PROOF_DOCUMENT;
	if (s3_perform(client, call, err) != 0)
		return -1;
	return s3_xml_parse(buf_text(&call->transfer.body), call->transfer.body.len, "ListMultipartUploadsResult",
	                    read_element, page, err);
}

static int no_end(struct err *err)
{
	return err_set(err, ERR_UPSTREAM, "the image store answers with the same page of a list again and again");
}

static bool is_at(const struct listed *listed, const char *key, const char *id)
{
	return strcmp(listed->key, key) == 0 && strcmp(listed->id, id) == 0;
}

static int abort_upload(struct s3_client *client, const struct listed *listed, struct err *err)
{
	struct s3_call call;
	s3_call_init(&call, "DELETE", listed->key);
	s3_call_query(&call, "uploadId", listed->id);
	int result = s3_perform(client, &call, err);
	if (result != 0 && s3_is_missing(&call))
		result = 0; /* it has ended meanwhile */
	s3_call_release(&call);
	return result;
}

/* Asks for each page from where the last one ended, whose uploads may be aborted by then. */
int s3_sweep(struct blob_store *store, const char *prefix, int64_t older_than_seconds, int64_t *removed,
             struct err *err)
{
	struct s3_client *client = (struct s3_client *)store;
	char key[4 * BLOB_KEY_MAX] = "", id[ID_MAX] = "";
	for (bool more = true; more;) {
		struct s3_call call;
		struct page page;
		s3_call_init(&call, "GET", NULL);
		s3_call_query(&call, "uploads", "");
		s3_call_query(&call, "encoding-type", "url");
		s3_call_query(&call, "prefix", prefix);
		if (key[0] != '\0') {
			s3_call_query(&call, "key-marker", key);
			s3_call_query(&call, "upload-id-marker", id);
		}
		page_init(&page);
		int result = sweep_read_page(client, &call, &page, err);
		/* Includes the current second; asked once the answer has corrected the clock. */
		int64_t limit = ((int64_t)s3_now(client) + 1 - older_than_seconds) * MICROSECONDS;
		more = result == 0 && page.truncated && page.count > 0;
		if (more && is_at(&page.entries[page.count - 1], key, id))
			result = no_end(err);
		for (size_t i = 0; result == 0 && i < page.count; i++) {
			snprintf(key, sizeof(key), "%s", page.entries[i].key);
			snprintf(id, sizeof(id), "%s", page.entries[i].id);
			if (page.entries[i].time_us > limit)
				continue;
			result = abort_upload(client, &page.entries[i], err);
			*removed += result == 0;
		}
		s3_call_release(&call);
		page_release(&page);
		if (result != 0)
			return -1;
	}
	return 0;
}
