/* The contract tests' fixture: makes and removes stores, sets the clock, runs threads and processes. */
#include "fixture.h"

#include <mongoc/mongoc.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "dataset/task.h"

enum { DROPPED_ABOVE = 5000 /* documents */, POOLS_AT_ONCE = 16 };

_Thread_local struct err failure;

/* --- the clock ----------------------------------------------------------------------------------------------------- */

/* The linker redirects the library's text_now here (--wrap), so that a lease can run out without waiting. */
int64_t __real_text_now(void);
int64_t __wrap_text_now(void);

/* The same for the function that asks MongoDB for its time. */
int __real_work_now(void *work, int64_t *now, struct err *err);
int __wrap_work_now(void *work, int64_t *now, struct err *err);

static atomic_int_fast64_t ahead, server_ahead;

int64_t __wrap_text_now(void)
{
	return __real_text_now() + ahead;
}

int __wrap_work_now(void *work, int64_t *now, struct err *err)
{
	int failed = __real_work_now(work, now, err);

	*now += server_ahead;
	return failed;
}

void clock_skew(int64_t seconds)
{
	ahead += seconds * 1000000;
}

void clock_advance(int64_t seconds)
{
	clock_skew(seconds);
	server_ahead += seconds * 1000000;
}

bool clock_is_the_servers(void)
{
	const char *type = getenv("TEST_DATASET");

	return type && strcmp(type, "mongo") == 0;
}

/* --- results ------------------------------------------------------------------------------------------------------- */

void must_succeed(int result, const char *call, const char *file, int line)
{
	if (result == 0)
		return;
	print_error("%s\n  failed: %s (code %d)\n", call, failure.text, (int)failure.code);
	_fail(file, line);
}

void must_fail(int result, enum err_code code, const char *call, const char *file, int line)
{
	if (result && failure.code == code && failure.text[0])
		return;
	print_error("%s\n  should fail with code %d, and gave %d, code %d: %s\n", call, (int)code, result,
	            (int)failure.code, failure.text);
	_fail(file, line);
}

static atomic_int unexpected;

bool expect_true(bool condition, const char *text, const char *file, int line)
{
	if (!condition && unexpected++ < 10)
		fprintf(stderr, "%s:%d: not so: %s (%s)\n", file, line, text, failure.text);
	return condition;
}

/* --- stores -------------------------------------------------------------------------------------------------------- */

static char *copy(const char *text)
{
	char *made = strdup(text);

	if (!made)
		abort();
	return made;
}

static bool on_mongo(const struct fixture *fixture)
{
	return strcmp(fixture->config.dataset_store.type, "mongodb") == 0;
}

/* A pool's end waits for threads that look up only twice a second. So the linker redirects it here, and it ends while
 * the tests go on. */
void __real_mongoc_client_pool_destroy(mongoc_client_pool_t *pool);
void __wrap_mongoc_client_pool_destroy(mongoc_client_pool_t *pool);

static pthread_mutex_t ending_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t ending[POOLS_AT_ONCE];
static size_t ending_count;

static void *end_pool(void *pool)
{
	__real_mongoc_client_pool_destroy(pool);
	return NULL;
}

static void join_ending(void)
{
	while (ending_count > 0)
		pthread_join(ending[--ending_count], NULL);
}

static void wait_for_pools(void)
{
	pthread_mutex_lock(&ending_lock);
	join_ending();
	pthread_mutex_unlock(&ending_lock);
}

void __wrap_mongoc_client_pool_destroy(mongoc_client_pool_t *pool)
{
	pthread_mutex_lock(&ending_lock);
	if (ending_count == POOLS_AT_ONCE)
		join_ending();
	if (pthread_create(&ending[ending_count++], NULL, end_pool, pool))
		abort();
	pthread_mutex_unlock(&ending_lock);
}

static void choose_sqlite(struct config *config)
{
	char folder[] = "/tmp/contract-XXXXXX";

	assert_non_null(mkdtemp(folder));
	config->dataset_store.type = copy("sqlite");
	config->sqlite_db_dir = copy(folder);
}

static void choose_mongo(struct config *config)
{
	char name[64];

	snprintf(name, sizeof(name), "contract-%d", (int)getpid());
	config->dataset_store.type = copy("mongodb");
	config->dataset_store.uri = copy(getenv("TEST_MONGODB_URI"));
	config->dataset_store.database = copy(name);
}

void prepare(void)
{
	const char *type = getenv("TEST_DATASET");

	log_init("contract", LOG_ERROR);
	pthread_atfork(wait_for_pools, NULL, NULL);
	if (!type || strcmp(type, "sqlite") == 0)
		return;
	if (strcmp(type, "mongo") != 0 || !getenv("TEST_MONGODB_URI")) {
		fprintf(stderr, "TEST_DATASET is sqlite, or mongo with TEST_MONGODB_URI (tests/services/with-mongo)\n");
		exit(2);
	}
}

