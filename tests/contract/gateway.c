/* Passes HTTP requests on, one a connection, and spoils some. */
#include "gateway.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <regex.h>
#include <stdbool.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

enum { HEAD_MAX = 16384, RULES_MAX = 8 };

struct rule {
	const char *pattern; /* NULL: every request */
	enum gateway_mode mode;
	int times;
	const char *status, *body;
};

struct gateway {
	struct sockaddr_in address, server;
	char endpoint[64];
	int holder;            /* never listens: keeps the address while the gateway is down */
	int listener, quit[2]; /* a byte in quit ends the thread */
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	struct rule rules[RULES_MAX];
	size_t rule_count;
	char **heads; /* of all requests */
	size_t head_count;
};

static bool matches(const char *head, const char *pattern)
{
	regex_t regex;
	if (pattern == NULL)
		return true;
	if (regcomp(&regex, pattern, REG_EXTENDED | REG_ICASE | REG_NOSUB | REG_NEWLINE) != 0)
		abort();
	bool found = regexec(&regex, head, 0, NULL, 0) == 0;
	regfree(&regex);
	return found;
}

/* Reads the request's head; returns 0 when there is none. */
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

/* Passes the request's body on (to = -1: discards it). */
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

/* Passes an answer on; GATEWAY_LOSE: discards it. */
static void spoil(int server, int client, enum gateway_mode mode)
{
	char bytes[HEAD_MAX];
	size_t len = read_head(server, bytes, sizeof(bytes));
	if (mode != GATEWAY_LOSE)
		write_all(client, bytes, len);
	for (ssize_t n; (n = read(server, bytes, sizeof(bytes))) > 0;) {
		if (mode == GATEWAY_LOSE)
			continue;
		if (mode == GATEWAY_FLIP)
			bytes[n / 2] ^= 1;
		write_all(client, bytes, mode == GATEWAY_CUT ? (size_t)n - 1 : (size_t)n);
		if (mode == GATEWAY_CUT)
			break;
		if (mode == GATEWAY_FLIP)
			mode = GATEWAY_PASS;
	}
}

static void pass(struct gateway *gateway, int client, const char *head, enum gateway_mode mode)
{
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(server, (struct sockaddr *)&gateway->server, sizeof(gateway->server)) == 0) {
		write_all(server, head, strlen(head) - 2);
		write_all(server, "Connection: close\r\n\r\n", 21);
		move_body(client, server, body_length(head));
		spoil(server, client, mode);
	}
	close(server);
}

static void answer(int client, const char *head, const char *status, const char *body)
{
	char text[2048];
	int len = snprintf(text, sizeof(text), "HTTP/1.1 %s\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n%s", status,
	                   strcasestr(status, "content-type:") != NULL ? "" : "Content-Type: application/xml\r\n",
	                   strlen(body), strncmp(head, "HEAD ", 5) != 0 ? body : "");
	write_all(client, text, (size_t)len);
}

/* Records the request, and returns the rule that applies to it. */
static struct rule take_rule(struct gateway *gateway, const char *head)
{
	struct rule found = {.mode = GATEWAY_PASS};
	pthread_mutex_lock(&gateway->lock);
	gateway->heads = realloc(gateway->heads, (gateway->head_count + 1) * sizeof(*gateway->heads));
	gateway->heads[gateway->head_count++] = strdup(head);
	for (size_t i = 0; i < gateway->rule_count; i++) {
		struct rule *rule = &gateway->rules[i];
		if (rule->times == 0 || !matches(head, rule->pattern))
			continue;
		if (rule->times != GATEWAY_ALWAYS)
			rule->times--;
		found = *rule;
		break;
	}
	pthread_mutex_unlock(&gateway->lock);
	return found;
}

static void serve(struct gateway *gateway, int client)
{
	char head[HEAD_MAX];
	if (read_head(client, head, sizeof(head)) == 0)
		return;
	struct rule rule = take_rule(gateway, head);
	if (rule.mode == GATEWAY_ANSWER)
		move_body(client, -1, body_length(head));
	else
		pass(gateway, client, head, rule.mode);
	if ((rule.mode == GATEWAY_ANSWER || rule.mode == GATEWAY_LOSE) && rule.status != NULL)
		answer(client, head, rule.status, rule.body);
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

static void allow_others(int fd)
{
	int on = 1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
		abort();
}

/* Binds a free port exclusively; afterwards the listener may bind it, too. */
static void hold_address(struct gateway *gateway)
{
	socklen_t len = sizeof(gateway->address);
	gateway->holder = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(gateway->holder, (struct sockaddr *)&gateway->address, len) != 0 ||
	    getsockname(gateway->holder, (struct sockaddr *)&gateway->address, &len) != 0)
		abort();
	allow_others(gateway->holder);
	snprintf(gateway->endpoint, sizeof(gateway->endpoint), "http://127.0.0.1:%d",
	         ntohs(gateway->address.sin_port));
}

void gateway_up(struct gateway *gateway)
{
	gateway->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	allow_others(gateway->listener);
	if (bind(gateway->listener, (struct sockaddr *)&gateway->address, sizeof(gateway->address)) != 0 ||
	    listen(gateway->listener, 64) != 0 || pipe(gateway->quit) != 0)
		abort();
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
	hold_address(gateway);
	gateway_up(gateway);
	*endpoint = gateway->endpoint;
	return gateway;
}

static void forget_heads(struct gateway *gateway)
{
	while (gateway->head_count > 0)
		free(gateway->heads[--gateway->head_count]);
}

void gateway_rule(struct gateway *gateway, const char *pattern, enum gateway_mode mode, int times, const char *status,
                  const char *body)
{
	pthread_mutex_lock(&gateway->lock);
	if (gateway->rule_count == RULES_MAX)
		abort();
	gateway->rules[gateway->rule_count++] = (struct rule){pattern, mode, times, status, body};
	pthread_mutex_unlock(&gateway->lock);
}

void gateway_set(struct gateway *gateway, enum gateway_mode mode, int times, const char *status,
                 const char *body)
{
	pthread_mutex_lock(&gateway->lock);
	gateway->rule_count = 0;
	forget_heads(gateway);
	pthread_mutex_unlock(&gateway->lock);
	gateway_rule(gateway, NULL, mode, times, status, body);
}

size_t gateway_count(struct gateway *gateway, const char *pattern)
{
	size_t count = 0;
	pthread_mutex_lock(&gateway->lock);
	for (size_t i = 0; i < gateway->head_count; i++)
		count += matches(gateway->heads[i], pattern);
	pthread_mutex_unlock(&gateway->lock);
	return count;
}

void gateway_stop(struct gateway *gateway)
{
	gateway_down(gateway);
	close(gateway->holder);
	pthread_mutex_destroy(&gateway->lock);
	forget_heads(gateway);
	free(gateway->heads);
	free(gateway);
}
