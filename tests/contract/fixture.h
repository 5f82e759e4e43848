/* What every contract test builds on: a fresh store of the backend that TEST_DATASET names, and a clock it can set.
 *
 * TEST_DATASET=sqlite (the default) uses a temporary folder; TEST_DATASET=mongo a database of the program at
 * TEST_MONGODB_URI (tests/services/with-mongo starts one), emptied after each test. The tests use only dataset/dataset.h. */
#ifndef CONTRACT_FIXTURE_H
#define CONTRACT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>

#include "dataset/answers.h"
#include "dataset/dataset.h"
#include "dataset/task.h"

enum { LEASE_SECONDS = 600, OPEN_DATASETS = 4 }; /* limits of the fixture's configuration */

struct fixture {
	struct config config;
	struct dataset_store *store;
	struct dataset *dataset; /* "animals", base_dir "/pictures", labels cat, dog, bird; made by with_dataset */
};

/* Set-up and tear-down of a test: an empty store, or one that holds "animals". */
int with_store(void **state);
int with_dataset(void **state);
int teardown(void **state);
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, with_store, teardown)
#define DATASET_TEST(name) cmocka_unit_test_setup_teardown(name, with_dataset, teardown)

/* Runs a program's tests. */
#define RUN(tests) (prepare(), cmocka_run_group_tests_name(group_name(__FILE__), tests, NULL, finish))
void prepare(void);
int finish(void **state);
const char *group_name(const char *file);

/* Where the calls of this thread leave their error. */
extern _Thread_local struct err failure;

/* must(call): fails unless the call succeeds. refused(call, code): fails unless the call fails with that code, and
 * says why. Main thread only. */
#define must(call) must_succeed((call), #call, __FILE__, __LINE__)
#define refused(call, code) must_fail((call), (code), #call, __FILE__, __LINE__)
void must_succeed(int result, const char *call, const char *file, int line);
void must_fail(int result, enum err_code code, const char *call, const char *file, int line);

/* Moves the store's time, which also passes by itself, forward; or back if seconds is negative. */
void clock_advance(int64_t seconds);
/* Moves only this machine's clock forward. For a store on this machine that is the store's clock, too; else
 * clock_is_the_servers(). */
void clock_skew(int64_t seconds);
bool clock_is_the_servers(void);

/* Another store on the same data, as another process would open it. */
struct dataset_store *another_store(struct fixture *fixture);
/* Opens a dataset that must exist. */
struct dataset *open_dataset(struct dataset_store *store, const char *name);
/* Makes a dataset with base_dir "/pictures" and labels cat, dog, bird, and opens it. policy NULL: the default. */
struct dataset *make_dataset(struct fixture *fixture, const char *name, const struct dataset_policy *policy);
/* Changes all fields of its policy. */
void set_policy(struct dataset *dataset, const struct dataset_policy *policy);
/* Adds unlabelled samples picture-0.png, picture-1.png, … */
void add_pictures(struct dataset *dataset, int count);
/* Makes "surveyed", in which so many people label each sample, with so many pictures. */
struct dataset *surveyed(struct fixture *fixture, int overlap, int pictures);
const char *picture(int id); /* its filepath; valid until the eighth next call on this thread */

/* Leases the user's next sample; the caller releases it. */
struct task next_task(struct dataset *dataset, const char *user);
/* Leases up to `count`; fails unless it gets exactly `expected`. The caller releases them. */
void lease_tasks(struct dataset *dataset, const char *user, size_t count, struct task *out, size_t expected);
/* Fails if anything can still be done with the token. */
void assert_token_is_void(struct dataset *dataset, const char *user, const char *token);
/* The id of the user's next sample; its lease stays. */
int64_t next_id(struct dataset *dataset, const char *user);
/* Leases the user's next sample, which must be `id`, and labels it. */
void label_next(struct dataset *dataset, const char *user, int64_t id, const char *label);
/* Fails unless the sample has this label and state. */
void assert_sample(struct dataset *dataset, int64_t id, const char *label, enum sample_state state);
/* Fails unless the stored counts equal those counted through dataset_samples, and their sum is the size. */
void assert_counts_true(struct dataset *dataset);
int64_t leased(struct dataset *dataset); /* counts.leased */
/* Flags the sample; note NULL: removes the flag. */
void flag(struct dataset *dataset, int64_t id, const char *user, const char *note);
/* The history as text: "label by source; …", oldest first. Valid until the next call. */
const char *history(struct dataset *dataset, int64_t id);

/* Runs `run` on `count` threads at once; it gets data and the thread's number. Checks inside it are expect(…). */
typedef void thread_run(void *data, int number);
void run_threads(int count, thread_run *run, void *data);
/* The same in processes, each with its own store and dataset. The fixture's are closed meanwhile and open
 * afterwards. */
typedef void process_run(struct fixture *fixture, int number);
void run_processes(struct fixture *fixture, int count, process_run *run);
/* A check for any thread, and for the processes above: a failure is printed, and fails the test. */
#define expect(condition) expect_true((condition), #condition, __FILE__, __LINE__)
bool expect_true(bool condition, const char *text, const char *file, int line);

#endif