/* The group's name includes the backend, so that the results of several runs can be distinguished. */
const char *group_name(const char *file)
{
	static char name[128];
	const char *slash = strrchr(file, '/'), *type = getenv("TEST_DATASET");

	snprintf(name, sizeof(name), "%s (%s)", slash ? slash + 1 : file, type ? type : "sqlite");
	return name;
}

int with_store(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct config *config = &fixture->config;
	const char *type = getenv("TEST_DATASET");

	if (!fixture)
		abort();
	config->path = copy("");
	config->default_dataset = copy("");
	config->limits.lease_seconds = LEASE_SECONDS;
	config->limits.open_datasets = OPEN_DATASETS;
	if (type && strcmp(type, "mongo") == 0)
		choose_mongo(config);
	else
		choose_sqlite(config);
	unexpected = 0;
	ahead = server_ahead = 0;
	must(dataset_store_open(&fixture->store, config, &failure));
	*state = fixture;
	return 0;
}

int with_dataset(void **state)
{
	if (with_store(state))
		return -1;
	struct fixture *fixture = *state;
	fixture->dataset = make_dataset(fixture, "animals", NULL);
	return 0;
}

static mongoc_client_t *client_of(const char *uri)
{
	mongoc_client_t *client = mongoc_client_new(uri);

	assert_non_null(client);
	return client;
}

/* Deletes what the collection holds, or the collection itself where that is quicker. */
static bool empty_collection(mongoc_database_t *database, const char *name, bson_error_t *error)
{
	mongoc_collection_t *collection = mongoc_database_get_collection(database, name);
	bson_t *all = bson_new(), *opts = BCON_NEW("writeConcern", "{", "w", BCON_UTF8("majority"), "}");
	int64_t count = mongoc_collection_estimated_document_count(collection, NULL, NULL, NULL, error);
	bool done = count > DROPPED_ABOVE ? mongoc_collection_drop_with_opts(collection, opts, error)
	                                  : mongoc_collection_delete_many(collection, all, opts, NULL, error);

	bson_destroy(opts);
	bson_destroy(all);
	mongoc_collection_destroy(collection);
	return done;
}

/* Leaves collections and indexes for the next test: making them takes longer than most tests. */
static void empty_database(const struct config *config)
{
	mongoc_client_t *client = client_of(config->dataset_store.uri);
	mongoc_database_t *database = mongoc_client_get_database(client, config->dataset_store.database);
	bson_error_t error;
	char **names = mongoc_database_get_collection_names_with_opts(database, NULL, &error);

	assert_non_null(names);
	for (char **name = names; *name; name++) {
		if (!empty_collection(database, *name, &error))
			fail_msg("%s is not emptied: %s", *name, error.message);
	}
	bson_strfreev(names);
	mongoc_database_destroy(database);
	mongoc_client_destroy(client);
}

static int drop_database(void)
{
	struct config config = {0};

	choose_mongo(&config);
	mongoc_client_t *client = client_of(config.dataset_store.uri);
	mongoc_database_t *database = mongoc_client_get_database(client, config.dataset_store.database);
	bson_error_t error;
	bool dropped = mongoc_database_drop(database, &error);
	if (!dropped)
		fprintf(stderr, "the tests' database stays: %s\n", error.message);
	mongoc_database_destroy(database);
	mongoc_client_destroy(client);
	free(config.dataset_store.type);
	free(config.dataset_store.uri);
	free(config.dataset_store.database);
	return dropped ? 0 : -1;
}

int finish(void **state)
{
	(void)state;
	wait_for_pools();
	return clock_is_the_servers() ? drop_database() : 0;
}

static void remove_folder(const char *folder)
{
	pid_t child = fork();

	if (child == 0) {
		execlp("rm", "rm", "-rf", folder, (char *)NULL);
		_exit(127);
	}
	waitpid(child, NULL, 0);
}

int teardown(void **state)
{
	struct fixture *fixture = *state;
	struct config *config = &fixture->config;

	dataset_close(fixture->dataset);
	dataset_store_free(fixture->store);
	if (on_mongo(fixture))
		empty_database(config);
	else
		remove_folder(config->sqlite_db_dir);
	free(config->path);
	free(config->default_dataset);
	free(config->sqlite_db_dir);
	free(config->dataset_store.type);
	free(config->dataset_store.uri);
	free(config->dataset_store.database);
	free(fixture);
	return 0;
}

