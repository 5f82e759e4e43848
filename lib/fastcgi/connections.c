/* Waits for connections by one epoll(7) that all threads share. */
#include "fastcgi/connections.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

/* libfcgi's own accept also waits for the first bytes: interrupted there it drops the connection, and once a shutdown is
 * pending goes on for ever with a descriptor that it has closed (2.4.2). So connections are accepted here and handed to it.
 *
 * Each is watched for one event at a time (EPOLLONESHOT), so that one thread wakes up for it, and watched again by that
 * thread. The stop is an eventfd that nobody reads: it wakes all of them. */
struct connections {
	int epoll, listening, stop;
	atomic_bool stopping;
};

static int watch(struct connections *connections, int operation, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	return epoll_ctl(connections->epoll, operation, fd, &event);
}

static int set_up(struct connections *connections)
{
	int flags = fcntl(connections->listening, F_GETFL);

	connections->epoll = epoll_create1(EPOLL_CLOEXEC);
	connections->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* Non-blocking: another process may accept what this one was woken for. */
	return flags < 0 || fcntl(connections->listening, F_SETFL, flags | O_NONBLOCK) || connections->epoll < 0 ||
	                       connections->stop < 0 ||
	                       watch(connections, EPOLL_CTL_ADD, connections->stop, EPOLLIN) ||
	                       watch(connections, EPOLL_CTL_ADD, connections->listening, EPOLLIN | EPOLLONESHOT)
	               ? -1
	               : 0;
}

int connections_open(struct connections **out, int listening, struct err *err)
{
	struct connections *connections = calloc(1, sizeof(*connections));

	if (!connections)
		abort();
	connections->listening = listening;
	connections->epoll = connections->stop = -1;
	if (set_up(connections)) {
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
	free(connections);
}

static int accept_one(struct connections *connections)
{
	int connection = accept4(connections->listening, NULL, NULL, SOCK_CLOEXEC);
	int error = errno;

	watch(connections, EPOLL_CTL_MOD, connections->listening, EPOLLIN | EPOLLONESHOT);
	if (connection < 0 && error != EAGAIN && error != EINTR && error != ECONNABORTED)
		log_write(LOG_WARN, "accept failed", "error", strerror(error), NULL);
	return connection;
}

int connections_next(struct connections *connections)
{
	while (!atomic_load(&connections->stopping)) {
		struct epoll_event event;

		if (epoll_wait(connections->epoll, &event, 1, -1) != 1 || event.data.fd == connections->stop)
			continue;
		int connection = event.data.fd == connections->listening ? accept_one(connections) : event.data.fd;
		if (connection >= 0)
			return connection;
	}
	return -1;
}

void connections_keep(struct connections *connections, int connection)
{
	uint32_t events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT;

	if (atomic_load(&connections->stopping) ||
	    (watch(connections, EPOLL_CTL_MOD, connection, events) && watch(connections, EPOLL_CTL_ADD, connection, events)))
		close(connection);
}

void connections_stop(struct connections *connections)
{
	uint64_t one = 1;

	atomic_store(&connections->stopping, true);
	if (write(connections->stop, &one, sizeof(one)) < 0)
		abort(); /* an eventfd at 0 takes it */
}
