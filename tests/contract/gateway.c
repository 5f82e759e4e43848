/* Passes HTTP requests on, one a connection, and spoils some. */
#include "gateway.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

struct gateway {
	struct sockaddr_in address, server;
	char endpoint[64];
	int listener, quit[2]; /* a byte in quit ends the thread */
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	enum gateway_mode mode;
	int times;
	const char *status, *body;
};

/* Reads the request's head; 0 when there is none. */
static size_t read_head(int fd, char *head, size_t room)
{
	size_t len = 0;
	while (len + 1 < room) {
		ssize_t n = read(fd, head + len, 1);
		if (n <= 0)
			return 0;
		head[++len] = '\0';
		if (len >= 4 && memcmp(head + len - 4, "\r\n\r\n", 4) == 0)
			return len;
	}
	return 0;
}

static long body_length(const char *head)
{
	const char *line = strcasestr(head, "\r\ncontent-length:");
	return line == NULL ? 0 : strtol(line + 17, NULL, 10);
}

static void write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		bytes += n;
		len -= (size_t)n;
	}
}

/* Moves the request's body on (to = -1: nowhere). */
static void move_body(int from, int to, long left)
{
	char bytes[16384];
	while (left > 0) {
		ssize_t n = read(from, bytes, left < (long)sizeof(bytes) ? (size_t)left : sizeof(bytes));
		if (n <= 0)
			return;
		if (to >= 0)
			write_all(to, bytes, (size_t)n);
		left -= n;
	}
}

static void pass(struct gateway *gateway, int client, const char *head, size_t len, bool cut)
{
	char bytes[16384];
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(server, (struct sockaddr *)&gateway->server, sizeof(gateway->server)) == 0) {
		write_all(server, head, len - 2);
		write_all(server, "Connection: close\r\n\r\n", 21);
		move_body(client, server, body_length(head));
		for (ssize_t n; (n = read(server, bytes, sizeof(bytes))) > 0;) {
			write_all(client, bytes, cut ? (size_t)n - 1 : (size_t)n);
			if (cut)
				break;
		}
	}
	close(server);
}

static void answer(int client, const char *status, const char *body)
{
	char text[2048];
	int len = snprintf(text, sizeof(text),
	                   "HTTP/1.1 %s\r\nConnection: close\r\nContent-Type: application/xml\r\n"
	                   "Content-Length: %zu\r\n\r\n%s", status, strlen(body), body);
	write_all(client, text, (size_t)len);
}

static void serve(struct gateway *gateway, int client)
{
	char head[16384];
	size_t len = read_head(client, head, sizeof(head));
	if (len == 0)
		return;
	pthread_mutex_lock(&gateway->lock);
	enum gateway_mode mode = gateway->mode;
	const char *status = gateway->status, *body = gateway->body;
	if (mode == GATEWAY_CONDITIONAL)
		mode = strcasestr(head, "\r\nif-none-match:") != NULL ? GATEWAY_ANSWER : GATEWAY_PASS;
	else if (mode != GATEWAY_PASS && gateway->times-- == 0)
		mode = gateway->mode = GATEWAY_PASS;
	pthread_mutex_unlock(&gateway->lock);
	if (mode == GATEWAY_ANSWER) {
		move_body(client, -1, body_length(head));
		if (status != NULL)
			answer(client, status, body);
	} else {
		pass(gateway, client, head, len, mode == GATEWAY_CUT);
	}
}

static void *serve_connection(void *data)
{
	void **job = data;
	int client = (int)(long)job[1];
	serve(job[0], client);
	shutdown(client, SHUT_WR);
	close(client);
	free(job);
	return NULL;
}

static void *gateway_main(void *data)
{
	struct gateway *gateway = data;
	struct pollfd fds[2] = {{.fd = gateway->listener, .events = POLLIN}, {.fd = gateway->quit[0],
	                                                                      .events = POLLIN}};
	while (poll(fds, 2, -1) > 0 && fds[1].revents == 0) {
		pthread_t thread;
		void **job = malloc(2 * sizeof(*job));
		job[0] = gateway;
		job[1] = (void *)(long)accept4(gateway->listener, NULL, NULL, SOCK_CLOEXEC);
		if (pthread_create(&thread, NULL, serve_connection, job) == 0)
			pthread_detach(thread);
	}
	return NULL;
}

void gateway_up(struct gateway *gateway)
{
	int on = 1;
	socklen_t len = sizeof(gateway->address);
	gateway->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(gateway->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(gateway->listener, (struct sockaddr *)&gateway->address, len) != 0 ||
	    listen(gateway->listener, 64) != 0 || pipe(gateway->quit) != 0)
		abort();
	getsockname(gateway->listener, (struct sockaddr *)&gateway->address, &len);
	snprintf(gateway->endpoint, sizeof(gateway->endpoint), "http://127.0.0.1:%d",
	         ntohs(gateway->address.sin_port));
	if (pthread_create(&gateway->thread, NULL, gateway_main, gateway) != 0)
		abort();
	gateway->running = true;
}

void gateway_down(struct gateway *gateway)
{
	if (!gateway->running)
		return;
	if (write(gateway->quit[1], "q", 1) != 1)
		abort();
	pthread_join(gateway->thread, NULL);
	close(gateway->listener);
	close(gateway->quit[0]);
	close(gateway->quit[1]);
	gateway->running = false;
}

struct gateway *gateway_start(const char *server, const char **endpoint)
{
	struct gateway *gateway = calloc(1, sizeof(*gateway));
	const char *port = strrchr(server, ':');
	if (gateway == NULL || strncmp(server, "http://127.0.0.1:", 17) != 0)
		abort();
	pthread_mutex_init(&gateway->lock, NULL);
	gateway->server = (struct sockaddr_in){.sin_family = AF_INET,
	                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	gateway->address = gateway->server;
	gateway->server.sin_port = htons((unsigned short)strtol(port + 1, NULL, 10));
	gateway_up(gateway);
	*endpoint = gateway->endpoint;
	return gateway;
}

void gateway_set(struct gateway *gateway, enum gateway_mode mode, int times, const char *status,
                 const char *body)
{
	pthread_mutex_lock(&gateway->lock);
	gateway->mode = mode;
	gateway->times = times;
	gateway->status = status;
	gateway->body = body;
	pthread_mutex_unlock(&gateway->lock);
}

void gateway_stop(struct gateway *gateway)
{
	gateway_down(gateway);
	pthread_mutex_destroy(&gateway->lock);
	free(gateway);
}
