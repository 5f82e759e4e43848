/* The image store in an S3 bucket: the objects that are there (ListObjectsV2). */
#include "base/memory.h"
#include "base/text.h"
#include "blob/key.h"
#include "blob/s3/client.h"
#include "blob/s3/xml.h"

/* A page of the list: its objects are visited as they are read. */
struct page {
	blob_visit *visit;
	void *data;
	struct blob_info info; /* of the object being read */
	struct buf key;
	char last[BLOB_KEY_MAX]; /* the greatest key so far, from where the next page goes on */
	size_t count;
	bool truncated, ended;
};

static void see_object(struct page *page)
{
	const char *key = buf_text(&page->key);

	page->count++;
	if (page->key.len > 0)
		snprintf(page->last, sizeof(page->last), "%s", key);
	if (!page->ended && page->key.len > 0 && blob_key_check(key, NULL) == 0)
		page->ended = !page->visit(page->data, key, &page->info);
	memset(&page->info, 0, sizeof(page->info));
	buf_clear(&page->key);
}

static void list_field(struct page *page, const char *name, const char *text)
{
	if (strcmp(name, "Key") == 0) { /* percent-encoded, since XML can't hold every key */
		if (text_percent_decode(text, strlen(text), true, &page->key))
			buf_clear(&page->key); /* not one of ours */
	} else if (strcmp(name, "LastModified") == 0) {
		text_time_parse(text, &page->info.modified_us);
	} else if (strcmp(name, "Size") == 0) {
		text_int64(text, 0, INT64_MAX, &page->info.bytes);
	}
}

static void list_element(void *data, const char *parent, const char *name, const char *text)
{
	struct page *page = data;

	if (strcmp(parent, "Contents") == 0)
		list_field(page, name, text);
	else if (strcmp(name, "Contents") == 0)
		see_object(page);
	else if (strcmp(name, "IsTruncated") == 0)
		page->truncated = strcmp(text, "true") == 0;
}

static int list_page(struct s3_client *client, const char *prefix, struct page *page, struct err *err)
{
	char after[BLOB_KEY_MAX];
	struct s3_call call;

	snprintf(after, sizeof(after), "%s", page->last);
	s3_call_init(&call, "GET", NULL);
	s3_call_query(&call, "list-type", "2");
	s3_call_query(&call, "encoding-type", "url");
	s3_call_query(&call, "prefix", prefix);
	if (after[0])
		s3_call_query(&call, "start-after", after);
	call.proof = S3_PROOF_DOCUMENT;
	page->count = 0;
	page->truncated = false;
	int failed = s3_perform(client, &call, err) ||
	             s3_xml_parse(buf_text(&call.transfer.body), call.transfer.body.len, "ListBucketResult", list_element,
	                          page, err);
	s3_call_release(&call);
	if (!failed && page->truncated && (page->count == 0 || strcmp(after, page->last) >= 0))
		failed = err_set(err, ERR_UPSTREAM, "the image store answers with the same page of a list again and again");
	return failed;
}

int s3_list(struct blob_store *store, const char *prefix, blob_visit *visit, void *data, struct err *err)
{
	struct s3_client *client = (struct s3_client *)store;
	struct page *page = memory_new(1, sizeof(*page));
	int failed;

	page->visit = visit;
	page->data = data;
	buf_init(&page->key, S3_XML_TEXT_MAX);
	do {
		failed = list_page(client, prefix, page, err);
	} while (!failed && page->truncated && !page->ended);
	buf_release(&page->key);
	free(page);
	return failed;
}