struct dataset_store *another_store(struct fixture *fixture)
{
	struct dataset_store *store;

	must(dataset_store_open(&store, &fixture->config, &failure));
	return store;
}

/* --- datasets ------------------------------------------------------------------------------------------------------ */

struct dataset *open_dataset(struct dataset_store *store, const char *name)
{
	struct dataset *dataset;

	must(dataset_open(store, name, &dataset, &failure));
	return dataset;
}

struct dataset *make_dataset(struct fixture *fixture, const char *name, const struct dataset_policy *policy)
{
	static const char *const labels[] = {"cat", "dog", "bird"};

	must(dataset_create(fixture->store, name, "/pictures", policy, &failure));
	struct dataset *dataset = open_dataset(fixture->store, name);
	struct dataset_merged merged = {0};
	must(dataset_merge(dataset, labels, 3, NULL, 0, &merged, &failure));
	return dataset;
}

struct dataset *surveyed(struct fixture *fixture, int overlap, int pictures)
{
	struct dataset_policy policy = dataset_policy_default();

	policy.overlap = overlap;
	struct dataset *dataset = make_dataset(fixture, "surveyed", &policy);
	add_pictures(dataset, pictures);
	return dataset;
}

const char *picture(int id)
{
	static _Thread_local char names[8][32];
	static _Thread_local unsigned turn;
	char *name = names[turn++ % 8];

	snprintf(name, sizeof(names[0]), "picture-%d.png", id);
	return name;
}

void set_policy(struct dataset *dataset, const struct dataset_policy *policy)
{
	must(dataset_update(dataset, &(struct dataset_change){.fields = DATASET_POLICY_ALL, .policy = *policy}, &failure));
}

void add_pictures(struct dataset *dataset, int count)
{
	struct dataset_seed *seeds = calloc((size_t)count, sizeof(*seeds));
	struct dataset_merged merged = {0};

	if (!seeds)
		abort();
	for (int i = 0; i < count; i++)
		seeds[i] = (struct dataset_seed){copy(picture(i)), ""};
	int failed = dataset_merge(dataset, NULL, 0, seeds, (size_t)count, &merged, &failure);
	for (int i = 0; i < count; i++)
		free((char *)(uintptr_t)seeds[i].filepath);
	free(seeds);
	must(failed);
}

int64_t next_id(struct dataset *dataset, const char *user)
{
	struct task task;

	must(lease_next(dataset, user, &task, &failure));
	int64_t id = task.sample.id;
	task_release(&task);
	return id;
}

struct task next_task(struct dataset *dataset, const char *user)
{
	struct task task;

	must(lease_next(dataset, user, &task, &failure));
	return task;
}

void lease_tasks(struct dataset *dataset, const char *user, size_t count, struct task *out, size_t expected)
{
	size_t taken;

	must(lease_take(dataset, user, count, out, &taken, &failure));
	assert_int_equal(taken, expected);
}

void assert_token_is_void(struct dataset *dataset, const char *user, const char *token)
{
	int64_t expires;

	refused(lease_label(dataset, user, token, "cat", -1, NULL, &failure), ERR_CONFLICT);
	refused(lease_renew(dataset, user, token, &expires, &failure), ERR_CONFLICT);
	refused(lease_give_back(dataset, user, token, &failure), ERR_CONFLICT);
	for (int skip = DATASET_SKIP_REQUEUE_FOR_ME; skip <= DATASET_SKIP_IGNORE; skip++)
		refused(lease_skip(dataset, user, token, (enum dataset_skip)skip, &failure), ERR_CONFLICT);
}

void label_next(struct dataset *dataset, const char *user, int64_t id, const char *label)
{
	struct task task;

	must(lease_next(dataset, user, &task, &failure));
	assert_int_equal(task.sample.id, id);
	must(lease_label(dataset, user, task.token, label, -1, NULL, &failure));
	task_release(&task);
}

void assert_sample(struct dataset *dataset, int64_t id, const char *label, enum sample_state state)
{
	struct sample sample;

	must(dataset_sample(dataset, id, &sample, &failure));
	assert_string_equal(sample.label, label);
	assert_string_equal(sample_state_name(sample.state), sample_state_name(state));
	sample_release(&sample);
}

void flag(struct dataset *dataset, int64_t id, const char *user, const char *note)
{
	struct sample sample;

	must(dataset_flag(dataset, id, user, note, &sample, &failure));
	sample_release(&sample);
}

int64_t leased(struct dataset *dataset)
{
	struct dataset_info info;

	must(dataset_info(dataset, &info, &failure));
	int64_t count = info.counts.leased;
	dataset_info_release(&info);
	return count;
}

