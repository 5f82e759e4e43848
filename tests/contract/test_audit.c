/* Contract: entries of the audit log stay there, in order, across processes. */
#include "fixture.h"

#include "base/buf.h"
#include "base/text.h"
#include "dataset/audit.h"

static void add(struct dataset_store *store, const char *by, const char *action, const char *target,
                const char *dataset, const char *detail)
{
	const struct audit_entry entry = {
		.by = by, .action = action, .target = target, .dataset = dataset, .detail = detail};

	must(audit_add(store, &entry, &failure));
}

struct seen {
	struct buf text;
	int64_t number, at;
	size_t count, longest;
};

static void see(void *data, int64_t number, const struct audit_entry *entry)
{
	struct seen *seen = data;

	assert_true(number > seen->number);
	assert_true(entry->at >= seen->at - 1000000); /* a store far away has a clock of its own */
	seen->number = number;
	seen->at = entry->at;
	seen->count++;
	if (strlen(entry->target) > seen->longest)
		seen->longest = strlen(entry->target);
	buf_printf(&seen->text, "%s %s %s %s %s;", entry->by, entry->action, entry->target, entry->dataset, entry->detail);
}

/* The page after `after`, as text. Returns the last number. */
static int64_t assert_page(struct dataset_store *store, int64_t after, size_t limit, const char *expected)
{
	struct seen seen = {.number = after};

	buf_init(&seen.text, 1024 * 1024);
	must(audit_list(store, false, after, limit, see, &seen, &failure));
	assert_string_equal(buf_text(&seen.text), expected);
	buf_release(&seen.text);
	return seen.number;
}

static void entries_are_listed_in_order_by_pages(void **state)
{
	struct dataset_store *store = ((struct fixture *)*state)->store;

	assert_page(store, 0, AUDIT_PAGE_MAX, "");
	add(store, "ada", "dataset.create", "cats", "cats", "");
	add(store, "bob", "label.add", "\"tabby\"\n猫", "cats", "key 0");
	add(store, "ada", "user.add", "eve", "", "viewer on cats");
	int64_t second = assert_page(store, 0, 2,
	                             "ada dataset.create cats cats ;bob label.add \"tabby\"\n猫 cats key 0;");
	assert_page(store, second, 2, "ada user.add eve  viewer on cats;");
}

static void append_target(void *data, int64_t number, const struct audit_entry *entry)
{
	struct seen *seen = data;

	seen->number = number;
	buf_printf(&seen->text, "%s ", entry->target);
}

static void the_newest_can_come_first(void **state)
{
	struct dataset_store *store = ((struct fixture *)*state)->store;
	struct seen seen = {.number = 0};

	buf_init(&seen.text, 1000);
	must(audit_list(store, true, 0, 2, append_target, &seen, &failure));
	for (int i = 0; i < 3; i++)
		add(store, "ada", "label.add", (const char *[]){"one", "two", "three"}[i], "cats", "");
	for (int i = 0; i < 3; i++)
		must(audit_list(store, true, seen.number, 2, append_target, &seen, &failure));
	assert_string_equal(buf_text(&seen.text), "three two one ");
	buf_release(&seen.text);
}

static void it_is_one_log_for_all_processes(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_store *other = another_store(fixture);

	add(fixture->store, "ada", "user.add", "eve", "", "");
	add(other, "bob", "user.remove", "eve", "", "");
	assert_page(fixture->store, 0, AUDIT_PAGE_MAX, "ada user.add eve  ;bob user.remove eve  ;");
	assert_page(other, 0, AUDIT_PAGE_MAX, "ada user.add eve  ;bob user.remove eve  ;");
	dataset_store_free(other);
}

static void an_entry_says_when_it_was(void **state)
{
	struct dataset_store *store = ((struct fixture *)*state)->store;
	int64_t before = text_now();
	struct seen seen = {.at = before - 10 * INT64_C(1000000)};

	add(store, "ada", "user.add", "eve", "", "");
	buf_init(&seen.text, 1024);
	must(audit_list(store, false, 0, 1, see, &seen, &failure));
	assert_true(seen.at <= text_now() + 10 * INT64_C(1000000));
	buf_release(&seen.text);
}

