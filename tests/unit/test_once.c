/* Work that is done once for all who ask for the same, a few works at a time, users in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "fastcgi/once.h"

enum { THREADS = 12, WORDS = 64 };

/* A door at which works wait until the test lets them through, each telling that it has begun. */
struct scene {
	struct once *once;
	atomic_int begun, under_way, most;
	atomic_bool open;
	pthread_mutex_t mutex;
	char order[WORDS]; /* the first letters of the keys, as they began */
};

struct asking {
	struct scene *scene;
	const char *user, *key;
	bool fails;
	int result;
	struct err err;
	struct buf out;
	pthread_t thread;
};

static int work(void *data, struct buf *out, struct err *err)
{
	struct asking *asking = data;
	struct scene *scene = asking->scene;
	int now = atomic_fetch_add(&scene->under_way, 1) + 1;

	pthread_mutex_lock(&scene->mutex);
	if (now > atomic_load(&scene->most))
		atomic_store(&scene->most, now);
	scene->order[strlen(scene->order)] = asking->key[0];
	pthread_mutex_unlock(&scene->mutex);
	atomic_fetch_add(&scene->begun, 1);
	while (!atomic_load(&scene->open))
		sched_yield();
	atomic_fetch_sub(&scene->under_way, 1);
	if (asking->fails)
		return err_set(err, ERR_UNPROCESSABLE, "%s is broken", asking->key);
	return buf_str(out, asking->key);
}

static void *ask(void *data)
{
	struct asking *asking = data;

	buf_init(&asking->out, 1000);
	asking->result = once_do(asking->scene->once, asking->user, asking->key, work, asking, &asking->out, &asking->err);
	return NULL;
}

static struct scene *scene_new(struct once_limits limits)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	scene->once = once_new(&limits);
	pthread_mutex_init(&scene->mutex, NULL);
	return scene;
}

static void begin(struct asking *asking, struct scene *scene, const char *user, const char *key)
{
	*asking = (struct asking){.scene = scene, .user = user, .key = key, .fails = strstr(key, "broken") != NULL};
	assert_int_equal(pthread_create(&asking->thread, NULL, ask, asking), 0);
}

static void wait_inside(struct scene *scene, size_t count)
{
	while (once_inside(scene->once) < count)
		sched_yield();
}

static int ask_now(struct scene *scene, const char *user)
{
	struct asking asking = {.scene = scene, .user = user, .key = "now"};

	ask(&asking);
	buf_release(&asking.out);
	if (asking.result)
		assert_int_equal(asking.err.code, ERR_UNAVAILABLE);
	return asking.result;
}

static void join(struct asking *asking, size_t count)
{
	atomic_store(&asking[0].scene->open, true);
	for (size_t i = 0; i < count; i++)
		pthread_join(asking[i].thread, NULL);
}

static void end(struct asking *asking, size_t count)
{
	struct scene *scene = asking[0].scene;

	for (size_t i = 0; i < count; i++)
		buf_release(&asking[i].out);
	once_free(scene->once);
	pthread_mutex_destroy(&scene->mutex);
	free(scene);
}

static void all_who_ask_for_the_same_get_what_is_made_once(void **state)
{
	struct scene *scene = scene_new((struct once_limits){.at_once = 4, .inside = THREADS, .per_user = THREADS});
	struct asking asking[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		begin(&asking[i], scene, i % 2 ? "ann" : "bob", i % 3 ? "same" : "broken");
	wait_inside(scene, THREADS);
	join(asking, THREADS);
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(!asking[i].result, i % 3 != 0);
		assert_string_equal(i % 3 ? buf_text(&asking[i].out) : asking[i].err.text, i % 3 ? "same" : "broken is broken");
	}
	assert_int_equal(atomic_load(&scene->begun), 2);
	assert_int_equal(once_inside(scene->once), 0);
	assert_int_equal(ask_now(scene, "ann"), 0); /* what is done is done anew */
	assert_int_equal(atomic_load(&scene->begun), 3);
	end(asking, THREADS);
}

static void so_much_is_under_way_at_once(void **state)
{
	struct scene *scene = scene_new((struct once_limits){.at_once = 3, .inside = THREADS, .per_user = THREADS});
	struct asking asking[THREADS];
	static const char *const keys[THREADS] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		begin(&asking[i], scene, "ann", keys[i]);
	wait_inside(scene, THREADS);
	join(asking, THREADS);
	assert_int_equal(atomic_load(&scene->begun), THREADS);
	assert_int_equal(atomic_load(&scene->most), 3);
	end(asking, THREADS);
}

static void users_take_turns(void **state)
{
	static const char *const keys[] = {"a1", "a2", "a3", "a4", "b1", "b2"};
	enum { ASKED = sizeof(keys) / sizeof(*keys) };
	struct scene *scene = scene_new((struct once_limits){.at_once = 1, .inside = ASKED, .per_user = ASKED});
	struct asking asking[ASKED];

	(void)state;
	for (size_t i = 0; i < ASKED; i++) {
		begin(&asking[i], scene, keys[i][0] == 'a' ? "ann" : "bob", keys[i]);
		wait_inside(scene, i + 1);
	}
	join(asking, ASKED);
	assert_string_equal(scene->order, "aababa");
	end(asking, ASKED);
}

static void one_user_does_not_keep_others_out(void **state)
{
	struct scene *scene = scene_new((struct once_limits){.at_once = 2, .inside = 4, .per_user = 3});
	static const char *const keys[] = {"a1", "a2", "a3", "b1"};
	struct asking asking[4];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		begin(&asking[i], scene, "ann", keys[i]);
	wait_inside(scene, 3);
	assert_true(ask_now(scene, "ann"));
	begin(&asking[3], scene, "bob", keys[3]);
	wait_inside(scene, 4);
	assert_true(ask_now(scene, "carl"));
	join(asking, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(asking[i].result, 0);
	end(asking, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_who_ask_for_the_same_get_what_is_made_once),
		cmocka_unit_test(so_much_is_under_way_at_once),
		cmocka_unit_test(users_take_turns),
		cmocka_unit_test(one_user_does_not_keep_others_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