/* Adds up the samples' states in `counts`, and subtracts each sample's label in `labels`. */
static void count_samples(struct dataset *dataset, struct dataset_counts *counts, struct dataset_labels *labels)
{
	int64_t *const by_state[] = {&counts->unlabelled, &counts->labelled, &counts->skipped,
	                             &counts->unreadable, &counts->review};
	struct sample *samples;
	size_t count;

	for (int64_t after = -1;; free(samples)) {
		must(dataset_samples(dataset, NULL, after, 1000, &samples, &count, &failure));
		for (size_t i = 0; i < count; i++) {
			after = samples[i].id;
			counts->size++;
			counts->bytes += samples[i].bytes;
			++*by_state[samples[i].state];
			for (size_t j = 0; j < labels->count; j++)
				labels->item[j].count -= strcmp(labels->item[j].name, samples[i].label) == 0;
			sample_release(&samples[i]);
		}
		if (count == 0)
			break;
	}
	free(samples);
}

void assert_counts_true(struct dataset *dataset)
{
	struct dataset_counts counts = {0};
	struct dataset_info info;
	int64_t size;

	must(dataset_info(dataset, &info, &failure));
	must(dataset_size(dataset, &size, &failure));
	assert_int_equal(size, info.counts.size);
	count_samples(dataset, &counts, &info.labels);
	assert_int_equal(info.counts.size, counts.size);
	assert_int_equal(info.counts.bytes, counts.bytes);
	assert_int_equal(info.counts.labelled, counts.labelled);
	assert_int_equal(info.counts.unlabelled, counts.unlabelled);
	assert_int_equal(info.counts.skipped, counts.skipped);
	assert_int_equal(info.counts.unreadable, counts.unreadable);
	assert_int_equal(info.counts.review, counts.review);
	for (size_t i = 0; i < info.labels.count; i++)
		assert_int_equal(info.labels.item[i].count, 0);
	dataset_info_release(&info);
}

static void append_event(void *data, const struct label_event *event)
{
	buf_printf(data, "%s%s %s %s", ((struct buf *)data)->len ? "; " : "", event->label, event->by, event->source);
}

const char *history(struct dataset *dataset, int64_t id)
{
	static char text[4096];
	struct buf buf;

	buf_init(&buf, sizeof(text) - 1);
	must(dataset_history(dataset, id, append_event, &buf, &failure));
	snprintf(text, sizeof(text), "%s", buf_text(&buf));
	buf_release(&buf);
	return text;
}

/* --- threads and processes ----------------------------------------------------------------------------------------- */

struct thread {
	pthread_t id;
	thread_run *run;
	void *data;
	int number;
	pthread_barrier_t *start;
};

static void *thread_main(void *data)
{
	struct thread *thread = data;

	pthread_barrier_wait(thread->start);
	thread->run(thread->data, thread->number);
	return NULL;
}

static void join_threads(int count, thread_run *run, void *data)
{
	struct thread threads[count];
	pthread_barrier_t start;

	pthread_barrier_init(&start, NULL, (unsigned)count);
	for (int i = 0; i < count; i++) {
		threads[i] = (struct thread){.run = run, .data = data, .number = i, .start = &start};
		if (pthread_create(&threads[i].id, NULL, thread_main, &threads[i]))
			abort();
	}
	for (int i = 0; i < count; i++)
		pthread_join(threads[i].id, NULL);
	pthread_barrier_destroy(&start);
}

void run_threads(int count, thread_run *run, void *data)
{
	join_threads(count, run, data);
	assert_int_equal(unexpected, 0);
}

static void child_main(struct fixture *fixture, process_run *run, int number)
{
	if (expect(dataset_store_open(&fixture->store, &fixture->config, &failure) == 0) &&
	    expect(dataset_open(fixture->store, "animals", &fixture->dataset, &failure) == 0)) {
		run(fixture, number);
		dataset_close(fixture->dataset);
		dataset_store_free(fixture->store);
	}
	_exit(unexpected ? 1 : 0);
}

void run_processes(struct fixture *fixture, int count, process_run *run)
{
	pid_t children[count];
	int failed = 0, status;

	/* A store's threads and connections don't outlive a fork. */
	dataset_close(fixture->dataset);
	dataset_store_free(fixture->store);
	for (int i = 0; i < count; i++) {
		children[i] = fork();
		if (children[i] == 0)
			child_main(fixture, run, i);
	}
	for (int i = 0; i < count; i++)
		failed += waitpid(children[i], &status, 0) != children[i] || status != 0;
	must(dataset_store_open(&fixture->store, &fixture->config, &failure));
	fixture->dataset = open_dataset(fixture->store, "animals");
	assert_int_equal(failed, 0);
}
