/* Contract: what a dataset is besides its name (its uuid, folder and policy), as other processes change it. */
#include "base/clock.h"
#include "fixture.h"

static void uuid_of(struct dataset_store *store, const char *name, char out[HASH_UUID_MAX])
{
	struct dataset *dataset = open_dataset(store, name);
	struct dataset_info info;
	struct dataset_place place;

	must(dataset_info(dataset, &info, &failure));
	must(dataset_place(dataset, &place, &failure));
	assert_string_equal(place.uuid, info.place.uuid);
	assert_int_equal(strlen(place.uuid), HASH_UUID_MAX - 1);
	memcpy(out, place.uuid, HASH_UUID_MAX);
	dataset_place_release(&place);
	dataset_info_release(&info);
	dataset_close(dataset);
}

static void a_dataset_made_anew_under_a_name_has_another_uuid(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_store *other = another_store(fixture);
	char first[HASH_UUID_MAX], again[HASH_UUID_MAX];

	uuid_of(fixture->store, "animals", first);
	uuid_of(other, "animals", again);
	assert_string_equal(again, first);
	dataset_close(fixture->dataset);
	fixture->dataset = NULL;
	must(dataset_remove(other, "animals", &failure));
	must(dataset_create(other, "animals", "/pictures", NULL, &failure));
	uuid_of(fixture->store, "animals", again);
	assert_string_not_equal(again, first);
	uuid_of(other, "animals", first);
	assert_string_equal(again, first);
	dataset_store_free(other);
}

static void a_place_is_the_folder_and_the_policy(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_change change = {.base_dir = "/data/elsewhere",
	                                .fields = DATASET_POLICY_OVERLAP | DATASET_POLICY_PUBLIC,
	                                .policy = {.overlap = 2, .public_images = true}};
	struct dataset_place place;

	must(dataset_update(fixture->dataset, &change, &failure));
	must(dataset_place(fixture->dataset, &place, &failure));
	assert_string_equal(place.base_dir, "/data/elsewhere");
	assert_int_equal(place.policy.overlap, 2);
	assert_int_equal(place.policy.lease_seconds, LEASE_SECONDS);
	assert_true(place.policy.public_images);
	dataset_place_release(&place);
}

static void a_place_as_of_now_is_what_another_process_made_it(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_store *other = another_store(fixture);
	struct dataset *theirs = open_dataset(other, "animals");
	struct dataset_change change = {
		.base_dir = "/moved", .fields = DATASET_POLICY_PUBLIC, .policy = {.public_images = true}};
	struct dataset_place place;

	must(dataset_update(theirs, &change, &failure));
	must(dataset_place_now(fixture->dataset, &place, &failure));
	assert_string_equal(place.base_dir, "/moved");
	assert_true(place.policy.public_images);
	dataset_place_release(&place);
	must(dataset_place(fixture->dataset, &place, &failure)); /* and stays so */
	assert_true(place.policy.public_images);
	dataset_place_release(&place);
	dataset_close(theirs);
	dataset_store_free(other);
}

static void a_place_is_never_older_than_asked_for(void **state)
{
	struct fixture *fixture = *state;
	struct dataset_store *other = another_store(fixture);
	struct dataset *theirs = open_dataset(other, "animals");
	struct dataset_change change = {.base_dir = "/moved"};
	struct dataset_place place;
	int64_t before = clock_us();

	must(dataset_place_since(fixture->dataset, before, &place, &failure));
	assert_string_equal(place.base_dir, "/pictures");
	dataset_place_release(&place);
	must(dataset_update(theirs, &change, &failure));
	must(dataset_place_since(fixture->dataset, before, &place, &failure)); /* this or that */
	dataset_place_release(&place);
	dataset_close(fixture->dataset);
	int64_t since = clock_us();
	fixture->dataset = open_dataset(fixture->store, "animals");
	must(dataset_place_since(fixture->dataset, since, &place, &failure));
	assert_string_equal(place.base_dir, "/moved");
	dataset_place_release(&place);
	dataset_close(theirs);
	dataset_store_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DATASET_TEST(a_dataset_made_anew_under_a_name_has_another_uuid),
		DATASET_TEST(a_place_is_the_folder_and_the_policy),
		DATASET_TEST(a_place_as_of_now_is_what_another_process_made_it),
		DATASET_TEST(a_place_is_never_older_than_asked_for),
	};

	return RUN(tests);
}
