/* Counts the requests that wait for their bodies, by user. */
#include "fastcgi/admission.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"

struct admission {
	pthread_mutex_t lock; /* protects the fields below */
	int threads, taken;
	const char *user[]; /* by place; NULL where it is free */
};

struct admission *admission_new(int threads)
{
	struct admission *admission = memory_new(1, sizeof(*admission) + (size_t)threads * sizeof(*admission->user));

	pthread_mutex_init(&admission->lock, NULL);
	admission->threads = threads;
	return admission;
}

void admission_free(struct admission *admission)
{
	if (!admission)
		return;
	pthread_mutex_destroy(&admission->lock);
	free(admission);
}

/* Finds a free place (-1: none), and counts the places that the user holds. */
static int admission_look(const struct admission *admission, const char *user, int *held)
{
	int place = -1;

	*held = 0;
	for (int i = 0; i < admission->threads; i++) {
		if (admission->user[i])
			*held += strcmp(admission->user[i], user) == 0;
		else if (place < 0)
			place = i;
	}
	return place;
}

int admission_enter(struct admission *admission, const char *user, bool post, int *place, struct err *err)
{
	int most = admission->threads - admission->threads / (post ? 4 : 8), held, failed = 0;

	pthread_mutex_lock(&admission->lock);
	int found = admission_look(admission, user, &held);
	if (held >= most / 2)
		failed = err_set(err, ERR_TOO_MANY, "%d uploads of yours are under way: wait until one of them has ended", held);
	else if (admission->taken >= most || found < 0)
		failed = err_set(err, ERR_UNAVAILABLE, "As many uploads as can be taken at once are under way: try again");
	else
		admission->taken++;
	if (!failed) {
		admission->user[found] = user;
		*place = found;
	}
	pthread_mutex_unlock(&admission->lock);
	return failed;
}

void admission_leave(struct admission *admission, int place)
{
	pthread_mutex_lock(&admission->lock);
	admission->user[place] = NULL;
	admission->taken--;
	pthread_mutex_unlock(&admission->lock);
}