static void a_text_that_is_too_long_is_cut_after_a_whole_character(void **state)
{
	struct dataset_store *store = ((struct fixture *)*state)->store;
	char fits[AUDIT_TARGET_MAX + 1], long_one[AUDIT_TARGET_MAX + 3];
	struct seen seen = {.number = 0};

	memset(fits, 'x', AUDIT_TARGET_MAX);
	fits[AUDIT_TARGET_MAX] = '\0';
	add(store, "ada", "sample.remove", fits, "cats", "");
	snprintf(long_one, sizeof(long_one), "%.*sä", AUDIT_TARGET_MAX - 1, fits); /* its last byte is one too many */
	add(store, "ada", "sample.remove", long_one, "cats", "");
	buf_init(&seen.text, 1024 * 1024);
	must(audit_list(store, false, 0, 1, see, &seen, &failure));
	assert_int_equal(seen.longest, AUDIT_TARGET_MAX);
	seen.longest = 0;
	must(audit_list(store, false, seen.number, 1, see, &seen, &failure));
	assert_int_equal(seen.longest, AUDIT_TARGET_MAX - 1);
	buf_release(&seen.text);
}

static bool note_dataset(void *data, const char *name)
{
	(void)name;
	++*(int *)data;
	return true;
}

static void it_is_no_dataset(void **state)
{
	struct dataset_store *store = ((struct fixture *)*state)->store;
	int count = 0;

	add(store, "ada", "user.add", "eve", "", "");
	must(dataset_store_list(store, "", 10, note_dataset, &count, &failure));
	assert_int_equal(count, 0);
}

static void entries_of_another_store_keep_their_times(void **state)
{
	struct fixture *fixture = *state;
	static const struct audit_entry moved[AUDIT_PAGE_MAX + 1] = {
		{.at = 1500000, .by = "ada", .action = "user.add", .target = "eve", .dataset = "", .detail = ""},
		{.at = 2500000, .by = "bob", .action = "label.add", .target = "x", .dataset = "cats", .detail = "y"}};
	struct dataset_store *reading;
	struct seen seen = {.number = 0};

	must(dataset_store_open_reading(&reading, &fixture->config, &failure));
	assert_page(reading, 0, 10, ""); /* where nothing was ever kept, reading makes nothing */
	dataset_store_free(reading);
	must(audit_add_all(fixture->store, moved, 0, &failure));
	must(audit_add_all(fixture->store, moved, 2, &failure));
	add(fixture->store, "ada", "user.remove", "eve", "", "");
	refused(audit_add_all(fixture->store, moved, AUDIT_PAGE_MAX + 1, &failure), ERR_BAD_REQUEST);
	must(dataset_store_open_reading(&reading, &fixture->config, &failure));
	assert_page(reading, 0, 10, "ada user.add eve  ;bob label.add x cats y;ada user.remove eve  ;");
	buf_init(&seen.text, 1024);
	must(audit_list(reading, false, 1, 1, see, &seen, &failure));
	assert_int_equal(seen.at, 2500000);
	buf_release(&seen.text);
	dataset_store_free(reading);
}

enum { WRITERS = 8, ENTRIES = 20 };

static void *write_entries(void *store)
{
	for (int i = 0; i < ENTRIES; i++) {
		const struct audit_entry entry = {
			.by = "ada", .action = "label.add", .target = "x", .dataset = "cats", .detail = ""};

		if (audit_add(store, &entry, &failure))
			return store;
	}
	return NULL;
}

static void entries_of_many_at_once_all_stay(void **state)
{
	struct dataset_store *store = ((struct fixture *)*state)->store;
	struct seen seen = {.number = 0};
	pthread_t threads[WRITERS];
	void *failed;

	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_entries, store), 0);
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	buf_init(&seen.text, 1024 * 1024);
	must(audit_list(store, false, 0, AUDIT_PAGE_MAX, see, &seen, &failure));
	assert_int_equal(seen.count, WRITERS * ENTRIES);
	buf_release(&seen.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(entries_are_listed_in_order_by_pages),
		STORE_TEST(the_newest_can_come_first),
		STORE_TEST(it_is_one_log_for_all_processes),
		STORE_TEST(an_entry_says_when_it_was),
		STORE_TEST(a_text_that_is_too_long_is_cut_after_a_whole_character),
		STORE_TEST(it_is_no_dataset),
		STORE_TEST(entries_of_another_store_keep_their_times),
		STORE_TEST(entries_of_many_at_once_all_stay),
	};

	return RUN(tests);
}
