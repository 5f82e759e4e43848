/* Waits for connections with one epoll(7) that all threads share. */
#include "fastcgi/connections.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"

/* Connections are accepted here and handed to libfcgi. Its own accept also waits for the first bytes: when it is
 * interrupted there, it drops the connection, and once a shutdown is pending it loops for ever on a descriptor that
 * it has closed (2.4.2).
 *
 * Each connection is watched for one event at a time (EPOLLONESHOT), so that one thread wakes up for it; that thread
 * has it watched again. The stop is an eventfd that nobody reads, so that it wakes all threads.
 *
 * A program that may open no more files would leave its clients waiting. So one spare descriptor is held, and given
 * up for such a connection: its request then fails with an answer. */
enum { PIECE_BYTES = 64 * 1024, RETRY_MS = 20, QUEUE_MAX = 1024 /* spawn-fcgi's backlog */ };

struct connections {
	int epoll, listening, stop;
	atomic_bool stopping;
	atomic_int queued;    /* how many connections may still be accepted once it is stopping */
	pthread_mutex_t lock; /* protects the field below */
	int spare;            /* -1 while a connection uses its place */
};

/* The low bit of an event's data says that its descriptor lingers. */
enum { LINGERS = 1 };

static int watch_as(struct connections *connections, int operation, int fd, uint32_t events, unsigned flags)
{
	struct epoll_event event = {.events = events, .data.u64 = (uint64_t)(unsigned)fd << 1 | flags};

	return epoll_ctl(connections->epoll, operation, fd, &event);
}

static int watch(struct connections *connections, int operation, int fd, uint32_t events)
{
	return watch_as(connections, operation, fd, events, 0);
}

static int rewatch(struct connections *connections, int fd, unsigned flags)
{
	uint32_t events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT;

	return watch_as(connections, EPOLL_CTL_MOD, fd, events, flags) &&
	       watch_as(connections, EPOLL_CTL_ADD, fd, events, flags);
}

static int connections_set_up(struct connections *connections)
{
	int flags = fcntl(connections->listening, F_GETFL);

	connections->epoll = epoll_create1(EPOLL_CLOEXEC);
	connections->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	connections->spare = eventfd(0, EFD_CLOEXEC);
	/* Non-blocking: another process may accept the connection that woke this one. */
	return flags < 0 || fcntl(connections->listening, F_SETFL, flags | O_NONBLOCK) || connections->epoll < 0 ||
	       connections->stop < 0 || connections->spare < 0 ||
	       watch(connections, EPOLL_CTL_ADD, connections->stop, EPOLLIN) ||
	       watch(connections, EPOLL_CTL_ADD, connections->listening, EPOLLIN | EPOLLONESHOT);
}

int connections_open(struct connections **out, int listening, struct err *err)
{
	struct connections *connections = memory_new(1, sizeof(*connections));

	connections->listening = listening;
	connections->queued = QUEUE_MAX;
	connections->epoll = connections->stop = connections->spare = -1;
	pthread_mutex_init(&connections->lock, NULL);
	if (connections_set_up(connections)) {
		err_errno(err, ERR_INTERNAL, "the program's socket cannot be waited on");
		connections_free(connections);
		return -1;
	}
	*out = connections;
	return 0;
}

void connections_free(struct connections *connections)
{
	if (!connections)
		return;
	if (connections->stop >= 0)
		close(connections->stop);
	if (connections->epoll >= 0)
		close(connections->epoll);
	if (connections->spare >= 0)
		close(connections->spare);
	pthread_mutex_destroy(&connections->lock);
	free(connections);
}

static int accept_next(const struct connections *connections)
{
	return accept4(connections->listening, NULL, NULL, SOCK_CLOEXEC);
}

/* Accepts a connection in place of the spare descriptor, if there is one. */
static int accept_by_spare(struct connections *connections)
{
	int connection = -1;

	pthread_mutex_lock(&connections->lock);
	if (connections->spare >= 0) {
		log_write(LOG_WARN, "no more files can be opened", NULL);
		close(connections->spare);
		connections->spare = -1;
		connection = accept_next(connections);
	}
	pthread_mutex_unlock(&connections->lock);
	return connection;
}

/* Opens the spare descriptor again if it was given up; false while there is no room for it. */
static bool has_spare(struct connections *connections)
{
	pthread_mutex_lock(&connections->lock);
	if (connections->spare < 0)
		connections->spare = eventfd(0, EFD_CLOEXEC);
	bool has = connections->spare >= 0;
	pthread_mutex_unlock(&connections->lock);
	return has;
}

static int accept_one(struct connections *connections)
{
	const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000};
	int connection = accept_next(connections), error = errno;

	if (connection < 0 && (error == EMFILE || error == ENFILE)) {
		has_spare(connections);
		connection = accept_by_spare(connections);
	} else if (connection < 0 && error != EAGAIN && error != EINTR && error != ECONNABORTED) {
		log_write(LOG_WARN, "accept failed", "error", strerror(error), NULL);
	}
	if (connection < 0 && error != EAGAIN)
		nanosleep(&pause, NULL); /* until another connection has ended */
	watch(connections, EPOLL_CTL_MOD, connections->listening, EPOLLIN | EPOLLONESHOT);
	return connection;
}

/* Reads one piece at a time, so that no other connection waits for it. */
static void connections_pass_over(struct connections *connections, int connection)
{
	char piece[PIECE_BYTES];
	ssize_t got = recv(connection, piece, sizeof(piece), MSG_DONTWAIT);

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR) || rewatch(connections, connection, LINGERS))
		close(connection);
}

int connections_next(struct connections *connections)
{
	while (!atomic_load(&connections->stopping)) {
		struct epoll_event event;

		if (epoll_wait(connections->epoll, &event, 1, -1) != 1)
			continue;
		int connection = (int)(event.data.u64 >> 1);
		if (connection == connections->stop)
			continue;
		if (event.data.u64 & LINGERS) {
			connections_pass_over(connections, connection);
			continue;
		}
		if (connection == connections->listening)
			connection = accept_one(connections);
		if (connection >= 0)
			return connection;
	}
	/* Another socket may have its name by now, and then nobody else accepts what waits here. */
	return atomic_fetch_sub(&connections->queued, 1) > 0 ? accept_next(connections) : -1;
}

void connections_keep(struct connections *connections, int connection)
{
	if (atomic_load(&connections->stopping) || !has_spare(connections) || rewatch(connections, connection, 0)) {
		close(connection);
		has_spare(connections);
	}
}

void connections_linger(struct connections *connections, int connection)
{
	/* nginx waits for the answer's end, even when Content-Length says where that is (fastcgi_keep_conn off, 1.22). */
	if (shutdown(connection, SHUT_WR) || rewatch(connections, connection, LINGERS))
		close(connection);
}

bool connections_stopped(struct connections *connections)
{
	return atomic_load(&connections->stopping);
}

void connections_stop(struct connections *connections)
{
	uint64_t one = 1;

	atomic_store(&connections->stopping, true);
	if (write(connections->stop, &one, sizeof(one)) < 0)
		abort(); /* cannot happen to an eventfd at 0 */
}
