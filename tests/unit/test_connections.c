/* Waiting for connections: new ones, kept ones, and the stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fastcgi/connections.h"
#include "tempdir.h"

static int listening;
static struct sockaddr_un address;
static struct connections *connections;

static int set_up(void **state)
{
	struct err err;

	tempdir_make(state);
	address.sun_family = AF_UNIX;
	assert_true(snprintf(address.sun_path, sizeof(address.sun_path), "%s", temp("socket")) < (int)sizeof(address.sun_path));
	listening = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(listening, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listening, 8), 0);
	assert_int_equal(connections_open(&connections, listening, &err), 0);
	return 0;
}

static int tear_down(void **state)
{
	connections_free(connections);
	close(listening);
	return tempdir_remove(state);
}

static int ask(void)
{
	int client = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
	return client;
}

static void send_byte(int to, char byte)
{
	assert_int_equal(send(to, &byte, 1, MSG_NOSIGNAL), 1);
}

static void expect_byte(int from, char byte)
{
	char got;

	assert_int_equal(read(from, &got, 1), 1);
	assert_int_equal(got, byte);
}

static void each_new_connection_is_handed_out_once(void **state)
{
	(void)state;
	int client[2] = {ask(), ask()};

	for (int i = 0; i < 2; i++) {
		int connection = connections_next(connections);
		send_byte(connection, 'a');
		close(connection);
	}
	for (int i = 0; i < 2; i++) {
		expect_byte(client[i], 'a');
		close(client[i]);
	}
}

static void a_kept_connection_comes_back_with_its_next_request(void **state)
{
	(void)state;
	int client = ask(), other;
	int connection = connections_next(connections);

	for (char byte = 'a'; byte < 'e'; byte++) {
		connections_keep(connections, connection);
		/* It has no request yet: another connection goes first. */
		other = ask();
		int second = connections_next(connections);
		assert_int_not_equal(second, connection);
		close(second);
		close(other);
		send_byte(client, byte);
		assert_int_equal(connections_next(connections), connection);
		expect_byte(connection, byte);
	}
	close(connection);
	close(client);
}

static void a_kept_connection_that_was_closed_comes_back_to_be_closed(void **state)
{
	(void)state;
	int client = ask();
	int connection = connections_next(connections);
	char byte;

	connections_keep(connections, connection);
	close(client);
	assert_int_equal(connections_next(connections), connection);
	assert_int_equal(read(connection, &byte, 1), 0);
	close(connection);
}

static void *wait_for_one(void *data)
{
	(void)data;
	return (void *)(intptr_t)connections_next(connections);
}

static void a_stop_wakes_all_and_closes_what_would_be_kept(void **state)
{
	(void)state;
	enum { THREADS = 8 };
	pthread_t thread[THREADS];
	int client = ask();
	int connection = connections_next(connections);
	char byte;

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, wait_for_one, NULL), 0);
	connections_stop(connections);
	for (int i = 0; i < THREADS; i++) {
		void *got;
		assert_int_equal(pthread_join(thread[i], &got), 0);
		assert_int_equal((intptr_t)got, -1);
	}
	connections_keep(connections, connection);
	assert_int_equal(read(client, &byte, 1), 0);
	close(client);
}

/* A reload gives the socket's name to another one, and what waits on this one would never be answered. */
static void what_waits_at_the_stop_is_still_handed_out(void **state)
{
	(void)state;
	int first = ask(), second = ask();

	connections_stop(connections);
	for (int i = 0; i < 2; i++) {
		int connection = connections_next(connections);

		assert_true(connection >= 0);
		send_byte(i == 0 ? first : second, 'a' + (char)i);
		expect_byte(connection, 'a' + (char)i);
		connections_keep(connections, connection);
	}
	assert_int_equal(connections_next(connections), -1);
	close(first);
	close(second);
}

static void what_is_no_socket_is_refused(void **state)
{
	(void)state;
	struct connections *none;
	struct err err = {0};

	assert_true(connections_open(&none, -1, &err));
	assert_int_equal(err.code, ERR_INTERNAL);
}

/* nginx may go on sending, and is told that the answer has ended. */
static void what_lingers_is_read_until_it_is_closed(void **state)
{
	(void)state;
	int client = ask(), other = ask();
	char piece[4096] = "", end;

	connections_linger(connections, connections_next(connections));
	assert_int_equal(read(client, &end, 1), 0);
	for (int i = 0; i < 100; i++)
		assert_true(send(client, piece, sizeof(piece), MSG_NOSIGNAL | MSG_DONTWAIT) > 0 || errno == EAGAIN);
	int connection = connections_next(connections); /* reads what comes from the first one until it returns the second */
	send_byte(connection, 'b');
	expect_byte(other, 'b');
	connections_linger(connections, connection);
	close(client);
	close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_new_connection_is_handed_out_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_kept_connection_comes_back_with_its_next_request, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_kept_connection_that_was_closed_comes_back_to_be_closed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_stop_wakes_all_and_closes_what_would_be_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_waits_at_the_stop_is_still_handed_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_lingers_is_read_until_it_is_closed, set_up, tear_down),
		cmocka_unit_test(what_is_no_socket_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
